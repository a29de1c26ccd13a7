"""Says what a TensorFlow graph does beside computing: runs code, reads and writes files, opens connections.

Source: tensorflow 2.20.0, SECURITY.md ("TensorFlow models are programs"); CWE-22, CWE-73, CWE-94, CWE-918.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence, Set
from typing import Final

from scanner.findings import Severity
from scanner.graphs import operations as table
from scanner.graphs import tensorflow as reader
from scanner.graphs.fault import GraphFault, hidden, malformed, needs_library
from scanner.graphs.file_names import TOO_LONG, UNKNOWN, FileNames, Origin, elsewhere
from scanner.graphs.keras_objects import keras_faults
from scanner.graphs.operations import Effect
from scanner.graphs.paths import is_unseen, leads_elsewhere, readable_start, shown
from scanner.graphs.tensorflow import Body, GraphKind, Operation
from scanner.graphs.wire import Wire, WireError

# Fields that a newer version adds are small; a payload is not.
_UNKNOWN_BYTES: Final = 1024
# Operations that hand their inputs to a function of the file.
_CALLS: Final = frozenset(
    {
        "PartitionedCall", "StatefulPartitionedCall", "RemoteCall", "If", "StatelessIf", "While",
        "StatelessWhile", "Case", "StatelessCase", "MapDefun", "BatchFunction", "SymbolicGradient",
        "TPUPartitionedCall",
    }
)  # fmt: skip
# What is kept of a graph; a file that holds more of any of these is told to be one that cannot be followed.
_MOST_BODIES: Final = 100_000
_MOST_KEPT: Final = 10_000
# Names of inputs of calls, all together: a large model hands each of its variables to each of its functions.
_MOST_HANDED: Final = 1_000_000
_FINGERPRINT_FIELDS: Final = 7
# How StableHLO writes that a module calls a function of the process. Source: its specification, custom_call.
_CUSTOM_CALL: Final = b"custom_call"
_SAFE_SOURCES: Final = ("local://", "bytes://")


def graph_faults(wire: Wire, kind: GraphKind) -> Iterator[GraphFault]:
    """Everything that is wrong with the graphs of a file, as it is found.

    Raises:
        WireError: when the file is not the message that it is taken for.
        PartlyReadError: when it was not read far enough.
    """
    for place, field in reader.unknown_fields(wire, kind):
        if field.size > _UNKNOWN_BYTES:
            yield hidden(
                f"{place} has no field {field.number}; {field.size} bytes stand there", f"byte {field.begin}"
            )
    fed: set[str] = set()
    for asset in reader.assets(wire, kind):
        if (
            kind is GraphKind.SAVED_MODEL and len(fed) < _MOST_KEPT
        ):  # the loader of other files leaves their constants as they are
            fed.add(asset.node)
        if why := leads_elsewhere(asset.filename):
            yield GraphFault(
                "path-elsewhere",
                f"asset {shown(asset.filename)}",
                f"names a file to load along that {why}",
                Severity.HIGH,
                ("CWE-22",),
            )
    yield from keras_faults(wire, kind)
    unknown: set[str] = set()
    by_graph = _by_graph(wire, kind)
    if not by_graph:
        yield malformed("it holds no graph")
    for graph_bodies in by_graph:
        names = frozenset(body.function for body in graph_bodies if body.function)
        review = _Review(wire, fed, names, unknown)
        for body in graph_bodies:
            yield from review.body(body)
        yield from review.calls()
        yield from review.lost(graph_bodies)
        if not review.count:
            yield malformed("the graph holds no operation")
    yield from needs_library("unknown-operation", "operations", unknown, "TensorFlow does not have")


def _by_graph(wire: Wire, kind: GraphKind) -> list[list[Body]]:
    by_graph: dict[int, list[Body]] = {}
    for count, body in enumerate(reader.bodies(wire, kind)):
        if count >= _MOST_BODIES:
            raise WireError(f"more than {_MOST_BODIES} functions; not followed")
        by_graph.setdefault(body.graph, []).append(body)
    return list(by_graph.values())


class _Review:
    """Judges the bodies of one graph.

    Attributes:
        count: How many operations were judged.
    """

    def __init__(self, wire: Wire, fed: Set[str], functions: Set[str], unknown: set[str]) -> None:
        self._wire, self._fed, self._functions, self._unknown = wire, fed, functions, unknown
        # Names handed to functions of the file, and operations of functions that take their name from
        # outside.
        self._handed: list[tuple[Body, Operation]] = []
        self._given: list[tuple[Body, Operation, Effect]] = []
        self._lost: list[tuple[Body, Operation, Effect]] = []
        self._handed_names = 0
        self._is_cut = False
        self.count = 0

    def body(self, body: Body) -> Iterator[GraphFault]:
        """What is wrong with the operations of one body."""
        by_path: list[tuple[Operation, Effect]] = []
        for each in reader.operations(self._wire, body):
            self.count += 1
            yield from self._form(body, each)
            for kind in each.kinds:
                if kind in _CALLS or kind in self._functions:
                    self._keep_call(body, each)
                effect = self._effect(kind)
                if effect is None:
                    yield from self._objects(body, each, kind)
                elif effect.when == "path" and len(by_path) < _MOST_KEPT:
                    by_path.append((each, effect))
                elif effect.when == "path":
                    yield _fault(
                        body, each, effect, f"{effect.means}; there are more of these than are followed"
                    )
                elif does := self._does(each, effect):
                    yield _fault(body, each, effect, does)
        if by_path:
            yield from self._paths(body, by_path)

    def _effect(self, kind: str) -> Effect | None:
        """What an operation does beside computing; one that nobody knows is noted."""
        effect = table.effect_of(kind)
        if not kind or kind in self._functions or table.is_known("tensorflow", "", kind):
            return effect
        if len(self._unknown) < _MOST_KEPT:
            self._unknown.add(kind)
        return effect or table.effect_by_name(kind)

    def lost(self, bodies: Sequence[Body]) -> Iterator[GraphFault]:
        """Operations that write under a name that was not followed, when some constant leads elsewhere."""
        if not self._lost:
            return
        texts = (text for body in bodies for text in FileNames(self._wire, body, self._fed).constants())
        # Keras keeps its objects as a message in a constant, which begins with a control character.
        if away := next((text for text in texts if elsewhere(readable_start(text))), ""):
            for body, each, effect in self._lost:
                does = f"{effect.means}; its name is not followed, and {shown(away)} stands in the file"
                yield _fault(body, each, effect, does)

    def calls(self) -> Iterator[GraphFault]:
        """Whether a name that leads elsewhere is handed to a function that opens a file of that name."""
        if not self._given:
            return
        if handed := next(self._handed_elsewhere(), None):
            text, why = handed
            for body, each, effect in self._given:
                yield _fault(
                    body, each, effect, f"{effect.means}; {shown(text)}, which {why}, is handed to it"
                )
        if self._is_cut:
            yield malformed("its functions are called more often, or by a longer way, than is followed")

    def _handed_elsewhere(self) -> Iterator[tuple[str, str]]:
        """Names that are handed to functions and lead elsewhere, each with how it does."""
        for body, calls in itertools.groupby(self._handed, key=lambda handed: handed[0]):
            names = FileNames(self._wire, body, self._fed)
            for _, call in calls:
                for position in range(len(call.inputs)):
                    origin = names.origin(call, position)
                    self._is_cut = self._is_cut or origin.decoded_by == TOO_LONG
                    for text in origin.texts:
                        if why := elsewhere(text):
                            yield text, why

    def _keep_call(self, body: Body, each: Operation) -> None:
        self._handed_names += len(each.inputs)
        if len(self._handed) < _MOST_KEPT and self._handed_names <= _MOST_HANDED:
            self._handed.append((body, each))
        else:
            self._is_cut = True

    def _form(self, body: Body, each: Operation) -> Iterator[GraphFault]:
        if not each.kinds or not each.kinds[-1]:
            yield malformed("an operation has no kind", _place(body, each))
        if is_unseen(each.name) or any(map(is_unseen, each.kinds)):
            yield malformed("a name holds control or invisible characters", _place(body, each))
        if each.unknown_bytes > _UNKNOWN_BYTES:
            yield hidden(
                f"{each.unknown_bytes} bytes stand in fields that NodeDef does not have", _place(body, each)
            )

    def _objects(self, body: Body, each: Operation, kind: str) -> Iterator[GraphFault]:
        if kind != "Const":
            return
        for name in reader.constant_objects(self._wire, each):
            if "Dataset" in name:
                yield GraphFault(
                    "opaque",
                    _place(body, each),
                    f"a constant holds an object of type {shown(name)}, which is a graph of its own",
                    Severity.HIGH,
                    ("CWE-506",),
                )

    def _does(self, each: Operation, effect: Effect) -> str:
        """What the operation does beside computing, "" when its attributes say that it does not."""
        if effect.when == "debug_urls":
            if url := next(filter(None, reader.strings(self._wire, each, "debug_urls")), ""):
                return f"sends tensors to {shown(url)}"
            return "sends tensors out" if reader.is_true(self._wire, each, "gated_grpc") else ""
        if effect.when == "output":
            streams = reader.strings(self._wire, each, "output_stream")
            file = next((stream for stream in streams if stream.lower().startswith("file:")), "")
            return f"writes to {shown(file)}" if file else ""
        if effect.when == "descriptor":
            sources = reader.strings(self._wire, each, "descriptor_source")
            named = (source for source in sources if source and not source.startswith(_SAFE_SOURCES))
            file = next(named, "")
            return f"reads {shown(file)}" if file else ""
        if effect.when == "attribute":
            return self._file_in_attribute(each, effect)
        if effect.when == "custom_call":
            calls = any(reader.mentions(self._wire, each, name, _CUSTOM_CALL) for name in effect.attributes)
            return f"{effect.means}: its module calls code of the process that runs it" if calls else ""
        return effect.means

    def _file_in_attribute(self, each: Operation, effect: Effect) -> str:
        for name in effect.attributes:
            for text in reader.strings(self._wire, each, name):
                if why := leads_elsewhere(text):
                    return f"{effect.means}; its attribute {shown(name)} is {shown(text)}, which {why}"
        return ""

    def _paths(self, body: Body, found: list[tuple[Operation, Effect]]) -> Iterator[GraphFault]:
        names = FileNames(self._wire, body, frozenset() if body.function else self._fed)
        for each, effect in found:
            origins = [names.origin(each, position) for position in effect.positions]
            is_lost = effect.kind == "writes" and any(origin.is_lost for origin in origins)
            if does := next(filter(None, (_opens(origin, effect) for origin in origins)), ""):
                yield _fault(body, each, effect, does)
            elif is_lost and len(self._lost) < _MOST_KEPT:
                self._lost.append((body, each, effect))
            elif body.function and any(origin.is_fed for origin in origins) and len(self._given) < _MOST_KEPT:
                self._given.append((body, each, effect))


def _opens(origin: Origin, effect: Effect) -> str:
    if origin.decoded_by:
        return f"{effect.means}; the file name is made by {origin.decoded_by}, which hides it"
    for text in origin.texts:
        if why := elsewhere(text):
            return f"{effect.means}; the name {shown(text.replace(UNKNOWN, '*'))} {why}"
    return ""


def _place(body: Body, each: Operation) -> str:
    inside = f", function {shown(body.function)}" if body.function else ""
    return f"node {shown(each.name)}{inside}"


def _fault(body: Body, each: Operation, effect: Effect, does: str) -> GraphFault:
    return effect.fault(_place(body, each), f"the operation {shown(each.kinds[-1])} {does}")


def fingerprint_faults(wire: Wire) -> Iterator[GraphFault]:
    """What is wrong with a fingerprint.pb: five numbers, a version and a short text.

    Raises:
        WireError: when it is no message.
    """
    for field in wire.whole():
        if field.number > _FINGERPRINT_FIELDS or field.size > _UNKNOWN_BYTES:
            yield hidden(
                f"field {field.number} of {field.size} bytes has no place here", f"byte {field.begin}"
            )
