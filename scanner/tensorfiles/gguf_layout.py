"""Whether the tensor list of a GGUF file fits its data: names, sizes, types, offsets, and nothing between.

>>> from scanner.tensorfiles.gguf_header import GgufTensor
>>> faults = layout_faults([GgufTensor("w", (32,), 0, 5)], alignment=32, data_bytes=160)
>>> [fault.code for fault in faults]
['GGUF-OFFSET']
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from scanner.tensorfiles.gguf_fault import GgufFault, shown
from scanner.tensorfiles.gguf_header import GgufHeader, GgufTensor

# Source: GGML_MAX_DIMS and GGML_MAX_NAME of ggml.h.
_DIMENSIONS_MAX: Final = 4
_NAME_BYTES_MAX: Final = 64
_I64_MAX: Final = 2**63 - 1
# Of each kind; a thousand say no more than that the header is no header.
_FAULTS_LIMIT: Final = 1000
DEFAULT_ALIGNMENT: Final = 32
_ALIGNMENT_KEY: Final = "general.alignment"


@dataclass(frozen=True)
class _Extent:
    """Where a tensor's data lies, in bytes from the start of the data."""

    name: str
    begin: int
    size_bytes: int


def header_faults(header: GgufHeader, size_bytes: int) -> list[GgufFault]:
    """Everything wrong with a header that could be read, of a file of `size_bytes`."""
    faults = [
        GgufFault(
            "GGUF-KEY", f"metadata key '{shown(key)}' is written twice; readers differ", f"key {shown(key)}"
        )
        for key in header.duplicate_keys
    ]
    faults.extend(
        GgufFault("GGUF-KEY", f"metadata key '{shown(key)}' is not a name", f"key {shown(key)}")
        for key in header.metadata
        if not key or not key.isprintable() or len(key) > 65535 or "\ufffd" in key
    )
    alignment = header.metadata.get(_ALIGNMENT_KEY, DEFAULT_ALIGNMENT)
    # llama.cpp stops at an alignment of another type than this.
    kind = header.value_types.get(_ALIGNMENT_KEY, "uint32")
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1) or kind != "uint32":
        message = f"the alignment is {shown(repr(alignment))} ({kind}); expected a power of two (uint32)"
        return [*faults, GgufFault("GGUF-ALIGN", message, f"key {_ALIGNMENT_KEY}")]
    start = _aligned(header.header_bytes, alignment)
    return faults + layout_faults(header.tensors, alignment, max(0, size_bytes - start))


def tensor_places(header: GgufHeader) -> Iterator[tuple[GgufTensor, int, int]]:
    """Every tensor of a header without faults, with its first byte in the file and the one after its last."""
    alignment = int(header.number(_ALIGNMENT_KEY) or DEFAULT_ALIGNMENT)
    start = _aligned(header.header_bytes, alignment)
    for tensor in header.tensors:
        extent, _ = _extent(tensor, alignment)
        if extent is not None:
            yield tensor, start + extent.begin, start + extent.begin + extent.size_bytes


def layout_faults(tensors: Sequence[GgufTensor], alignment: int, data_bytes: int) -> list[GgufFault]:
    """Everything wrong with a tensor list.

    Args:
        tensors: In the order of the file.
        alignment: Of the file, in bytes.
        data_bytes: Bytes between the start of the data and the end of the file.
    """
    faults = list(islice(_name_faults(tensors), _FAULTS_LIMIT))
    extents: list[_Extent] = []
    for tensor in tensors:
        extent, fault = _extent(tensor, alignment)
        faults.extend(() if fault is None else (fault,))
        extents.extend(() if extent is None else (extent,))
    if len(extents) == len(tensors):  # without every size there is no telling what lies between
        faults.extend(islice(_place_faults(extents, alignment, data_bytes), _FAULTS_LIMIT))
    return faults


