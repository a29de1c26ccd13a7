"""Reads a safetensors header that is written as plainly as the reference writer does, in half the time.

Whatever is written in any other way is left to the strict reader, which also says what is wrong with it.

>>> header = b'{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}  '
>>> [tensor.name for tensor in read_plainly(header).tensors]
['w']
>>> read_plainly(header.replace(b"2", b"2.0")) is None
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.tensorfiles.safetensors_entries import DTYPE_BITS, FIELDS, U64_MAX, read_fields
from scanner.tensorfiles.safetensors_layout import TensorEntry

METADATA: Final = "__metadata__"
_DIMENSIONS: Final = 8
_NAMES: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DECODER: Final = msgspec.json.Decoder(dict[str, dict[str, str | list[int]]])


@dataclass(frozen=True)
class PlainHeader:
    """A header of which every key, field and size is as it should be; how tensors lie is not looked at."""

    tensors: tuple[TensorEntry, ...]
    metadata: Mapping[str, str]


def read_plainly(header: bytes) -> PlainHeader | None:
    """The header when nothing in it needs a closer look, else None."""
    if not (header.startswith(b"{") and header.isascii() and header.decode("ascii").isprintable()):
        return None
    try:
        described = _DECODER.decode(header)
        # Written again it is the same text, but for spaces: so no key stands twice or under another
        # spelling, and no number is written in a way that another reader might take for another one.
        is_plain = msgspec.json.encode(described) == msgspec.json.format(header, indent=-1)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not is_plain:
        return None
    metadata = described.pop(METADATA, {})
    tensors = [_tensor(name, fields) for name, fields in described.items()]
    texts = {key: text for key, text in metadata.items() if isinstance(text, str)}
    if None in tensors or len(texts) < len(metadata):
        return None
    return PlainHeader(tuple(tensor for tensor in tensors if tensor is not None), texts)


def names_at_a_glance(header: bytes) -> frozenset[str] | None:
    """The keys of all tensors of any header that is JSON, whatever is wrong with them; None of another."""
    try:
        return frozenset(_NAMES.decode(header)) - {METADATA}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _tensor(name: str, fields: Mapping[str, str | list[int]]) -> TensorEntry | None:
    if tuple(fields) != FIELDS:
        return None
    # What is wrong with the others is for the strict reader to say.
    return _ordinary(name, *fields.values()) or read_fields(name, fields, "")[0]


def _ordinary(
    name: str, dtype: str | list[int], shape: str | list[int], span: str | list[int]
) -> TensorEntry | None:
    """A tensor of few dimensions, none of them 0, whose sizes add up, at once; None for any other."""
    if isinstance(dtype, list) or isinstance(shape, str) or isinstance(span, str):
        return None
    if len(span) != 2 or len(shape) > _DIMENSIONS or min(shape, default=1) < 1:
        return None
    begin, end = span
    bits = math.prod(shape) * DTYPE_BITS.get(dtype, 0)
    # No size is 0, so that no step of the product is larger than the whole.
    if begin < 0 or end > U64_MAX or not 0 < bits == (end - begin) * 8 <= U64_MAX:
        return None
    return TensorEntry(name, dtype, tuple(shape), begin, end)
