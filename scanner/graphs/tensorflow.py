"""Reads the graphs of a TensorFlow file: SavedModel, MetaGraphDef or GraphDef, one operation at a time.

Nothing is kept but what names a file: a graph of a million operations takes no more memory than one of ten.

Source: tensorflow 2.20.0, tensorflow/core/protobuf/saved_model.proto, meta_graph.proto,
saved_object_graph.proto and tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto,
function.proto, tensor.proto.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scanner.graphs.wire import LENGTH, Field, Wire

_DT_STRING: Final = 7
# No honest operation has more inputs or attributes than some thousands (a saver of a large model).
_MOST_INPUTS: Final = 100_000
# Names of operations are paths through the layers of a model; longer ones are cut, and then lead nowhere.
_NAME_BYTES: Final = 512
_MOST_KINDS: Final = 8
_STRING_BYTES: Final = 1024
_PIECE_BYTES: Final = 1024**2
# Fields of each message, and so what of it is unknown.
_SAVED_MODEL: Final = frozenset({1, 2})
_META_GRAPH: Final = frozenset(range(1, 8))
_GRAPH: Final = frozenset(range(1, 6))
_NODE: Final = frozenset(range(1, 8))
_FUNCTION: Final = frozenset(range(1, 9))
_LIBRARY: Final = frozenset(range(1, 4))


class GraphKind(enum.Enum):
    """Which message the file is."""

    SAVED_MODEL = "SavedModel"
    META_GRAPH = "MetaGraphDef"
    GRAPH = "GraphDef"


@dataclass(frozen=True)
class Body:
    """Operations that see each other: a graph, or a function of its library.

    Attributes:
        function: The function's name, or "" for the graph itself.
        nodes: The message that holds the operations.
        number: Of the field that holds them.
        graph: Which graph of the file, counted from 0.
    """

    function: str
    nodes: Field
    number: int
    graph: int


@dataclass(frozen=True)
class Operation:
    """One operation of a graph.

    Attributes:
        name: Its name in its body.
        kinds: What it does: one name, or several when the field was written more than once.
        inputs: Names of the operations whose results it takes, in order, as written.
        message: What holds it, its attributes among the rest.
        unknown_bytes: How many bytes stand in fields that the format does not have.
    """

    name: str
    kinds: tuple[str, ...]
    inputs: tuple[str, ...]
    message: Field
    unknown_bytes: int = 0


@dataclass(frozen=True)
class Asset:
    """A file that comes with a SavedModel.

    Attributes:
        node: The operation whose constant the loader replaces by its path.
        filename: Where it lies, below the folder of assets.
    """

    node: str
    filename: str


def meta_graphs(wire: Wire, kind: GraphKind) -> Iterator[Field]:
    """The messages of type MetaGraphDef in the file."""
    if kind is GraphKind.SAVED_MODEL:
        yield from (field for field in wire.whole() if field.number == 2)
    elif kind is GraphKind.META_GRAPH:
        yield wire.root


def graphs(wire: Wire, kind: GraphKind) -> Iterator[Field]:
    """The messages of type GraphDef in the file."""
    if kind is GraphKind.GRAPH:
        yield wire.root
        return
    for meta in meta_graphs(wire, kind):
        yield from (field for field in wire.inside(meta) if field.number == 2)


def bodies(wire: Wire, kind: GraphKind) -> Iterator[Body]:
    """Every graph and every function of the file."""
    for index, graph in enumerate(graphs(wire, kind)):
        yield Body("", graph, 1, index)
        for function, name in functions(wire, graph):
            yield Body(name, function, 3, index)


def functions(wire: Wire, graph: Field) -> Iterator[tuple[Field, str]]:
    """Every function of a graph's library, with its name."""
    for library in wire.inside(graph):
        if library.number != 2:
            continue
        for function in wire.inside(library):
            if function.number == 1:
                yield function, _function_name(wire, function)


def arguments(wire: Wire, body: Body) -> frozenset[str]:
    """Names of what a function is given; none for a graph."""
    found = wire.reached(body.nodes, 1, 2) if body.function else iter(())
    names = (wire.last_text(field, 1, limit_bytes=_NAME_BYTES) for field in found)
    return frozenset(itertools.islice(names, _MOST_INPUTS))


def assets(wire: Wire, kind: GraphKind) -> Iterator[Asset]:
    """The files that the model says come with it."""
    for meta in meta_graphs(wire, kind):
        for field in wire.reached(meta, 6):
            node = wire.last_text(field, 1, 1, limit_bytes=_NAME_BYTES).split(":")[0]
            yield Asset(node, wire.last_text(field, 2))


def operations(wire: Wire, body: Body) -> Iterator[Operation]:
    """The operations of a body, in order."""
    for field in wire.inside(body.nodes):
        if field.number == body.number and field.kind == LENGTH:
            yield operation(wire, field)


