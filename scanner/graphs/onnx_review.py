"""Says what is wrong with an ONNX model: what it runs, what it reads, and where it contradicts itself.

Source: onnx 1.23.2, onnx/onnx.proto, docs/IR.md and docs/ExternalData.md; CWE-20, CWE-22, CWE-94, CWE-829.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Set
from typing import Final

from scanner.findings import Severity
from scanner.graphs.fault import GraphFault, hidden, malformed, needs_library
from scanner.graphs.onnx_external import ExternalData
from scanner.graphs.onnx_functions import Function, function_faults
from scanner.graphs.onnx_header import header_faults, metadata_faults
from scanner.graphs.onnx_operators import DEFAULT_DOMAIN, judge, names_a_file
from scanner.graphs.onnx_tensors import read_tensor, tensor_faults
from scanner.graphs.paths import is_unseen, leads_elsewhere, shown
from scanner.graphs.wire import Field, Wire

# Numbers of the fields of each message, as of onnx 1.23.
_MODEL: Final = frozenset({*range(1, 9), 14, 20, 25, 26})
_GRAPH: Final = frozenset({1, 2, 5, *range(10, 17)})
_NODE: Final = frozenset(range(1, 11))
_ATTRIBUTE: Final = frozenset({*range(1, 12), 13, 14, 15, *range(20, 24)})
_FUNCTION: Final = frozenset({1, *range(4, 15)})
_UNKNOWN_BYTES: Final = 1024
_DOCUMENTED_BYTES: Final = 1024**2
# Subgraphs of loops in branches of loops: real models have three or four.
_DEPTH: Final = 32
# What is kept of an operator and of a model, far beyond what any honest one has.
_NAME_BYTES: Final = 512
_MOST_TEXTS: Final = 8
_MOST_NEEDED: Final = 1000
_MOST_FUNCTIONS: Final = 100_000


def model_faults(wire: Wire, external: ExternalData) -> Iterator[GraphFault]:
    """Everything that is wrong with a model, as it is found.

    Raises:
        WireError: when the file is no message.
        PartlyReadError: when it was not read far enough.
    """
    yield from header_faults(wire)
    review = _Review(wire, external, frozenset(itertools.islice(_functions(wire), _MOST_FUNCTIONS)))
    for field in wire.whole():
        yield from _documented(field, 6)
        if field.number == 7:
            yield from review.graph(field, "", 0)
        elif field.number == 14:
            yield from metadata_faults(wire, field)
        elif field.number == 20:
            for part in wire.inside(field):
                if part.number in (1, 2):
                    yield from review.graph(part, ", training", 0)
        elif field.number == 25:
            yield from review.function(field)
        elif field.number not in _MODEL:
            yield from _foreign(field, "ONNX")
    yield from external.overlaps()
    yield from review.needed()


def tensor_file_faults(wire: Wire) -> Iterator[GraphFault]:
    """What is wrong with a file that is one tensor, as tests of ONNX keep their inputs.

    Raises:
        WireError: when it is no message.
    """
    for field in wire.whole():
        if field.number > 16:
            yield from _foreign(field, "ONNX")


def _functions(wire: Wire) -> Iterator[tuple[str, str]]:
    """Domain and name of every function that the model brings along."""
    for field in wire.whole():
        if field.number == 25:
            domain, name = (wire.last_text(field, number, limit_bytes=_NAME_BYTES) for number in (10, 1))
            yield domain or DEFAULT_DOMAIN, name


def _documented(field: Field, number: int) -> Iterator[GraphFault]:
    if field.number == number and field.size > _DOCUMENTED_BYTES:
        yield hidden(f"{field.size} bytes stand in a description", f"byte {field.begin}")


class _Review:
    """Judges the graphs of one model."""

    def __init__(self, wire: Wire, external: ExternalData, functions: Set[tuple[str, str]]) -> None:
        self._wire, self._external, self._functions = wire, external, functions
        self._needed: set[str] = set()
        self._calls: dict[Function, set[Function]] = {}
        self._caller: Function | None = None  # the function whose body is looked at

    def graph(self, graph: Field, inside: str, depth: int) -> Iterator[GraphFault]:
        """What is wrong with a graph and those in its operators."""
        if depth > _DEPTH:
            yield malformed(f"graphs are nested more than {_DEPTH} deep", f"byte {graph.begin}")
            return
        for field in self._wire.inside(graph):
            yield from _documented(field, 10)
            if field.number == 1:
                yield from self._node(field, inside, depth)
            elif field.number == 5:
                yield from self._tensor(field)
            elif field.number == 15:
                for part in self._wire.inside(field):
                    if part.number in (1, 2):
                        yield from self._tensor(part)
            elif field.number in (2, 11, 12) and is_unseen(self._name(field)):
                yield malformed("a name holds control or invisible characters", f"byte {field.begin}")
            elif field.number not in _GRAPH:
                yield from _foreign(field, "GraphProto")

    def function(self, function: Field) -> Iterator[GraphFault]:
        """What is wrong with a function that the model brings along."""
        name = self._wire.first(function, 1)
        inside = f", function {shown(self._wire.text(name))}" if name else ""
        if len(self._calls) < _MOST_FUNCTIONS:
            domain, own, overload = (
                self._wire.last_text(function, at, limit_bytes=_NAME_BYTES) for at in (10, 1, 13)
            )
            self._caller = Function(domain or DEFAULT_DOMAIN, own, overload)
            self._calls.setdefault(self._caller, set())
        for field in self._wire.inside(function):
            yield from _documented(field, 8)
            if field.number == 7:
                yield from self._node(field, inside, 0)
            elif field.number == 11:
                yield from self._attribute(field, f"byte {field.begin}{inside}", inside, 0)
            elif field.number not in _FUNCTION:
                yield from _foreign(field, "FunctionProto")
        self._caller = None

    def needed(self) -> Iterator[GraphFault]:
        """What the functions do together, and the operators whose library a person has to look at."""
        yield from function_faults(self._calls)
        yield from needs_library("unknown-operator", "operators", self._needed, "the runtimes do not have")

    def _node(self, node: Field, inside: str, depth: int) -> Iterator[GraphFault]:
        texts: dict[int, list[str]] = {3: [], 4: [], 7: [], 8: []}
        for field in self._wire.inside(node):
            yield from _documented(field, 6)
            if field.number in texts:  # readers take the last of what was written more than once
                kept = texts[field.number][1 - _MOST_TEXTS :]
                texts[field.number] = [*kept, self._wire.text(field, _NAME_BYTES)]
            elif field.number not in _NODE:
                yield from _foreign(field, "NodeProto")
        name = texts[3][-1] if texts[3] else ""
        kinds, domains = texts[4] or [""], texts[7] or [""]
        where = f"operator {shown(name)}{inside}" if name else f"operator at byte {node.begin}{inside}"
        if not kinds[-1]:
            yield malformed("an operator has no type", where)
        if any(map(is_unseen, (name, *domains, *kinds))):
            yield malformed("a name holds control or invisible characters", where)
        for kind in filter(None, kinds):
            yield from self._operator(domains[-1], kind, where)
            if self._caller and (domains[-1] or DEFAULT_DOMAIN, kind) in self._functions:
                called = Function(domains[-1] or DEFAULT_DOMAIN, kind, (texts[8] or [""])[-1])
                self._calls[self._caller].add(called)
        for attribute in self._wire.reached(node, 5):
            yield from self._attribute(attribute, where, inside, depth)

    def _operator(self, domain: str, kind: str, where: str) -> Iterator[GraphFault]:
        verdict = judge(domain, kind)
        is_own = (domain or DEFAULT_DOMAIN, kind) in self._functions
        # Which of the two a runtime takes when a model names its function as an operator of the table is its
        # own affair.
        if verdict is None or (is_own and verdict.severity is not Severity.CRITICAL):
            return
        if verdict.severity is Severity.MEDIUM and verdict.code == "unknown-operator":
            if len(self._needed) < _MOST_NEEDED:
                self._needed.add(f"{domain or DEFAULT_DOMAIN}.{kind}")
            return
        yield GraphFault(
            verdict.code, where, f"the operator {shown(kind)} {verdict.means}", verdict.severity, verdict.tags
        )

    def _attribute(self, attribute: Field, where: str, inside: str, depth: int) -> Iterator[GraphFault]:
        name = ""
        for field in self._wire.inside(attribute):
            yield from _documented(field, 13)
            if field.number == 1:
                name = self._wire.text(field)
            elif field.number in (5, 10):
                yield from self._tensor(field)
            elif field.number in (6, 11):
                yield from self.graph(field, inside, depth + 1)
            elif field.number in (22, 23):
                for part in self._wire.inside(field):
                    if part.number in (1, 2):
                        yield from self._tensor(part)
            elif field.number not in _ATTRIBUTE:
                yield from _foreign(field, "AttributeProto")
        if names_a_file(name):
            yield from self._file_named(attribute, name, where)

    def _file_named(self, attribute: Field, name: str, where: str) -> Iterator[GraphFault]:
        for field in self._wire.inside(attribute):
            # A compiled model can stand here in place of its name; it is longer than any name, and is no
            # text.
            text = self._wire.text(field) if field.number in (4, 9) else ""
            if text.isprintable() and (why := leads_elsewhere(text)):
                yield GraphFault(
                    "path-elsewhere",
                    where,
                    f"its attribute {shown(name)} is {shown(text)}, which {why}",
                    Severity.HIGH,
                    ("CWE-22",),
                )

    def _tensor(self, message: Field) -> Iterator[GraphFault]:
        tensor, faults = read_tensor(self._wire, message)
        yield from faults
        yield from tensor_faults(tensor)
        if tensor.is_external or tensor.external:
            yield from self._external.faults(tensor)

    def _name(self, field: Field) -> str:
        """The name of a graph, or of one of its inputs or outputs."""
        return self._wire.text(field) if field.number == 2 else self._wire.first_text(field, 1)


def _foreign(field: Field, message: str) -> Iterator[GraphFault]:
    if field.size > _UNKNOWN_BYTES:
        yield hidden(
            f"{field.size} bytes stand in field {field.number}, which {message} does not have",
            f"byte {field.begin}",
        )
