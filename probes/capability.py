"""Which languages the model can be judged in: the coherence control's word, read by every other probe.

A model that babbles refuses nothing and leaks nothing; what it says in such a language is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scanner.check import CheckRecord
from scanner.findings import Outcome

COHERENCE_CHECK_ID: Final = "model-incoherent"


def capable_languages(earlier: Mapping[str, CheckRecord]) -> frozenset[str]:
    """The languages ("en", "zh") in which the model answered simple questions; pass `context.earlier`.

    Empty when the coherence control did not run, broke, or found none: then nothing may be judged,
    and a probe yields NOT_RUN with `incapable_reason`.
    """
    record = earlier.get(COHERENCE_CHECK_ID)
    if record is None:
        return frozenset()
    return frozenset(
        finding.subject for finding in record.findings if finding.outcome is Outcome.PASS and finding.subject
    )


def incapable_reason(earlier: Mapping[str, CheckRecord], language: str) -> str:
    """Why nothing may be judged in a language that is not capable, as the reason of a NOT_RUN."""
    record = earlier.get(COHERENCE_CHECK_ID)
    if record is None:
        return f"{COHERENCE_CHECK_ID} did not run, so whether the model can answer in '{language}' is unknown"
    for finding in record.findings:
        if finding.subject == language and finding.reason:
            return f"{COHERENCE_CHECK_ID}: {finding.reason}"
    for finding in record.findings:
        if not finding.subject:
            return f"{COHERENCE_CHECK_ID}: {finding.reason or finding.message}"
    return f"{COHERENCE_CHECK_ID} did not test '{language}'"
