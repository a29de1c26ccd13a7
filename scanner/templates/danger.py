"""One construct that does not belong into a chat template, as every reader of templates reports it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanner.findings import Confidence, Severity


@dataclass(frozen=True)
class Danger:
    """One construct that does not belong into a chat template.

    Attributes:
        code: "TPL-ESCAPE", "TPL-GATEWAY", "TPL-LOAD", "TPL-LOOP", "TPL-INVISIBLE", "TPL-HIDDEN",
            "TPL-WORDING", or that of a TemplateFaultError.
        message: What it does, a clause after "line 3: ".
        line: 1-based line in the template.
        severity: How bad it is.
        confidence: How sure the reading is.
    """

    code: str
    message: str
    line: int
    severity: Severity
    confidence: Confidence = Confidence.HIGH


def in_order(found: Iterable[Danger]) -> list[Danger]:
    """Each danger once, by line; of equal wording in one line the worst, and the surest of those."""
    once: dict[tuple[str, int, str], Danger] = {}
    for danger in found:
        kept = once.setdefault((danger.code, danger.line, danger.message), danger)
        if _weight(kept) < _weight(danger):
            once[danger.code, danger.line, danger.message] = danger
    return sorted(once.values(), key=lambda danger: danger.line)


def _weight(danger: Danger) -> tuple[int, int]:
    return danger.severity.rank, list(Confidence).index(danger.confidence)