def _name_faults(tensors: Sequence[GgufTensor]) -> Iterator[GgufFault]:
    seen: set[str] = set()
    for number, tensor in enumerate(tensors):
        place = f"tensor {number}"
        if tensor.name in seen:
            message = f"'{shown(tensor.name)}' is written twice; loaders take either"
            yield GgufFault("GGUF-DUP", message, f"tensor {shown(tensor.name)}")
        seen.add(tensor.name)
        size = len(tensor.name.encode("utf-8", "replace"))
        if not tensor.name or size >= _NAME_BYTES_MAX:
            message = f"the tensor's name has {size} bytes; expected 1 to {_NAME_BYTES_MAX - 1}"
            yield GgufFault("GGUF-NAME", message, place)
        elif not tensor.name.isprintable() or "\ufffd" in tensor.name:
            yield GgufFault("GGUF-NAME", "the tensor's name is not printable UTF-8", place)


def _extent(tensor: GgufTensor, alignment: int) -> tuple[_Extent | None, GgufFault | None]:
    name, place = shown(tensor.name), f"tensor {shown(tensor.name)}"
    block = _block_of(tensor.type_id)
    if block is None:
        return None, GgufFault("GGUF-TYPE", f"'{name}' has the unknown type {tensor.type_id}", place)
    if not 1 <= len(tensor.shape) <= _DIMENSIONS_MAX:
        message = f"'{name}' has {len(tensor.shape)} dimensions; expected 1 to {_DIMENSIONS_MAX}"
        return None, GgufFault("GGUF-DIMS", message, place)
    if 0 in tensor.shape:  # loaders divide by it
        return None, GgufFault("GGUF-DIMS", f"'{name}' has a dimension of no elements", place)
    elements, block_bytes = block
    size_bytes = math.prod(tensor.shape) // elements * block_bytes
    if any(size > _I64_MAX for size in tensor.shape) or max(math.prod(tensor.shape), size_bytes) > _I64_MAX:
        return None, GgufFault("GGUF-DIMS", f"'{name}' has more elements than 63 bits can count", place)
    if tensor.shape[0] % elements:
        message = f"'{name}' has rows of {tensor.shape[0]}, not a multiple of its block of {elements}"
        return None, GgufFault("GGUF-DIMS", message, place)
    if tensor.offset % alignment:
        message = f"'{name}' begins at byte {tensor.offset}, not a multiple of {alignment}"
        return None, GgufFault("GGUF-OFFSET", message, place)
    return _Extent(tensor.name, tensor.offset, size_bytes), None


def _place_faults(extents: Sequence[_Extent], alignment: int, data_bytes: int) -> Iterator[GgufFault]:
    at = end = 0
    for extent in sorted(extents, key=lambda extent: (extent.begin, extent.size_bytes)):
        name, place = shown(extent.name), f"tensor {shown(extent.name)}"
        if extent.begin != at:
            what = "overlaps what lies before it" if extent.begin < at else "leaves a hole before it"
            message = f"'{name}' begins at byte {extent.begin} and {what}; expected {at}"
            yield GgufFault("GGUF-LAYOUT", message, place)
        end = max(end, extent.begin + extent.size_bytes)
        at = _aligned(end, alignment)
        if extent.begin + extent.size_bytes > data_bytes:
            message = (
                f"'{name}' ends at byte {extent.begin + extent.size_bytes} of {data_bytes}: it is cut off"
            )
            yield GgufFault("GGUF-TRUNCATED", message, place)
    if data_bytes > at:
        message = f"{data_bytes - at} bytes follow the last tensor"
        yield GgufFault("GGUF-TRAIL", message, f"byte {at} of the data")


def _aligned(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment


@functools.lru_cache(maxsize=256)
def _block_of(type_id: int) -> tuple[int, int] | None:
    """(elements, bytes) of one block of a ggml type; None for a number that is no type."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        elements, size_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(type_id)]
    except (ValueError, KeyError):
        return None
    return int(elements), int(size_bytes)
