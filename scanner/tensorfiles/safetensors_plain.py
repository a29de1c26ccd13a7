"""Reads a safetensors header that is written as plainly as the reference writer does, several times as fast.

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

from scanner.tensorfiles.safetensors_entries import DTYPE_BITS
from scanner.tensorfiles.safetensors_layout import TensorEntry

METADATA: Final = "__metadata__"
_FIELDS: Final = ("dtype", "shape", "data_offsets")
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
    if tuple(fields) != _FIELDS:
        return None
    dtype, shape, span = fields.values()
    bits = DTYPE_BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None or isinstance(shape, str) or isinstance(span, str) or len(span) != 2:
        return None
    begin, end = span
    size_bits = math.prod(shape) * bits
    # Sizes whose product leaves 64 bits on the way are for the strict reader.
    is_sound = 0 <= begin <= end and size_bits == 8 * (end - begin) and (size_bits > 0 or 0 in shape)
    if not is_sound or min(shape, default=0) < 0 or size_bits >= 2**63 or (0 in shape and max(shape) > 2**32):
        return None
    return TensorEntry(name, str(dtype), tuple(shape), begin, end)
