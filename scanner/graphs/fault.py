"""What is wrong with a graph: the value that all readers of graphs hand to their checks."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.findings import Severity


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


def malformed(message: str, place: str = "") -> GraphFault:
    """The file breaks its format."""
    return GraphFault(MALFORMED, place, message, Severity.HIGH, ("CWE-20",))


def hidden(message: str, place: str = "") -> GraphFault:
    """The file carries bytes that its format has no place for."""
    return GraphFault(HIDDEN, place, message, Severity.HIGH, ("CWE-506", "CWE-20"))
