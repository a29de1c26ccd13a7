"""What a licence text says once it was held against every known text.

>>> LicenceReading((), (), False, 0.0).standing
<Standing.UNRECOGNISED: 'not recognised'>
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from scanner.findings import Severity
from scanner.licensing.licence import Licence
from scanner.licensing.texts import Sentence
from scanner.licensing.words import folded


@dataclass(frozen=True)
class Trigger:
    """Words that narrow a grant: expressions over folded words, and how bad it is to miss them."""

    id: str
    title: str
    severity: Severity
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Addition:
    """A sentence that no known licence text explains, and the trigger in it."""

    trigger: Trigger
    sentence: Sentence


class Standing(enum.Enum):
    """How much of a text is accounted for."""

    PLAIN = "known text"
    ADDED = "known text with additional terms"
    ALTERED = "known text, altered"
    NAMED = "named only"
    UNRECOGNISED = "not recognised"


@dataclass(frozen=True)
class LicenceReading:
    """What a licence file says.

    Attributes:
        licences: Recognised licences, the governing one first; () when the text is not recognised.
        additions: Sentences beyond the recognised texts that narrow the grant.
        is_exact: Whether the words are exactly those of a known text.
        containment: Share of the known text that was found, in [0, 1]; 0 when recognised by name only.
        unexplained: Sentences beyond the recognised texts that set no condition anybody knows of, but are
            not among the harmless ones either; () when the text is not recognised.
        missing_words: Words of the recognised texts that the file lacks, names of parties apart.
    """

    licences: tuple[Licence, ...]
    additions: tuple[Addition, ...]
    is_exact: bool
    containment: float
    unexplained: tuple[Sentence, ...] = ()
    missing_words: int = 0

    @property
    def standing(self) -> Standing:
        """How much of the text is accounted for; only PLAIN is the licence and nothing else."""
        if not self.licences:
            return Standing.UNRECOGNISED
        if not self.containment:
            return Standing.NAMED
        if any(not self._describes(addition) for addition in self.additions):
            return Standing.ADDED
        if self.unexplained or self.missing_words:
            return Standing.ALTERED
        return Standing.PLAIN

    def _describes(self, addition: Addition) -> bool:
        """Whether the licence is a known one with a clause added, and this is that clause."""
        row = self.licences[0]
        said = folded(addition.sentence.text)
        return bool(row.base) and any(phrase in said for phrase in row.phrases)

    @property
    def is_plainly_permissive(self) -> bool:
        """Whether every word is that of permissive licences: the one answer that lets nobody read on."""
        return self.standing is Standing.PLAIN and all(row.is_permissive for row in self.licences)
