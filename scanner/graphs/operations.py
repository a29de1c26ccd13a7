"""Which operations the runtimes define, and what those of TensorFlow do beside computing.

>>> effect_of("PyFunc").kind, effect_of("MatMul")
('runs_code', None)
>>> is_known("tensorflow", "", "MatMul"), is_known("onnx", "com.microsoft", "PythonOp")
(True, False)
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError
from scanner.findings import Severity
from scanner.graphs.fault import GraphFault

_LISTS: Final = "graph_operations.csv"
_TABLE: Final = "tensorflow_operations.yaml"

When = Literal["", "path", "debug_urls", "output", "descriptor", "attribute", "custom_call"]


class OperationsError(ScanError):
    """The table of operations cannot be read."""


@dataclass(frozen=True)
class Effect:
    """What an operation does beside computing.

    Attributes:
        kind: "runs_code", "writes", "reads", "network", "halts" or "opaque".
        means: The same, a clause without a subject: "reads files".
        severity: How bad.
        tags: Of public taxonomies.
        when: What it depends on; "" when it holds wherever the operation stands.
        positions: Of file names among the inputs, for when "path"; -1 is the last.
        attributes: Names of the attributes that it depends on, for when "attribute" and "custom_call".
    """

    kind: str
    means: str
    severity: Severity
    tags: tuple[str, ...]
    when: When = ""
    positions: tuple[int, ...] = (0,)
    attributes: tuple[str, ...] = ()

    def fault(self, place: str, message: str) -> GraphFault:
        """What is told of an operation in this place that has this effect."""
        return GraphFault(self.kind.replace("_", "-"), place, message, self.severity, self.tags)


class _Kind(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    severity: Severity
    tags: tuple[str, ...]
    means: str


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    names: tuple[str, ...]
    kind: str
    when: When = ""
    inputs: tuple[int, ...] = (0,)
    attributes: tuple[str, ...] = ()


class _Table(DataTable, frozen=True):
    kinds: dict[str, _Kind]
    operations: tuple[_Row, ...]
    words: dict[str, tuple[str, ...]]
    internal: tuple[str, ...]
    passing: frozenset[str]
    joining: frozenset[str]
    decoding: frozenset[str]


def is_known(framework: str, domain: str, operation: str) -> bool:
    """Whether the runtime of this framework itself defines the operation."""
    return (framework, domain, operation) in _known()


def effect_of(operation: str) -> Effect | None:
    """What a TensorFlow operation does beside computing, by the table; None when it only computes."""
    return _effects().get(operation)


def effect_by_name(operation: str) -> Effect | None:
    """What an operation of an unknown library does, by the words in its name; None when they say nothing."""
    lowered = operation.lower()
    for kind, words in _table().words.items():
        if any(word in lowered for word in words):
            return _effect(kind)
    return None


def hands_on(operation: str) -> bool:
    """Whether the operation gives out the strings that come in."""
    return operation in _table().passing


def joins(operation: str) -> bool:
    """Whether it puts strings together in a way that can be followed."""
    return operation in _table().joining


def decodes(operation: str) -> bool:
    """Whether it makes strings that cannot be told from those that come in."""
    return operation in _table().decoding


@functools.cache
def dangerous_names() -> tuple[str, ...]:
    """Every TensorFlow operation that is judged wherever it stands and is not merely opaque."""
    return tuple(name for name, effect in _effects().items() if not effect.when and effect.kind != "opaque")


@functools.cache
def _known() -> frozenset[tuple[str, str, str]]:
    lines = (line for line in data_text(_LISTS).splitlines() if not line.startswith("#"))
    rows = [(row["framework"], row["domain"], row["operation"]) for row in csv.DictReader(lines)]
    return frozenset((*rows, *(("tensorflow", "", name) for name in _table().internal)))


@functools.cache
def _effects() -> Mapping[str, Effect]:
    return {
        name: _effect(row.kind, row.when, row.inputs, row.attributes)
        for row in _table().operations
        for name in row.names
    }


def _effect(
    kind: str, when: When = "", positions: tuple[int, ...] = (0,), attributes: tuple[str, ...] = ()
) -> Effect:
    meaning = _table().kinds[kind]
    return Effect(kind, meaning.means, meaning.severity, meaning.tags, when, positions, attributes)


@functools.cache
def _table() -> _Table:
    return decoded(data_text(_TABLE), _TABLE, _Table, OperationsError)
