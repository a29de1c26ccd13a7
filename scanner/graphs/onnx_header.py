"""Judges what an ONNX model says of itself: versions, and metadata, which some loaders evaluate.

Source: onnx 1.23.2, onnx/onnx.proto (ModelProto) and docs/IR.md; CWE-95.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scanner.graphs.fault import GraphFault, hidden, malformed
from scanner.graphs.metadata_text import text_faults
from scanner.graphs.onnx_operators import DEFAULT_DOMAIN
from scanner.graphs.onnx_tensors import entry_of
from scanner.graphs.paths import is_unseen, shown
from scanner.graphs.wire import LENGTH, Field, Wire

_METADATA_BYTES: Final = 16 * 1024**2
_HIGHEST_IR: Final = 64
_OPSETS_SINCE: Final = 3  # version of the format
_HIGHEST_OPSET: Final = 256
_MOST_OPSETS: Final = 1000


def header_faults(wire: Wire) -> Iterator[GraphFault]:
    """What is wrong with the fields of a model beside its graph.

    Raises:
        WireError: when the file is no message.
        PartlyReadError: when it was not read far enough.
    """
    version = None
    graphs = 0
    opsets: list[tuple[str, int]] = []
    for field in wire.whole():
        if field.number == 1:
            version = field.signed
        elif field.number == 7:
            graphs += field.kind == LENGTH
        elif field.number == 8:
            opsets = [*opsets[:_MOST_OPSETS], _opset(wire, field)]
        elif field.number in (2, 3, 4) and is_unseen(wire.text(field)):
            yield malformed("a name holds control or invisible characters", f"field {field.number}")
    if version is None or not 0 < version <= _HIGHEST_IR:
        yield malformed(
            f"it is of version {version} of the format; expected 1 to {_HIGHEST_IR}", "ir_version"
        )
    elif version >= _OPSETS_SINCE and not opsets:
        yield malformed("it does not say which version of the operators it needs", "opset_import")
    if graphs != 1:
        yield malformed(f"it has {graphs} graphs; expected one", "graph")
    if len(opsets) > _MOST_OPSETS:
        yield malformed(f"it needs more than {_MOST_OPSETS} sets of operators", "opset_import")
    yield from _opset_faults(opsets)


def _opset_faults(opsets: list[tuple[str, int]]) -> Iterator[GraphFault]:
    by_domain: dict[str, int] = {}
    for domain, number in opsets:
        where = f"opset_import {shown(domain)}"
        if number < 1 or (domain == DEFAULT_DOMAIN and number > _HIGHEST_OPSET):
            yield malformed(f"it asks for version {number} of the operators, which cannot be", where)
        if by_domain.setdefault(domain, number) != number:
            yield malformed("it asks for two versions of the same operators", where)


def _opset(wire: Wire, field: Field) -> tuple[str, int]:
    domain, number = DEFAULT_DOMAIN, 0
    for part in wire.inside(field):
        if part.number == 1:
            domain = wire.text(part) or DEFAULT_DOMAIN
        elif part.number == 2:
            number = part.signed
    return domain, number


def metadata_faults(wire: Wire, field: Field) -> Iterator[GraphFault]:
    """What is wrong with one key and value of a model's metadata."""
    key, _ = entry_of(wire, field)
    where = f"metadata {shown(key)}"
    if is_unseen(key):
        yield malformed("its name holds control or invisible characters", where)
    if field.size > _METADATA_BYTES:
        yield hidden(f"its value takes {field.size} bytes", where)
    texts = (wire.text(value, _METADATA_BYTES) for value in wire.reached(field, 2))
    yield from text_faults(texts, where)
