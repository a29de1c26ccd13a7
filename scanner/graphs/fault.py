"""What is wrong with a graph: the value that all readers of graphs hand to their checks."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Final

from scanner.file_check import listed
from scanner.findings import Severity
from scanner.graphs.paths import shown


@dataclass(frozen=True)
class GraphFault:
    """One thing that is wrong.

    Attributes:
        code: Which rule, in kebab case: "runs-code".
        place: Where in the file: "node 'save/Read', function 'f'".
        message: What it does and what that means, a clause that follows the file's name.
        severity: Critical and high are attacks, or malformed files; medium is to be read by a person.
        tags: Of public taxonomies: "CWE-22".
    """

    code: str
    place: str
    message: str
    severity: Severity = Severity.HIGH
    tags: tuple[str, ...] = ()


MALFORMED = "malformed"
HIDDEN = "hidden-bytes"
_NAMES_IN_MESSAGE: Final = 8


def malformed(message: str, place: str = "") -> GraphFault:
    """The file breaks its format."""
    return GraphFault(MALFORMED, place, message, Severity.HIGH, ("CWE-20",))


def hidden(message: str, place: str = "") -> GraphFault:
    """The file carries bytes that its format has no place for."""
    return GraphFault(HIDDEN, place, message, Severity.HIGH, ("CWE-506", "CWE-20"))


def needs_library(code: str, place: str, names: Set[str], why: str) -> Iterator[GraphFault]:
    """The library of operations that a runtime does not have is to be read by a person.

    >>> faults = needs_library("unknown-operation", "layers", {"b", "a"}, "OpenVINO does not have")
    >>> [fault.message for fault in faults]
    ["needs a library for 'a', 'b', which OpenVINO does not have"]
    """
    if names:
        told = listed([shown(name) for name in sorted(names)], _NAMES_IN_MESSAGE)
        message = f"needs a library for {told}, which {why}"
        yield GraphFault(code, place, message, Severity.MEDIUM, ("CWE-829",))
