"""How many numbers each tensor of a model holds, read from the heads of its weight files alone.

>>> Tensor("model.layers.0.mlp.experts.3.up_proj.weight", 1024).is_routed_expert
True
>>> Tensor("model.layers.0.mlp.shared_experts.up_proj.weight", 1024).is_routed_expert
False
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.errors import ScanError
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import GgufError, ModelFileError, gguf_header_of, read_json, safetensors_header_of
from scanner.tensorfiles.shard_names import without_numbers

_INDEX: Final = "model.safetensors.index.json"
_INDEX_LIMIT_BYTES: Final = 64 * 1024**2
_EXPERT: Final = re.compile(r"(?:^|\.)experts\.|_exps\.")
_EMBEDDING: Final = re.compile(
    r"(?:^|\.)(?:embed_tokens|token_embd|wte|word_embeddings|tok_embeddings|embed_in)\.weight$"
)
_OUTPUT: Final = re.compile(r"^(?:.*\.)?(?:lm_head|output|embed_out)\.weight$")
# What quantisers store beside the weights: scales, zero points, look-up tables. None is a parameter.
_BESIDE: Final = (
    "scale",
    "scales",
    "scale_inv",
    "qzeros",
    "g_idx",
    "absmax",
    "quant_map",
    "zero_point",
    "weight_shape",
)
_BESIDE_PART: Final = "quant_state"
# Parts that are no model of their own: adapters, image projectors, draft heads, importance matrices.
_PART_ONLY: Final = re.compile(r"(?:^|/)(?:adapter_|optimizer|training_)|mmproj|imatrix", re.IGNORECASE)
# Types into which quantisers pack several numbers.
_PACKING_BITS: Final = {"I32": 32, "U32": 32, "U8": 8, "I8": 8}
# Integer buffers (position ids and the like) are smaller than any packed weight worth counting.
_MAX_BUFFER: Final = 100_000


class TensorShapesError(ScanError):
    """The tensor shapes cannot be read, or the numbers in them are packed in an unknown way."""


class Tensor(msgspec.Struct, frozen=True, gc=False):
    """One tensor: its name and how many numbers it holds, packed ones unpacked."""

    name: str
    count: int

    @property
    def is_routed_expert(self) -> bool:
        """Whether it belongs to experts of which each token uses only some."""
        return _EXPERT.search(self.name) is not None

    @property
    def is_input_embedding(self) -> bool:
        """Whether it is the table of token embeddings."""
        return _EMBEDDING.search(self.name) is not None

    @property
    def is_output_head(self) -> bool:
        """Whether it maps hidden states to token scores."""
        return _OUTPUT.match(self.name) is not None


@dataclass(frozen=True)
class TensorList:
    """The tensors of one copy of the model, and the files they were read from."""

    tensors: tuple[Tensor, ...]
    paths: tuple[str, ...]


def tensor_list(snapshot: Snapshot, config: Mapping[str, object]) -> TensorList | None:
    """The tensors of the model, once each; None when no safetensors or GGUF file holds a whole model.

    Raises:
        TensorShapesError: when a head is broken or its numbers are packed in an unknown way.
    """
    files = _safetensors_files(snapshot)
    if files:
        read = [tensor for entry in files for tensor in _safetensors(snapshot, entry, config)]
    else:
        files = _gguf_files(snapshot)
        read = [tensor for entry in files for tensor in _gguf(snapshot, entry)]
    if not files:
        return None
    unique = {tensor.name: tensor for tensor in read}
    return TensorList(tuple(unique.values()), tuple(entry.path for entry in files))


def _safetensors_files(snapshot: Snapshot) -> list[FileEntry]:
    """The files of one copy: those the index names, else those of the first naming pattern at the top."""
    entries = list(_whole(snapshot.with_suffix(".safetensors")))
    if snapshot.find(_INDEX) is not None:
        named = _indexed(snapshot)
        absent = sorted(named - {entry.path for entry in entries})
        if absent:
            raise TensorShapesError(f"{_INDEX} names {absent[0][:80]}, which is not there")
        return [entry for entry in entries if entry.path in named]
    return _first_pattern(sorted(entries, key=lambda entry: not entry.path.startswith("model")))


def _gguf_files(snapshot: Snapshot) -> list[FileEntry]:
    return _first_pattern(list(_whole(snapshot.with_suffix(".gguf"))))


def _whole(entries: Iterator[FileEntry]) -> Iterator[FileEntry]:
    return (entry for entry in entries if not _PART_ONLY.search(entry.path))


def _first_pattern(entries: Sequence[FileEntry]) -> list[FileEntry]:
    """The shards of the first file. Other files beside it are the same weights, packed otherwise."""
    if not entries:
        return []
    folders = sorted(entries, key=lambda entry: entry.path.count("/"))
    pattern = without_numbers(folders[0].path)
    return [entry for entry in entries if without_numbers(entry.path) == pattern]


def _indexed(snapshot: Snapshot) -> frozenset[str]:
    try:
        index = read_json(snapshot, _INDEX, _INDEX_LIMIT_BYTES)
    except ModelFileError as error:
        raise TensorShapesError(str(error)) from error
    names = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(names, dict):
        raise TensorShapesError(f"{_INDEX}: no weight_map")
    return frozenset(name for name in names.values() if isinstance(name, str))


def _safetensors(snapshot: Snapshot, entry: FileEntry, config: Mapping[str, object]) -> Iterator[Tensor]:
    try:
        reading = safetensors_header_of(snapshot, entry)
    except OSError as error:
        raise TensorShapesError(f"{entry.path}: {error.strerror or error}") from error
    if reading.faults:
        raise TensorShapesError(f"{entry.path}: the header is malformed ({reading.faults[0].message})")
    bits = _packed_bits(config)
    for tensor in reading.tensors:
        if not tensor.name.endswith(_BESIDE) and _BESIDE_PART not in tensor.name:
            count = math.prod(tensor.shape)
            per_element = _numbers_per_element(tensor.dtype, count, bits)
            if per_element is None:
                raise TensorShapesError(
                    f"{entry.path}, {tensor.name[:80]}: holds {tensor.dtype}, and config.json does not say "
                    "how it is packed"
                )
            yield Tensor(tensor.name, count * per_element)


def _packed_bits(config: Mapping[str, object]) -> int | None:
    """Bits per number when the config says that several are packed into one element."""
    described = config.get("quantization_config")
    if not isinstance(described, dict):
        return None
    if described.get("quant_method") == "mxfp4" or described.get("load_in_4bit") is True:
        return 4
    bits = described.get("bits")
    return bits if isinstance(bits, int) and bits in (2, 3, 4, 8) else None


def _numbers_per_element(dtype: str, count: int, bits: int | None) -> int | None:
    """How many parameters one stored element holds; None when nobody says."""
    width = _PACKING_BITS.get(dtype)
    if width is None or (dtype == "I8" and bits in (None, 8)):
        return 1
    if bits is None and count > _MAX_BUFFER:
        return None
    return max(1, width // bits) if bits else 1


def _gguf(snapshot: Snapshot, entry: FileEntry) -> Iterator[Tensor]:
    try:
        header = gguf_header_of(snapshot, entry)
    except (GgufError, OSError) as error:
        raise TensorShapesError(str(error)) from error
    for tensor in header.tensors:
        # NOTE: rope_freqs and the like are constants that llama.cpp stores as tensors.
        if not tensor.name.startswith("rope_"):
            yield Tensor(tensor.name, tensor.element_count)