def operation(wire: Wire, node: Field) -> Operation:
    """The operation that a message of type NodeDef holds."""
    name = ""
    kinds: list[str] = []
    inputs: list[str] = []
    unknown = 0
    for field in wire.inside(node):
        if field.number == 1:
            name = wire.text(field, _NAME_BYTES)
        elif field.number == 2:  # readers take the last of what was written more than once
            kinds = [*kinds[1 - _MOST_KINDS :], wire.text(field, _NAME_BYTES)]
        elif field.number == 3 and len(inputs) < _MOST_INPUTS:
            inputs.append(wire.text(field, _NAME_BYTES))
        elif field.number not in _NODE:
            unknown += field.size
    return Operation(name, tuple(kinds), tuple(inputs), node, unknown)


def attribute(wire: Wire, each: Operation, name: str) -> Iterator[Field]:
    """The values (messages of type AttrValue) of one attribute."""
    for entry in wire.inside(each.message):
        if entry.number != 5:
            continue
        key = None
        for part in wire.inside(entry):
            key = part if part.number == 1 else key
        if key and wire.text(key) == name:
            yield from wire.reached(entry, 2)


def strings(wire: Wire, each: Operation, name: str) -> Iterator[str]:
    """The strings of one attribute, alone or in a list."""
    for value in attribute(wire, each, name):
        for path in ((2,), (1, 2)):
            yield from (wire.text(part, _STRING_BYTES) for part in wire.reached(value, *path))


def mentions(wire: Wire, each: Operation, name: str, word: bytes) -> bool:
    """Whether the string of an attribute, however long, has a word in it."""
    for value in attribute(wire, each, name):
        for part in wire.reached(value, 2):
            tail = b""
            for begin in range(part.begin, part.end, _PIECE_BYTES):
                piece = tail + wire.read(begin, min(_PIECE_BYTES, part.end - begin))
                if word in piece:
                    return True
                tail = piece[-len(word) :]
    return False


def is_true(wire: Wire, each: Operation, name: str) -> bool:
    """Whether a yes-or-no attribute, or one of a list of them, says yes."""
    for value in attribute(wire, each, name):
        for part in wire.inside(value):
            if part.number == 5 and part.value:
                return True
            if part.number == 1 and any(
                number for item in wire.inside(part) if item.number == 5 for number in wire.numbers(item)
            ):
                return True
    return False


def constant_strings(wire: Wire, each: Operation) -> Iterator[str]:
    """The strings of a constant; none when it holds something else."""
    for tensor in _tensors(wire, each):
        # 8 holds the strings; 4 a list of their lengths and then the strings, or numbers of another type.
        is_text = any(kind.value == _DT_STRING for kind in wire.reached(tensor, 1))
        numbers = (4, 8) if is_text else (8,)
        for field in wire.inside(tensor):
            if field.number in numbers and field.kind == LENGTH:
                yield wire.text(field, _STRING_BYTES)


def constant_objects(wire: Wire, each: Operation) -> list[str]:
    """The kinds of the objects in a constant of variant type."""
    return [wire.text(name) for tensor in _tensors(wire, each) for name in wire.reached(tensor, 15, 1)]


def user_objects(wire: Wire, kind: GraphKind) -> Iterator[tuple[str, Field]]:
    """What Keras keeps with its layers in a SavedModel: identifier and metadata, which is JSON."""
    for meta in meta_graphs(wire, kind):
        for node in wire.reached(meta, 7, 1):
            identifier = wire.last_text(node, 4, 1)
            yield from ((identifier, metadata) for metadata in wire.reached(node, 4, 3))


def unknown_fields(wire: Wire, kind: GraphKind) -> Iterator[tuple[str, Field]]:
    """Fields that the format does not have, above the operations: where, and which."""
    if kind is GraphKind.SAVED_MODEL:
        yield from _foreign(wire, wire.root, _SAVED_MODEL, "SavedModel")
    for meta in meta_graphs(wire, kind):
        yield from _foreign(wire, meta, _META_GRAPH, "MetaGraphDef")
    for graph in graphs(wire, kind):
        yield from _foreign(wire, graph, _GRAPH, "GraphDef")
        for library in (field for field in wire.inside(graph) if field.number == 2):
            yield from _foreign(wire, library, _LIBRARY, "FunctionDefLibrary")
            for function in (field for field in wire.inside(library) if field.number == 1):
                yield from _foreign(wire, function, _FUNCTION, "FunctionDef")


def _foreign(wire: Wire, message: Field, known: frozenset[int], name: str) -> Iterator[tuple[str, Field]]:
    return ((name, field) for field in wire.inside(message) if field.number not in known)


def _function_name(wire: Wire, function: Field) -> str:
    return wire.last_text(function, 1, 1, limit_bytes=_NAME_BYTES)


def _tensors(wire: Wire, each: Operation) -> Iterator[Field]:
    for value in attribute(wire, each, "value"):
        yield from (part for part in wire.inside(value) if part.number == 8 and part.kind == LENGTH)
