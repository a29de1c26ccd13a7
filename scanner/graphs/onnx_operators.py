"""What an operator of an ONNX model does beside computing, and whose code it needs.

>>> judge("", "MatMul"), judge("com.microsoft", "PythonOp").code
(None, 'runs-code')
>>> judge("my.domain", "Thing").code
'unknown-operator'
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.data_files import DataTable, data_text, decoded
from scanner.findings import Severity
from scanner.graphs.operations import OperationsError, is_known

_FILE: Final = "onnx_operations.yaml"
DEFAULT_DOMAIN: Final = "ai.onnx"


@dataclass(frozen=True)
class OperatorVerdict:
    """What is to be said of an operator.

    Attributes:
        code: Rule of the fault: "runs-code", "network", "opaque", "unknown-operator".
        means: What it does, a clause without a subject.
        severity: How bad.
        tags: Of public taxonomies.
    """

    code: str
    means: str
    severity: Severity
    tags: tuple[str, ...]


class _Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    domain: str
    operators: tuple[str, ...]
    severity: Severity
    code: str
    tags: tuple[str, ...]
    means: str


class _Table(DataTable, frozen=True):
    standard: frozenset[str]
    runtime: frozenset[str]
    rules: tuple[_Rule, ...]
    file_attributes: frozenset[str]
    words: dict[str, tuple[str, ...]]


@functools.lru_cache(4096)
def judge(domain: str, operator: str) -> OperatorVerdict | None:
    """What the operator does beside computing; None when the runtimes define it and it only computes."""
    table, domain = _table(), domain or DEFAULT_DOMAIN
    for rule in table.rules:
        if rule.domain in ("*", domain) and ("*" in rule.operators or operator in rule.operators):
            return OperatorVerdict(rule.code, rule.means, rule.severity, rule.tags)
    if domain in table.runtime or is_standard(domain, operator):
        return None
    lowered = operator.lower()
    for code, words in table.words.items():
        if any(word in lowered for word in words):
            return OperatorVerdict(
                code, "does more than compute, by its name, and needs a library", Severity.HIGH, ("CWE-829",)
            )
    return OperatorVerdict(
        "unknown-operator", "needs a library that the runtimes do not have", Severity.MEDIUM, ("CWE-829",)
    )


def is_standard(domain: str, operator: str) -> bool:
    """Whether ONNX itself defines the operator."""
    return domain in _table().standard and is_known("onnx", domain, operator)


def names_a_file(attribute: str) -> bool:
    """Whether an attribute of this name holds the name of a file."""
    return attribute in _table().file_attributes


@functools.cache
def _table() -> _Table:
    return decoded(data_text(_FILE), _FILE, _Table, OperationsError)
