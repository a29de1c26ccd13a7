"""Says what is wrong with a Core ML model: code that it needs, files that it names, bytes that have no place.

Source: coremltools 9.0, mlmodel/format: Model, NeuralNetwork, MIL, CustomModel and LinkedModel (.proto).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.findings import Severity
from scanner.graphs.fault import GraphFault, hidden, malformed
from scanner.graphs.metadata_text import text_faults
from scanner.graphs.paths import is_unseen, leads_elsewhere, shown
from scanner.graphs.wire import Field, Wire

_TYPES: Final = frozenset(
    {
        200, 201, 202, 300, 301, 302, 303, 304, 400, 401, 402, 403, 404, 500, 501, 502, 555, 556, 560, 600,
        601, 602, 603, 604, 606, 607, 609, 610, 900, 2000, 2001, 2002, 2003, 2004, 2005, 2006, 3000,
    }
)  # fmt: skip
_MODEL: Final = frozenset({1, 2, 10}) | _TYPES
_NETWORKS: Final = frozenset({303, 403, 500})
# Fields of layers that hold networks of their own: branches and loops.
_INNER: Final = {605: (1, 2), 615: (3, 4)}
_HIGHEST_VERSION: Final = 64
_DEPTH: Final = 32
_UNKNOWN_BYTES: Final = 1024
# Description, author, licence and what its maker wrote beside them. Source: Model.proto, Metadata.
_TEXTS: Final = ((2, 100, 1), (2, 100, 2), (2, 100, 3), (2, 100, 4), (2, 100, 100, 2))
_TEXT_BYTES: Final = 16 * 1024**2
_WITHIN: Final = "@model_path/"


def coreml_faults(wire: Wire) -> Iterator[GraphFault]:
    """Everything that is wrong with a model, as it is found.

    Raises:
        WireError: when the file is no message.
        PartlyReadError: when it was not read far enough.
    """
    yield from _model(wire, wire.root, "", 0)
    for path in _TEXTS:
        texts = (wire.text(field, _TEXT_BYTES) for field in wire.reached(wire.root, *path))
        yield from text_faults(texts, "description of the model")


def _model(wire: Wire, model: Field, inside: str, depth: int) -> Iterator[GraphFault]:
    if depth > _DEPTH:
        yield malformed(f"models are nested more than {_DEPTH} deep", inside)
        return
    version, kinds = 0, []
    for field in wire.inside(model):
        if field.number == 1:
            version = field.value
        elif field.number in _TYPES:
            kinds.append(field)
        elif field.number not in _MODEL and field.size > _UNKNOWN_BYTES:
            yield hidden(
                f"{field.size} bytes stand in field {field.number}, which Core ML does not have", inside
            )
    if not 0 < version <= _HIGHEST_VERSION:
        yield malformed(f"it is of version {version} of the format; expected 1 to {_HIGHEST_VERSION}", inside)
    if len({field.number for field in kinds}) != 1:
        yield malformed(f"it is {len(kinds)} kinds of model at once; expected one", inside)
    for field in kinds:
        yield from _kind(wire, field, inside, depth)


def _kind(wire: Wire, field: Field, inside: str, depth: int) -> Iterator[GraphFault]:
    if field.number in _NETWORKS:
        yield from _network(wire, field, depth)
    elif field.number == 502:
        yield from _program(wire, field)
    elif field.number == 555:
        yield _needs("a custom model", wire.first(field, 10), wire)
    elif field.number == 556:
        yield from _linked(wire, field)
    elif field.number == 3000:
        yield GraphFault(
            "opaque",
            inside,
            "it carries a model in a form that is not published",
            Severity.MEDIUM,
            ("CWE-912",),
        )
    elif field.number in (200, 201):
        for pipeline in wire.inside(field):
            if pipeline.number == 1:
                yield from _pipeline(wire, pipeline, inside, depth)
    elif field.number == 202:
        yield from _pipeline(wire, field, inside, depth)


def _pipeline(wire: Wire, pipeline: Field, inside: str, depth: int) -> Iterator[GraphFault]:
    for number, field in enumerate(wire.inside(pipeline)):
        if field.number == 1:
            yield from _model(wire, field, f"{inside}model {number} ", depth + 1)


def _network(wire: Wire, network: Field, depth: int) -> Iterator[GraphFault]:
    if depth > _DEPTH:
        yield malformed(f"networks are nested more than {_DEPTH} deep", f"byte {network.begin}")
        return
    for layer in wire.inside(network):
        if layer.number != 1:
            continue
        for field in wire.inside(layer):
            if field.number == 500:
                yield _needs("a custom layer", wire.first(field, 10), wire)
            elif field.number in _INNER:
                for inner in wire.inside(field):
                    if inner.number in _INNER[field.number]:
                        yield from _network(wire, inner, depth + 1)
            elif field.number == 1 and is_unseen(wire.text(field)):
                yield malformed("a name holds control or invisible characters", f"byte {field.begin}")


def _program(wire: Wire, program: Field) -> Iterator[GraphFault]:
    """The functions of a program, and the blocks of each."""
    for entry in (field for field in wire.inside(program) if field.number == 2):
        for function in (field for field in wire.inside(entry) if field.number == 2):
            for special in (field for field in wire.inside(function) if field.number == 3):
                for block in (field for field in wire.inside(special) if field.number == 2):
                    yield from _block(wire, block, 0)


def _block(wire: Wire, block: Field, depth: int) -> Iterator[GraphFault]:
    if depth > _DEPTH:
        yield malformed(f"blocks are nested more than {_DEPTH} deep", f"byte {block.begin}")
        return
    for operation in (field for field in wire.inside(block) if field.number == 3):
        for field in wire.inside(operation):
            if field.number == 4:
                yield from _block(wire, field, depth + 1)
            elif field.number == 5:
                yield from _attribute(wire, field)


def _attribute(wire: Wire, entry: Field) -> Iterator[GraphFault]:
    if wire.last_text(entry, 1) == "class_name":
        yield _needs("a custom operation", None, wire)
    for path in (wire.text(name) for name in wire.reached(entry, 2, 5, 1)):
        if why := leads_elsewhere(path.removeprefix(_WITHIN)):
            yield GraphFault(
                "path-elsewhere",
                f"weights {shown(path)}",
                f"its weights are taken from a file that {why}",
                Severity.CRITICAL,
                ("CWE-22",),
            )


def _linked(wire: Wire, linked: Field) -> Iterator[GraphFault]:
    """A model that is another one's file: by name, and by the folders to search."""
    for file in (field for field in wire.inside(linked) if field.number == 1):
        for path in (wire.text(name) for part in wire.inside(file) for name in wire.reached(part, 1)):
            if why := leads_elsewhere(path):
                yield GraphFault(
                    "path-elsewhere", f"linked model {shown(path)}", f"it loads a model that {why}",
                    Severity.HIGH, ("CWE-22",),
                )  # fmt: skip
    yield GraphFault(
        "unknown-operation", "linked model", "it loads another model, which is not in it",
        Severity.MEDIUM, ("CWE-829",),
    )  # fmt: skip


def _needs(what: str, name: Field | None, wire: Wire) -> GraphFault:
    shown_name = f" {shown(wire.text(name))}" if name else ""
    return GraphFault(
        "unknown-operation",
        f"{what}{shown_name}",
        "needs a class of the program that loads it, whose code is not in the file",
        Severity.MEDIUM,
        ("CWE-829",),
    )
