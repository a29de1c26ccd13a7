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
    """Each danger once, by line; of equal wording in one line the last."""
    once = {(danger.code, danger.line, danger.message): danger for danger in found}
    return sorted(once.values(), key=lambda danger: danger.line)
