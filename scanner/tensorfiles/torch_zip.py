"""Where the tensors of a file written by `torch.save` lie: a zip of one pickle and the tensors' bytes.

The pickle says which tensor is which part of which entry. It is read with the stand-ins of `scanner.pickles`:
nothing is imported or built. A file is mapped only if every stored byte run is named by some tensor in tables
of tables, so that nothing which a loader would use stays out.

Source: torch 2.13, torch/serialization.py (`_save`, `persistent_load`) and torch/_utils.py
(`_rebuild_tensor_v2`, `_rebuild_tensor_v3`, `_rebuild_parameter`); APPNOTE.TXT 6.3.10, section 4.3.7.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeGuard, cast

from scanner.pickles.instructions import run
from scanner.pickles.machine import Machine
from scanner.pickles.stand_ins import Made, Stored
from scanner.pickles.stream import UNPACKING_ERRORS, BrokenPickleError, ByteStream, GlobalUse
from scanner.tensorfiles.extent import TENSORS_LIMIT, TensorExtent, UnmappedError
from scanner.tensorfiles.safetensors_entries import DTYPE_BITS
from scanner.tensorfiles.safetensors_layout import shown

# 100 000 tensors make a directory of 6 MB and a pickle of 14 MB, which take 250 MB of memory to read.
_READ_LIMIT_BYTES: Final = 16 * 1024**2
# So many tensors need 1.4 million entries of the memo and 4 million instructions.
_ROOM: Final = 2_000_000
_PATIENCE: Final = 6_000_000
_PICKLE: Final = "data.pkl"
_LOCAL_HEADER_BYTES: Final = 30
_ENCRYPTED: Final = 1
_DEPTH_LIMIT: Final = 8
# Source: torch 2.13, ATen/WrapDimUtilsMulti.h: dim_bitset_size.
_DIMENSIONS_LIMIT: Final = 64
_STORAGES: Final[Mapping[str, str]] = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL", "ComplexFloatStorage": "C64",
}  # fmt: skip
# Types without a storage class of their own, which torch writes by their name.
_DTYPES: Final[Mapping[str, str]] = {
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip
_TABLES: Final = frozenset({"collections.OrderedDict", "collections.defaultdict"})


@dataclass(frozen=True, slots=True)
class _Run:
    """The bytes of one storage in the file."""

    begin: int
    size_bytes: int


class _BoundedReads(io.FileIO):
    """A file that refuses to be read in greater pieces: `zipfile` reads a directory in one."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _READ_LIMIT_BYTES:
            raise UnmappedError(f"its directory is longer than {_READ_LIMIT_BYTES} bytes")
        return super().read(-1 if size is None else size) or b""


def torch_extents(path: Path) -> tuple[TensorExtent, ...]:
    """The tensors of the zip archive at `path`, named by their keys joined with dots.

    Raises:
        UnmappedError: when the archive is not as torch writes it, or a tensor is not one plain run of bytes.
        OSError: when it cannot be read.
    """
    with _BoundedReads(path) as stream:
        try:
            with zipfile.ZipFile(cast(BinaryIO, stream)) as archive:
                prefix, content = _pickle(archive)
                runs = dict(_runs(archive, stream, f"{prefix}data/"))
        except (*UNPACKING_ERRORS, ValueError, RuntimeError) as error:  # the last for encrypted entries
            raise UnmappedError(f"its zip archive cannot be read ({error})") from error
    machine = Machine(ByteStream(io.BytesIO(content)), keeps_tables=True, room=_ROOM, patience=_PATIENCE)
    try:
        value = run(machine)
    except BrokenPickleError as error:
        raise UnmappedError(f"its pickle is broken ({error})") from error
    used: set[str] = set()
    extents = tuple(_extent(name, tensor, runs, used) for name, tensor in _tensors(value))
    if unused := len(runs.keys() - used):
        raise UnmappedError(f"{unused} of {len(runs)} stored runs of bytes belong to no tensor in a table")
    return extents


def _pickle(archive: zipfile.ZipFile) -> tuple[str, bytes]:
    """The folder of the archive that holds everything, and the pickle in it."""
    names = archive.namelist()
    if len(set(names)) != len(names):
        raise UnmappedError("its zip archive holds two entries of one name")
    found = [name for name in names if name.count("/") == 1 and name.endswith(f"/{_PICKLE}")]
    if len(found) != 1:
        raise UnmappedError(f"its zip archive holds {len(found)} entries */{_PICKLE}; expected 1")
    prefix = found[0].removesuffix(_PICKLE)
    order = f"{prefix}byteorder"
    if order in names and _content(archive, order) != b"little":
        raise UnmappedError("its numbers are not little-endian")
    return prefix, _content(archive, found[0])


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if max(info.file_size, info.compress_size) > _READ_LIMIT_BYTES:
        raise UnmappedError(f"its entry {shown(name)} is longer than {_READ_LIMIT_BYTES} bytes")
    with archive.open(info) as entry:
        # Without a number it would unpack everything, and then cut it down to the size that is claimed.
        return entry.read(_READ_LIMIT_BYTES)


