"""Where every tensor of a file lies, whatever the container: safetensors, GGUF, or the zip that torch writes.

Only files that every reader must read alike are mapped: what is ambiguous or malformed is refused, and the
reason told.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
>>> header = b'{"w": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}'
>>> _ = path.write_bytes(len(header).to_bytes(8, "little") + header + b"ab")
>>> [(tensor.name, tensor.begin, tensor.end) for tensor in map_tensors(path, path.name) or ()]
[('w', 68, 70)]
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from scanner.manifest import is_weight_file
from scanner.tensorfiles.extent import TENSORS_LIMIT, TensorExtent, UnmappedError, require_apart
from scanner.tensorfiles.gguf_header import MAGIC, GgufError, read_gguf_header
from scanner.tensorfiles.gguf_layout import header_faults, tensor_places
from scanner.tensorfiles.safetensors_header import read_safetensors

_SAFETENSORS_LENGTH_BYTES: Final = 8
# 130 000 tensors. Reading JSON as strictly as a judge takes about ten times its length in memory.
_SAFETENSORS_HEADER_LIMIT_BYTES: Final = 16 * 1024**2
# What such a header has of ':' (4 a tensor) and of '[' and '{' (3 a tensor). One that is made of nothing else
# takes gigabytes to read.
_COLONS_LIMIT: Final = 600_000
_BRACKETS_LIMIT: Final = 450_000
# Gemma 3, the largest vocabulary in common use, has a header of 15 MB.
_GGUF_HEADER_LIMIT_BYTES: Final = 64 * 1024**2
_TORCH_SUFFIXES: Final = frozenset({".bin", ".pt", ".pth", ".ckpt"})
_GGUF_VERSIONS: Final = tuple(version.to_bytes(4, "little") for version in (1, 2, 3))
_ZIP_START: Final = b"PK\x03\x04"


def map_tensors(path: Path, name: str) -> tuple[TensorExtent, ...] | None:
    """The tensors of the file at `path`, which the model calls `name`; None when it holds no weights.

    Raises:
        UnmappedError: when it holds weights whose places nobody can be sure of.
        OSError: when it cannot be read.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if not path.is_file():  # a named pipe would wait for ever
        return None
    with path.open("rb") as stream:
        head = stream.read(16)
    is_gguf = head.startswith(MAGIC) and (is_weight_file(name) or head[4:8] in _GGUF_VERSIONS)
    if is_gguf:  # under any name: some stores call files by their digest
        extents = _of_gguf(path, head)
    elif not is_weight_file(name):
        return None
    elif suffix == ".safetensors":
        extents = _of_safetensors(path, head)
    elif suffix in _TORCH_SUFFIXES and head.startswith(_ZIP_START):
        from scanner.tensorfiles.torch_zip import torch_extents  # a machine for pickles

        extents = torch_extents(path)
    elif suffix in _TORCH_SUFFIXES:
        raise UnmappedError("it is not the zip archive that torch has written since 1.6")
    else:
        raise UnmappedError(f"the tensors of {suffix} files are not told apart")
    require_apart(extents)
    return extents


def _of_safetensors(path: Path, head: bytes) -> tuple[TensorExtent, ...]:
    length = int.from_bytes(head[:_SAFETENSORS_LENGTH_BYTES], "little")
    if _SAFETENSORS_HEADER_LIMIT_BYTES < length <= path.stat().st_size:
        raise UnmappedError(f"its header of {length} bytes is longer than {_SAFETENSORS_HEADER_LIMIT_BYTES}")
    _require_few_values(path, length)
    reading = read_safetensors(path)
    if reading.faults:
        raise UnmappedError(f"it is malformed ({reading.faults[0].code}: {reading.faults[0].message})")
    start = _SAFETENSORS_LENGTH_BYTES + length
    return tuple(
        TensorExtent(each.name, each.dtype, each.shape, start + each.begin, start + each.end)
        for each in reading.tensors
    )


def _require_few_values(path: Path, length: int) -> None:
    with path.open("rb") as stream:
        stream.seek(_SAFETENSORS_LENGTH_BYTES)
        header = stream.read(min(length, _SAFETENSORS_HEADER_LIMIT_BYTES))
    brackets = header.count(b"[") + header.count(b"{")
    if header.count(b":") > _COLONS_LIMIT or brackets > _BRACKETS_LIMIT:
        raise UnmappedError("its header holds more values than any list of tensors")


def _of_gguf(path: Path, head: bytes) -> tuple[TensorExtent, ...]:
    from gguf.constants import GGMLQuantizationType

    claimed = int.from_bytes(head[8:12] if head[4:8] == _GGUF_VERSIONS[0] else head[8:16], "little")
    if head[4:8] in _GGUF_VERSIONS and claimed > TENSORS_LIMIT:
        raise UnmappedError(f"it claims {claimed} tensors, more than {TENSORS_LIMIT}")
    try:
        header = read_gguf_header(path, limit_bytes=_GGUF_HEADER_LIMIT_BYTES)
    except GgufError as error:
        raise UnmappedError(f"its header cannot be believed ({error})") from error
    if header.byte_order != "little":
        raise UnmappedError("its numbers are big-endian")
    if faults := header_faults(header, path.stat().st_size):
        raise UnmappedError(f"it is malformed ({faults[0].code}: {faults[0].message})")
    return tuple(
        # ggml writes the innermost dimension first.
        TensorExtent(each.name, GGMLQuantizationType(each.type_id).name, each.shape[::-1], begin, end)
        for each, begin, end in tensor_places(header)
    )
