"""Reads single entries of a safetensors header: is this a tensor, and does its size add up?

>>> entry, faults = read_tensor("w", Pairs([("dtype", "F16"), ("shape", [2]), ("data_offsets", [0, 4])]))
>>> (entry.shape, faults)
((2,), [])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from scanner.tensorfiles.safetensors_layout import HeaderFault, TensorEntry, shown

# Bits per element. Source: the dtypes that safetensors 0.8.0 accepts (safetensors/src/tensor.rs, Dtype).
DTYPE_BITS: Final = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
FIELDS: Final = ("dtype", "shape", "data_offsets")  # in the order of the reference writer
U64_MAX: Final = 2**64 - 1


class Pairs(list[tuple[str, object]]):
    """A JSON object with every pair that was written, repeated keys included."""


def read_tensor(name: str, value: object) -> tuple[TensorEntry | None, list[HeaderFault]]:
    """The tensor that a header's `value` describes, or what is wrong with it."""
    place = f"tensor {shown(name)}"
    if not isinstance(value, Pairs):
        return None, [
            HeaderFault("ST-TENSOR", f"'{shown(name)}' is {kind(value)}; expected an object", place)
        ]
    faults = list(duplicates(value, place, place))
    fields = dict(value)
    wrong = sorted(fields.keys() ^ FIELDS)
    if wrong:
        message = f"'{shown(name)}' lacks or adds the fields {', '.join(map(shown, wrong))}"
        faults.append(HeaderFault("ST-TENSOR", message, place))
    if faults:
        return None, faults
    return read_fields(name, fields, place)


def read_fields(
    name: str, fields: Mapping[str, object], place: str
) -> tuple[TensorEntry | None, list[HeaderFault]]:
    """The tensor that all `FIELDS` describe, or what is wrong with them; `place` is for the faults."""
    dtype, shape, span = fields["dtype"], _shape(fields["shape"]), _span(fields["data_offsets"])
    bits = DTYPE_BITS.get(dtype) if isinstance(dtype, str) else None
    total_bits = None if shape is None else _bit_count(shape, bits or 8)
    faults: list[HeaderFault] = []
    if bits is None:
        message = f"'{shown(name)}' has the unknown dtype '{shown(str(dtype))}'"
        faults.append(HeaderFault("ST-TENSOR", message, place))
    if total_bits is None:
        message = f"'{shown(name)}' has a shape that is no list of sizes, or overflows 64 bits"
        faults.append(HeaderFault("ST-SHAPE", message, place))
    if span is None:
        message = f"'{shown(name)}' has data_offsets that are not [begin, end] with begin <= end"
        faults.append(HeaderFault("ST-OFFSET", message, place))
    if bits is None or shape is None or total_bits is None or span is None:
        return None, faults
    if total_bits % 8 or total_bits // 8 != span[1] - span[0]:
        message = (
            f"'{shown(name)}' has {span[1] - span[0]} bytes; its shape and dtype make {total_bits / 8:g}"
        )
        return None, [HeaderFault("ST-BYTES", message, place)]
    return TensorEntry(name, str(dtype), shape, *span), []


def _shape(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list) or isinstance(value, Pairs):
        return None
    if not all(type(size) is int and 0 <= size <= U64_MAX for size in value):
        return None
    return tuple(value)


def _bit_count(shape: tuple[int, ...], bits: int) -> int | None:
    """Bits of a tensor; None when a step of the product leaves 64 bits, as it would in the loader."""
    count = 1
    for size in shape:
        count *= size
        if count > U64_MAX:
            return None
    return count * bits if count * bits <= U64_MAX else None


def _span(offsets: object) -> tuple[int, int] | None:
    if not isinstance(offsets, list) or isinstance(offsets, Pairs) or len(offsets) != 2:
        return None
    begin, end = offsets
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end <= U64_MAX:
        return None
    return begin, end


def duplicates(pairs: Pairs, where: str, place: str = "") -> Iterator[HeaderFault]:
    """One fault for every key of `pairs` that was written before."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            named = place or f"tensor {shown(key)}"
            yield HeaderFault("ST-DUP", f"'{shown(key)}' is written twice in {where}; readers differ", named)
        seen.add(key)


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    return (
        "an object" if isinstance(value, Pairs) else "null" if value is None else f"a {type(value).__name__}"
    )
