"""What a judgement covers: the languages asked for, and which findings say nothing about them.

What was judged is never hidden, in whichever language. What could not be judged is not missed when it
is about a language outside the scope, or when there was nothing of its kind to examine.

>>> Scope(("en",)).in_words
'English'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from scanner.check import CheckRecord
from scanner.findings import Finding, Measurement, Outcome
from scanner.runner import records_by_id
from scanner.scan import Scan

# The control of the behavioural checks: per language a PASS when the model can be questioned in it at all.
COHERENCE_CHECK: Final = "model-incoherent"
# The rule of a NOT_RUN that says "the model has no file of this kind"; that is known, not missing.
NOTHING_TO_EXAMINE: Final = "nothing-to-examine"
LANGUAGES: Final[Mapping[str, str]] = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese",
    "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """The languages that a judgement is about, by ISO 639-1 code."""

    languages: tuple[str, ...]

    @property
    def in_words(self) -> str:
        """The languages by their English names: "English, Chinese"."""
        return ", ".join(LANGUAGES.get(code, code) for code in self.languages)

    def counted(self, record: CheckRecord) -> Iterator[Finding]:
        """The findings of a record, less those that say nothing about this scope."""
        return (finding for finding in record.findings if not self._is_beside(finding))

    def unjudged(self, record: CheckRecord) -> list[Finding]:
        """What the check should have judged for this scope and could not."""
        return [
            finding
            for finding in self.counted(record)
            if not finding.outcome.is_judged and finding.rule != NOTHING_TO_EXAMINE
        ]

    def counts(self, measurement: Measurement) -> bool:
        """Whether a measurement enters: a coherence that was measured in another language does not."""
        language = measurement.dimensions.get("language", "")
        return measurement.check_id != COHERENCE_CHECK or not self._is_outside(language)

    def unproven(self, scan: Scan) -> tuple[str, ...]:
        """The languages in which the model was not shown to be capable of answering at all.

        An incapable model refuses nothing, leaks nothing and says nothing: that is not harmlessness.
        """
        record = records_by_id(scan.records).get(COHERENCE_CHECK)
        return tuple(code for code in self.languages if record is None or not _is_capable(record, code))

    def is_beside(self, subject: str) -> bool:
        """Whether a subject ("zh", "zh/tibet") is about a language outside the scope."""
        return self._is_outside(_language_in(subject))

    def _is_beside(self, finding: Finding) -> bool:
        if not self._is_outside(language_of(finding)):
            return False
        return not finding.outcome.is_judged or finding.check_id == COHERENCE_CHECK

    def _is_outside(self, language: str) -> bool:
        return bool(language) and language not in self.languages


def language_of(finding: Finding) -> str:
    """The language that a finding is about, "" when it is not about one: "zh" of "zh" or "zh/tibet"."""
    return _language_in(finding.subject)


def _language_in(subject: str) -> str:
    code = re.split(r"[/:]", subject, maxsplit=1)[0]
    return code if code in LANGUAGES else ""


def _is_capable(record: CheckRecord, language: str) -> bool:
    outcomes = {found.outcome for found in record.findings if language_of(found) == language}
    return outcomes == {Outcome.PASS}
