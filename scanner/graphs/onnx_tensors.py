"""Holds each tensor of an ONNX model against its own numbers: dimensions, type, and bytes.

Source: onnx 1.23.2, onnx/onnx.proto (TensorProto) and docs/ExternalData.md; GHSA-538c-55jv-c5g9 (keys of
external data).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from scanner.graphs.fault import GraphFault, hidden, malformed
from scanner.graphs.paths import is_unseen, shown
from scanner.graphs.wire import LENGTH, Field, Wire
from scanner.parts import PartlyReadError

_KNOWN: Final = frozenset({*range(1, 15), 16})
_STRING: Final = 8
# Bits of an element by type; those that are left out are not counted (strings, and formats of six bits).
_BITS: Final = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128,
    16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
_TYPES: Final = frozenset(range(1, 29))
# Fields that hold values one by one, and the types of which an element is two of them.
_VALUES: Final = frozenset({4, 5, 6, 7, 10, 11})
_COMPLEX: Final = frozenset({14, 15})
_MOST_DIMENSIONS: Final = 64
_MOST_ENTRIES: Final = 64
_PLACE_KEYS: Final = frozenset({"location", "basepath", "offset", "length"})
_UNKNOWN_BYTES: Final = 1024
_DOCUMENTED_BYTES: Final = 1024**2
_CHUNK_BYTES: Final = 1024**2
_ENDS: Final = bytes(range(0x80, 0x100))


@dataclass
class Tensor:
    """What a TensorProto says of itself.

    Attributes:
        name: Its name, "" for constants of operators.
        dimensions: As written.
        kind: Number of its element type.
        raw_bytes: Length of its raw data; None when it has none.
        values: How many values are written one by one; None when they were not read.
        is_external: Whether its data lies in another file.
        external: Keys and values that say where.
        later: The last of each of them that tells the place, where there are more than are kept.
        is_segment: Whether it is a part of a tensor.
    """

    name: str = ""
    dimensions: list[int] = field(default_factory=list)
    kind: int = 0
    raw_bytes: int | None = None
    values: int | None = 0
    is_external: bool = False
    external: list[tuple[str, str]] = field(default_factory=list)
    later: dict[str, str] = field(default_factory=dict)
    is_segment: bool = False

    @property
    def places(self) -> list[tuple[str, str]]:
        """All keys and values that say where its data lies, in order."""
        return [*self.external, *self.later.items()]

    def add_place(self, key: str, value: str) -> None:
        """Keeps what tells a place; of too many entries the last of each key, which readers take."""
        if len(self.external) < _MOST_ENTRIES:
            self.external.append((key, value))
        elif key in _PLACE_KEYS:
            self.later[key] = value

    @property
    def elements(self) -> int:
        """The product of its dimensions."""
        product = 1
        for each in self.dimensions:
            product *= each
        return product

    @property
    def expected_bytes(self) -> int | None:
        """How many bytes its elements take; None for types without a fixed length."""
        bits = _BITS.get(self.kind)
        return None if bits is None else (self.elements * bits + 7) // 8


def read_tensor(wire: Wire, message: Field) -> tuple[Tensor, list[GraphFault]]:
    """The tensor of a message of type TensorProto, and what is wrong with its fields.

    Raises:
        WireError: when it is no message.
        PartlyReadError: when it was not read far enough.
    """
    tensor, faults = Tensor(), []
    unknown = 0
    for each in wire.inside(message):
        if each.number not in _KNOWN:
            unknown += each.size
        elif each.number in _VALUES:
            _add_values(wire, each, tensor)
        elif each.number == 12 and each.size > _DOCUMENTED_BYTES:
            faults.append(hidden(f"{each.size} bytes stand in its description", f"byte {each.begin}"))
        else:
            _take(wire, each, tensor)
    if unknown > _UNKNOWN_BYTES:
        where = f"tensor {shown(tensor.name)}"
        faults.append(hidden(f"{unknown} bytes stand in fields that TensorProto does not have", where))
    return tensor, faults


def tensor_faults(tensor: Tensor) -> Iterator[GraphFault]:
    """What is wrong with a tensor by itself."""
    where = f"tensor {shown(tensor.name)}"
    if is_unseen(tensor.name):
        yield malformed("its name holds control or invisible characters", where)
    if tensor.kind not in _TYPES:
        yield malformed(f"its element type is {tensor.kind}, which ONNX does not have", where)
        return
    if any(each < 0 for each in tensor.dimensions) or len(tensor.dimensions) > _MOST_DIMENSIONS:
        yield malformed(f"its dimensions are {tensor.dimensions[:8]}; expected numbers from 0 on", where)
        return
    if tensor.elements >= 2**63:
        yield malformed(f"the product of its dimensions {tensor.dimensions[:8]} does not fit 63 bits", where)
        return
    if not tensor.is_external and not tensor.is_segment:
        yield from _data_faults(tensor, where)


def _data_faults(tensor: Tensor, where: str) -> Iterator[GraphFault]:
    expected = tensor.expected_bytes
    if tensor.raw_bytes is not None:
        if tensor.kind == _STRING:
            yield malformed("it holds strings as raw data", where)
        elif expected is not None and tensor.raw_bytes != expected:
            yield malformed(
                f"it holds {tensor.raw_bytes} bytes; its dimensions and type take {expected}", where
            )
        return
    bits = _BITS.get(tensor.kind, 0)
    wanted = tensor.elements * (2 if tensor.kind in _COMPLEX else 1)
    is_counted = bits >= 8 or tensor.kind == _STRING
    if is_counted and tensor.values is not None and tensor.values != wanted:
        yield malformed(f"it holds {tensor.values} values; its dimensions take {wanted}", where)


def _take(wire: Wire, each: Field, tensor: Tensor) -> None:
    if each.number == 1:
        for number in wire.numbers(each):
            if len(tensor.dimensions) <= _MOST_DIMENSIONS:
                tensor.dimensions.append(number)
    elif each.number == 2:
        tensor.kind = each.value
    elif each.number == 3:
        tensor.is_segment = True
    elif each.number == 8:
        tensor.name = wire.text(each)
    elif each.number == 9 and each.kind == LENGTH:
        tensor.raw_bytes = each.size
    elif each.number == 13:
        tensor.add_place(*entry_of(wire, each))
    elif each.number == 14:
        tensor.is_external = each.value == 1


def entry_of(wire: Wire, message: Field) -> tuple[str, str]:
    """Key and value of a StringStringEntryProto."""
    key = value = ""
    for part in wire.inside(message):
        if part.number == 1:
            key = wire.text(part)
        elif part.number == 2:
            value = wire.text(part)
    return key, value


def _add_values(wire: Wire, each: Field, tensor: Tensor) -> None:
    try:
        count = _count(wire, each)
    except PartlyReadError:  # of a remote file values are not fetched
        tensor.values = None
    else:
        tensor.values = None if tensor.values is None else tensor.values + count


def _count(wire: Wire, each: Field) -> int:
    """How many values a field of values holds, without keeping them."""
    if each.number == 6 or each.kind != LENGTH:  # strings are never packed
        return 1
    if each.number in (4, 10):
        return each.size // (4 if each.number == 4 else 8)
    # Of a number in several bytes all but the last have their high bit set.
    return sum(
        len(wire.read(begin, min(_CHUNK_BYTES, each.end - begin)).translate(None, _ENDS))
        for begin in range(each.begin, each.end, _CHUNK_BYTES)
    )