def _runs(archive: zipfile.ZipFile, stream: io.FileIO, folder: str) -> Iterator[tuple[str, _Run]]:
    for info in archive.infolist():
        if not info.filename.startswith(folder):
            continue
        is_plain = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
        if not is_plain or info.flag_bits & _ENCRYPTED:
            raise UnmappedError(f"its entry {shown(info.filename)} is compressed or encrypted")
        stream.seek(info.header_offset)
        head = stream.read(_LOCAL_HEADER_BYTES)
        if len(head) < _LOCAL_HEADER_BYTES or not head.startswith(b"PK\x03\x04"):
            raise UnmappedError(f"its entry {shown(info.filename)} is not where the directory says")
        names_bytes = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        begin = info.header_offset + _LOCAL_HEADER_BYTES + names_bytes
        if begin + info.file_size > archive.start_dir:
            raise UnmappedError(f"its entry {shown(info.filename)} reaches into the directory")
        yield info.filename.removeprefix(folder), _Run(begin, info.file_size)


def _tensors(value: object) -> Iterator[tuple[str, Made]]:
    """Every tensor in tables of tables, with its keys joined by dots."""
    seen: set[int] = set()
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    count = 0
    while waiting:
        name, value, depth = waiting.pop()
        if (tensor := _as_tensor(value)) is not None:
            count += 1
            if count > TENSORS_LIMIT:
                raise UnmappedError(f"it holds more than {TENSORS_LIMIT} tensors")
            yield name, tensor
        elif (table := _as_table(value)) is not None and id(table) not in seen and depth < _DEPTH_LIMIT:
            seen.add(id(table))
            waiting += [
                (f"{name}.{key}" if name else str(key), inner, depth + 1) for key, inner in table.items()
            ]


def _as_table(value: object) -> Mapping[object, object] | None:
    if isinstance(value, Made) and value.maker is not None and value.maker.path in _TABLES:
        return value.items
    return value if isinstance(value, dict) else None


def _as_tensor(value: object) -> Made | None:
    if not isinstance(value, Made) or value.maker is None:
        return None
    if value.maker.path == "torch._utils._rebuild_parameter" and value.args:
        return _as_tensor(value.args[0])
    return value if value.maker.path.startswith("torch._utils._rebuild_") else None


def _extent(name: str, tensor: Made, runs: Mapping[str, _Run], used: set[str]) -> TensorExtent:
    maker = tensor.maker.path.rpartition("_")[2] if tensor.maker else ""
    # v2: storage, offset, size, stride, requires_grad, hooks[, metadata]; v3: ..., hooks, dtype[, metadata].
    count = {"v2": 6, "v3": 7}.get(maker)
    if count is None or len(tensor.args) != count:
        raise UnmappedError(f"'{shown(name)}' is not a plain tensor")
    storage, offset, shape, stride = tensor.args[:4]
    key, dtype = _storage(name, storage, tensor.args[6] if maker == "v3" else None)
    if key not in runs:
        raise UnmappedError(f"'{shown(name)}' lies in the entry {shown(key)}, which is not there")
    if not _are_sizes(shape) or not _are_sizes(stride) or not _is_size(offset):
        raise UnmappedError(f"'{shown(name)}' has a shape, stride or offset that is no size")
    if not _is_contiguous(shape, stride):
        raise UnmappedError(f"'{shown(name)}' is not contiguous")
    width = DTYPE_BITS[dtype] // 8
    size_bytes = math.prod(shape) * width
    if offset * width + size_bytes > runs[key].size_bytes:
        raise UnmappedError(f"'{shown(name)}' reaches beyond its {runs[key].size_bytes} stored bytes")
    used.add(key)
    begin = runs[key].begin + offset * width
    return TensorExtent(name, dtype, shape, begin, begin + size_bytes)


def _storage(name: str, storage: object, dtype: object) -> tuple[str, str]:
    """The entry that a storage is, and the number format of the tensor in it."""
    parts = storage.key if isinstance(storage, Stored) and isinstance(storage.key, tuple) else ()
    if len(parts) == 5 and parts[0] == "storage" and isinstance(parts[1], GlobalUse):
        known = _DTYPES if isinstance(dtype, GlobalUse) else _STORAGES
        kind = dtype if isinstance(dtype, GlobalUse) else parts[1]
        if isinstance(parts[2], str) and kind.module == "torch" and kind.name in known:
            return parts[2], known[kind.name]
        raise UnmappedError(f"'{shown(name)}' has the number format {shown(kind.path)}")
    raise UnmappedError(f"'{shown(name)}' lies in a storage that is not described as usual")


def _are_sizes(value: object) -> TypeGuard[tuple[int, ...]]:
    """Whether this is a shape or stride that torch could have; a product of others takes hours."""
    return isinstance(value, tuple) and len(value) <= _DIMENSIONS_LIMIT and all(map(_is_size, value))


def _is_size(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63


def _is_contiguous(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether elements follow each other as in C; strides of dimensions with one element mean nothing."""
    steps = [math.prod(shape[index + 1 :]) for index in range(len(shape))]
    is_empty = 0 in shape
    return len(shape) == len(stride) and all(
        size == 1 or is_empty or own == step for size, own, step in zip(shape, stride, steps, strict=True)
    )
