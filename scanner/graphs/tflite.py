"""Reads the parts of a TFLite model that say what it does: operators, tensors, buffers.

Source: tensorflow 2.20.0, tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.graphs.flat import Flat, Span, Table

CUSTOM: Final = 32
# 208 are defined; room for those of the next years.
HIGHEST_BUILTIN: Final = 400
# Operators that call other graphs of the model: which fields of their options say which.
CALLS: Final[Mapping[int, tuple[int, ...]]] = {31: (0,), 118: (0, 1), 119: (0, 1), 129: (0,)}
_CALLS_BY_SECOND: Final[Mapping[int, tuple[int, ...]]] = {200: (0, 1), 206: (1,)}
# Bits of an element by type; strings, resources and variants have none.
_BITS: Final = {
    0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64, 15: 32, 16: 16,
    17: 4, 18: 16, 19: 2, 20: 4,
}  # fmt: skip
_STRING: Final = 5
_HIGHEST_TYPE: Final = 32
_MOST_DIMENSIONS: Final = 64
_MOST_TENSORS: Final = 100_000
MOST_STRINGS: Final = 100_000
# A path of any system is shorter.
_STRING_BYTES: Final = 4096


# What the fields of each table refer to: a vector of so many bytes an element, a table, or many tables.
_ANY: Final = "options, whose fields are not followed"
_REFERENCES: Final[Mapping[str, Mapping[int, int | str | tuple[str]]]] = {
    "Model": {
        1: ("OperatorCode",), 2: ("SubGraph",), 3: 1, 4: ("Buffer",), 5: 4, 6: ("Metadata",),
        7: ("SignatureDef",),
    },
    "OperatorCode": {1: 1},
    "SubGraph": {0: ("Tensor",), 1: 4, 2: 4, 3: ("Operator",), 4: 1},
    "Tensor": {
        0: 4, 3: 1, 4: "QuantizationParameters", 6: "SparsityParameters", 7: 4, 9: ("VariantSubType",),
    },
    "QuantizationParameters": {0: 4, 1: 4, 2: 4, 3: 8, 5: _ANY},
    "SparsityParameters": {0: 4, 1: 4, 2: ("DimensionMetadata",)},
    "DimensionMetadata": {3: _ANY, 5: _ANY},
    "VariantSubType": {0: 4},
    "Operator": {1: 4, 2: 4, 4: _ANY, 5: 1, 7: 1, 8: 4, 12: _ANY},
    "Buffer": {0: 1},
    "Metadata": {0: 1},
    "SignatureDef": {0: ("TensorMap",), 1: ("TensorMap",), 2: 1},
    "TensorMap": {0: 1},
    _ANY: {},
}  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """One operator of a graph.

    Attributes:
        table: Where it stands.
        code: Index of its kind.
        inputs: Indices of tensors; -1 for one that is left out.
        outputs: The same.
    """

    table: Table
    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def tensors(self) -> tuple[int, ...]:
        """Every tensor that it touches."""
        return (*self.inputs, *self.outputs)

    @property
    def options_end(self) -> int:
        """Where options that lie behind the tables end; 0 when there are none."""
        offset, size = self.table.number(9, 8), self.table.number(10, 8)
        return offset + size if offset > 1 or size else 0


@dataclass(frozen=True)
class Tensor:
    """One tensor of a graph.

    Attributes:
        name: Its name.
        kind: Number of its element type.
        dimensions: As written; -1 for one that is only known at run time.
        buffer: Index of its values.
        is_dense: Whether its values lie there one after the other, without a scheme for sparse ones.
    """

    name: str
    kind: int
    dimensions: tuple[int, ...]
    buffer: int
    is_dense: bool

    def fault(self, sizes: Sequence[int]) -> str:
        """What is wrong with it, given the sizes of all buffers; "" when nothing is."""
        if self.buffer >= len(sizes):
            return f"its values lie in buffer {self.buffer} of {len(sizes)}"
        if not 0 <= self.kind <= _HIGHEST_TYPE:
            return f"its element type is {self.kind}, which TFLite does not have"
        if len(self.dimensions) > _MOST_DIMENSIONS or any(each < -1 for each in self.dimensions):
            return f"its dimensions are {list(self.dimensions[:8])}; expected numbers from 0 on"
        elements = 1
        for each in self.dimensions:
            elements *= abs(each)
        if elements >= 2**31 * 64:
            return f"the product of its dimensions {list(self.dimensions[:8])} is larger than any tensor"
        size, bits = sizes[self.buffer], _BITS.get(self.kind)
        if not size or bits is None or not self.is_dense or -1 in self.dimensions:
            return ""
        expected = (elements * bits + 7) // 8
        # Before types of four bits were packed, each took a byte.
        if size != expected and not (bits < 8 and size == elements):
            return f"its buffer holds {size} bytes; its dimensions and type take {expected}"
        return ""

    def strings(self, model: Table) -> Iterator[str]:
        """The texts of a constant, at most `MOST_STRINGS` and one; none when it holds something else."""
        found = model.table_at(4, self.buffer) if self.kind == _STRING else None
        if found is not None:
            offset, size = found.number(1, 8), found.number(2, 8)
            span = Span(offset, size) if offset > 1 or size > 1 else found.span(0, 1)
            yield from _strings(found, span)


def verify(model: Table) -> None:
    """Follows every reference of a model once.

    Raises:
        FlatError: when one leads out of the file.
    """
    seen: set[int] = set()
    kinds = {kind: number for number, kind in enumerate(_REFERENCES)}
    # Iterators, not tables: a vector of a million of them is never held.
    waiting: list[Iterator[tuple[str, Table]]] = [iter([("Model", model)])]
    while waiting:
        kind, table = next(waiting[-1], ("", model))
        if not kind:
            waiting.pop()
            continue
        key = kinds[kind] << 40 | table.position
        if key not in seen:
            seen.add(key)
            waiting.append(_references(kind, table))


def _references(kind: str, table: Table) -> Iterator[tuple[str, Table]]:
    """The tables that a table refers to, each with its kind; its vectors are held against the file."""
    for slot, target in _REFERENCES[kind].items():
        if isinstance(target, int):
            table.span(slot, target)
        elif isinstance(target, tuple):
            yield from ((target[0], each) for each in table.tables(slot))
        elif found := table.table(slot):
            yield target, found


def operators(subgraph: Table) -> Iterator[Operator]:
    """The operators of a graph, in order."""
    for each in subgraph.tables(3):
        inputs, outputs = each.numbers(1, 4, _MOST_TENSORS), each.numbers(2, 4, _MOST_TENSORS)
        yield Operator(each, each.number(0, 4), tuple(inputs), tuple(outputs))


def tensors(subgraph: Table) -> Iterator[Tensor]:
    """The tensors of a graph, in order."""
    for each in subgraph.tables(0):
        yield Tensor(
            each.text(3),
            each.number(1, 1, signed=True),
            tuple(each.numbers(0, 4, _MOST_DIMENSIONS + 1)),
            each.number(2, 4),
            each.place(6, 4) is None,
        )


def buffers(flat: Flat, model: Table) -> Iterator[tuple[int, str]]:
    """Size of every buffer, and what is wrong with it or ""."""
    for each in model.tables(4):
        offset, size = each.number(1, 8), each.number(2, 8)
        if offset > 1 or size > 1:  # the writer puts 1 where it does not know yet
            flat.furthest = max(flat.furthest, min(offset + size, flat.size_bytes))
            is_inside = offset + size <= flat.size_bytes
            yield (
                size,
                "" if is_inside else f"it goes from byte {offset} to {offset + size} of {flat.size_bytes}",
            )
        else:
            yield each.span(0, 1).count, ""


def called(each: Operator, kind: int) -> Iterator[int]:
    """The graphs of the model that an operator calls."""
    for slots, place in ((CALLS.get(kind, ()), 4), (_CALLS_BY_SECOND.get(kind, ()), 12)):
        options = each.table.table(place) if slots else None
        for slot in slots:
            yield options.number(slot, 4, signed=True) if options else 0


def _strings(buffer: Table, span: Span) -> Iterator[str]:
    """The texts of a string tensor: their number, where each begins, and the texts.

    Source: tensorflow/lite/string_util.h.
    """
    if span.count < 8:
        return
    count = min(int.from_bytes(buffer.read(span.begin, 4), "little"), span.count // 4 - 2, MOST_STRINGS + 1)
    for at in range(span.begin + 4, span.begin + 4 + 4 * count, 4):
        places = buffer.read(at, 8)
        begin, end = (int.from_bytes(each, "little") for each in (places[:4], places[4:]))
        if begin < end <= span.count:
            data = buffer.read(span.begin + begin, min(end - begin, _STRING_BYTES))
            yield data.decode("utf-8", "backslashreplace")
