"""Says what is wrong with a TFLite model: offsets that lie, operators that do more than compute.

Source: tensorflow 2.20.0, tensorflow/compiler/mlir/lite/schema/schema.fbs,
tensorflow/lite/core/tools/verifier.cc and tensorflow/lite/delegates/flex/kernel.cc (which operation a Flex
operator runs stands in its options).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

from scanner.data_files import DataTable, data_text, decoded
from scanner.findings import Severity
from scanner.graphs import operations as table
from scanner.graphs.fault import GraphFault, malformed, needs_library
from scanner.graphs.flat import Flat, Table
from scanner.graphs.metadata_text import text_faults
from scanner.graphs.operations import Effect, OperationsError
from scanner.graphs.paths import is_unseen, leads_elsewhere, shown
from scanner.graphs.tflite import (
    CUSTOM,
    HIGHEST_BUILTIN,
    MOST_STRINGS,
    Operator,
    Tensor,
    buffers,
    called,
    operators,
    tensors,
    verify,
)  # fmt: skip

# Where a file that is no TFLite model at all is told to be none.
MARK: Final = "byte 4"
_FILE: Final = "tflite_operations.yaml"
_MOST_SUBGRAPHS: Final = 10_000
_MOST_TENSORS: Final = 200_000
_MOST_NEEDED: Final = 1000
_OPTIONS_BYTES: Final = 16 * 1024**2
_ADDRESS: Final = re.compile(
    rb"(?!local|bytes)[a-z][a-z0-9+.]{1,15}://[\x20-\x7e]{0,60}|file:[\x20-\x7e]{1,60}"
)


class _Custom(DataTable, frozen=True):
    runtime: frozenset[str]
    compiled: frozenset[str]


def model_faults(flat: Flat) -> Iterator[GraphFault]:
    """Everything that is wrong with a model, as it is found.

    Raises:
        FlatError: when offsets lead out of the file.
        PartlyReadError: when it was not read far enough.
    """
    if flat.size_bytes < 8 or flat.read(4, 4) != b"TFL3":
        yield malformed("it does not have the mark of TFLite, TFL3 at byte 4", MARK)
        return
    model = flat.root()
    if model.number(0, 4) != 3:
        yield malformed(f"it is of version {model.number(0, 4)} of the format; expected 3", "version")
    verify(model)
    yield from _Review(flat, model).faults()


class _Review:
    """Judges one model."""

    def __init__(self, flat: Flat, model: Table) -> None:
        self._flat, self._model = flat, model
        self._kinds: list[tuple[int, str]] = []
        self._sizes: list[int] = []
        self._needed: set[str] = set()

    def faults(self) -> Iterator[GraphFault]:
        """What is wrong, in the order of the file."""
        yield from self._operator_kinds()
        for index, (size, fault) in enumerate(buffers(self._flat, self._model)):
            self._sizes.append(size)
            if fault:
                yield malformed(fault, f"buffer {index}")
        count = self._model.span(2, 4).count
        if not 0 < count <= _MOST_SUBGRAPHS:
            yield malformed(f"it has {count} graphs; expected 1 to {_MOST_SUBGRAPHS}", "subgraphs")
            return
        calls: dict[int, set[int]] = {}
        sizes: list[int] = []
        for index, subgraph in enumerate(self._model.tables(2)):
            calls[index] = set()
            sizes.append(subgraph.span(0, 4).count)
            if sizes[-1] > _MOST_TENSORS:
                told = f"it has {sizes[-1]} tensors; expected {_MOST_TENSORS} at most"
                yield malformed(told, f"graph {index}")
                continue
            yield from self._subgraph(subgraph, index, count, calls[index])
        yield from self._circles(calls)
        yield from self._entries(sizes)
        yield from needs_library("unknown-operator", "operators", self._needed, "TFLite does not have")

    def _operator_kinds(self) -> Iterator[GraphFault]:
        for index, each in enumerate(self._model.tables(1)):
            code = max(each.number(0, 1, signed=True), each.number(3, 4, signed=True))
            name = each.text(1)
            self._kinds.append((code, name))
            where = f"operator code {index}"
            if not 0 <= code <= HIGHEST_BUILTIN:
                yield malformed(f"it is operator {code}, which TFLite does not have", where)
            elif is_unseen(name):
                yield malformed("a name holds control or invisible characters", where)
            elif code == CUSTOM:
                yield from self._custom(name, where)

    def _custom(self, name: str, where: str) -> Iterator[GraphFault]:
        if name.startswith("Flex"):
            operation = name.removeprefix("Flex")
            effect = table.effect_of(operation)
            is_known = table.is_known("tensorflow", "", operation)
            effect = effect if is_known else effect or table.effect_by_name(operation)
            if effect and not effect.when:
                yield _does(effect, operation, where)
            elif effect and effect.when == "path":
                yield GraphFault(
                    "names-files",
                    where,
                    f"the operation {shown(operation)} {effect.means}, under names that it is given",
                    Severity.MEDIUM,
                    effect.tags,
                )
            elif not is_known:
                self._need_library(name)
        elif name in _custom().compiled:
            yield GraphFault(
                "opaque",
                where,
                f"the operator {shown(name)} is a program for an accelerator, which is not read",
                Severity.MEDIUM,
                ("CWE-912",),
            )
        elif name not in _custom().runtime:
            if effect := table.effect_by_name(name):
                yield _does(effect, name, where)
            self._need_library(name)

    def _need_library(self, name: str) -> None:
        if len(self._needed) < _MOST_NEEDED:
            self._needed.add(name[:100])

    def _subgraph(self, subgraph: Table, index: int, count: int, calls: set[int]) -> Iterator[GraphFault]:
        found: list[Tensor] = []
        for number, tensor in enumerate(tensors(subgraph)):
            found.append(tensor)
            if fault := tensor.fault(self._sizes):
                yield malformed(fault, f"tensor {number} {shown(tensor.name)} of graph {index}")
        for number, each in enumerate(operators(subgraph)):
            where = f"operator {number} of graph {index}"
            if each.code >= len(self._kinds):
                yield malformed(f"its kind is number {each.code} of {len(self._kinds)}", where)
                continue
            wrong = [i for i in each.tensors if not -1 <= i < len(found)]
            if wrong:
                yield malformed(f"it takes tensor {wrong[0]} of {len(found)}", where)
                continue
            yield from self._operator(each, found, where)
            targets = set(called(each, self._kinds[each.code][0]))
            calls |= {target for target in targets if 0 <= target < count}
            if targets - calls:
                yield malformed(f"it calls graph {min(targets - calls)} of {count}", where)
        for slot in (1, 2):
            if any(not -1 <= i < len(found) for i in subgraph.numbers(slot, 4, 100_000)):
                yield malformed("its inputs or outputs are tensors that are not there", f"graph {index}")

    def _operator(self, each: Operator, found: list[Tensor], where: str) -> Iterator[GraphFault]:
        code, name = self._kinds[each.code]
        if each.options_end > self._flat.size_bytes:
            yield malformed(f"its options end at byte {each.options_end} of {self._flat.size_bytes}", where)
        if code != CUSTOM or not name.startswith("Flex"):
            return
        if (size := each.table.span(5, 1).count) > _OPTIONS_BYTES:
            yield malformed(f"its options take {size} bytes; up to {_OPTIONS_BYTES} are read", where)
        options = each.table.raw(5, _OPTIONS_BYTES)
        for operation in _named().findall(options):
            effect = table.effect_of(operation.decode())
            if effect:
                yield _does(effect, operation.decode(), where)
        effect = table.effect_of(name.removeprefix("Flex"))
        if effect is None or not effect.when:
            return
        if effect.when == "path":
            yield from self._named_files(each, effect, found, where)
        elif address := _ADDRESS.search(options):
            does = f"the operation {shown(name)} {effect.means}: {shown(address[0].decode())}"
            yield effect.fault(where, does)

    def _named_files(
        self, each: Operator, effect: Effect, found: list[Tensor], where: str
    ) -> Iterator[GraphFault]:
        for position in effect.positions:
            if not -len(each.inputs) <= position < len(each.inputs) or each.inputs[position] < 0:
                continue
            for count, text in enumerate(found[each.inputs[position]].strings(self._model)):
                if why := leads_elsewhere(text):
                    yield effect.fault(where, f"it {effect.means}; the name {shown(text)} {why}")
                if count == MOST_STRINGS:
                    yield malformed(f"it names more than {MOST_STRINGS} files; not read to the end", where)

    def _circles(self, calls: dict[int, set[int]]) -> Iterator[GraphFault]:
        """A graph that calls itself, directly or by others, never ends."""
        done: set[int] = set()
        for start in calls:
            path = {start: iter(calls[start])} if start not in done else {}
            while path:
                node = next(reversed(path))
                target = next(path[node], None)
                if target is None:
                    del path[node]
                    done.add(node)
                elif target in path:
                    yield malformed("it calls itself, so that it never ends", f"graph {target}")
                    return
                elif target not in done:
                    path[target] = iter(calls[target])

    def _entries(self, sizes: list[int]) -> Iterator[GraphFault]:
        """Metadata and signatures must point to what is there, and a description describe."""
        yield from text_faults([self._model.text(3)], "description")
        for index, each in enumerate(self._model.tables(6)):
            if each.number(1, 4) >= len(self._sizes):
                yield malformed(
                    "it lies in a buffer that is not there", f"metadata {index} {shown(each.text(0))}"
                )
        for index, each in enumerate(self._model.tables(7)):
            graph = each.number(4, 4)
            if graph >= len(sizes):
                yield malformed(f"it is of graph {graph} of {len(sizes)}", f"signature {index}")
                continue
            for slot in (0, 1):
                if any(part.number(1, 4) >= sizes[graph] for part in each.tables(slot)):
                    yield malformed("it names a tensor that is not there", f"signature {index}")


def _does(effect: Effect, name: str, where: str) -> GraphFault:
    return effect.fault(where, f"the operation {shown(name)} {effect.means}")


@functools.cache
def _named() -> re.Pattern[bytes]:
    """Finds the names of dangerous operations in the options of a Flex operator, as whole words."""
    names = sorted(map(re.escape, table.dangerous_names()), key=len, reverse=True)
    return re.compile(rb"(?<![A-Za-z0-9_])(" + "|".join(names).encode() + rb")(?![A-Za-z0-9_])")


@functools.cache
def _custom() -> _Custom:
    return decoded(data_text(_FILE), _FILE, _Custom, OperationsError)
