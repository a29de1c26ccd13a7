"""Holds verdicts against what the corpus expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.assets.file_corpus.files import ATTACK, NOT_READABLE, PLAIN, REVIEW, Case

BLOCKED: Final = frozenset({ATTACK, NOT_READABLE})
HOSTILE: Final = ("malicious", "malformed")


@dataclass
class Score:
    """Figures over the corpus; percentages are of the cases that they are about.

    Attributes:
        missed: Hostile cases that were neither an attack nor unreadable.
        silent: Malicious or malformed cases that came out as plain data.
        blocked: Honest cases called an attack or unreadable.
        reviewed: Honest plain cases that were sent to a person.
        unseen: Tampered weights of which nothing was said: they are safe to open, and still useless.
        unread: Honest cases that a person has to read, and that came out as plain data.
    """

    hostile: int = 0
    honest: int = 0
    plain: int = 0
    tampered: int = 0
    to_review: int = 0
    missed: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    reviewed: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def figures(self) -> Mapping[str, float]:
        """What `make bench` prints."""
        return {
            "detected_percent": _percent(self.hostile - len(self.missed), self.hostile),
            "benign_blocked_percent": _percent(len(self.blocked), self.honest),
            "benign_review_percent": _percent(len(self.reviewed), self.plain),
            "silent_passes": len(self.silent),
            "hostile_cases": self.hostile,
            "benign_cases": self.honest,
            "benign_to_review_by_nature": self.to_review,
            "benign_to_review_passed": len(self.unread),
            "tampered_cases": self.tampered,
            "tampered_unseen": len(self.unseen),
        }


def score(cases: Iterable[Case], verdict_of: Callable[[Case], tuple[str, str]]) -> Score:
    """Counts every case once; `verdict_of` gives its verdict, and the worst that was remarked or "".

    Honest cases that a person has to read by their nature count apart: `to_review` has them.
    """
    total = Score()
    for case in cases:
        _count(total, case, *verdict_of(case))
    return total


def _count(total: Score, case: Case, verdict: str, remark: str) -> None:
    if case.label in HOSTILE:
        total.hostile += 1
        _note(total.missed, case, verdict not in BLOCKED)
        _note(total.silent, case, verdict == PLAIN)
    elif case.label == "tampered":
        total.tampered += 1
        _note(total.unseen, case, not remark)
    else:
        total.honest += 1
        _note(total.blocked, case, verdict in BLOCKED)
        if PLAIN in case.verdicts:
            total.plain += 1
            _note(total.reviewed, case, verdict == REVIEW and REVIEW not in case.verdicts)
        else:
            total.to_review += 1
            _note(total.unread, case, verdict == PLAIN)


def _note(where: list[str], case: Case, is_so: bool) -> None:
    if is_so:
        where.append(case.path)


def by_technique(cases: Sequence[Case], is_flagged: Mapping[str, bool]) -> dict[str, tuple[int, int]]:
    """Technique to (flagged, all) of its cases, in the corpus's order."""
    counted: dict[str, tuple[int, int]] = {}
    for case in cases:
        flagged, all_ = counted.get(case.technique, (0, 0))
        counted[case.technique] = (flagged + is_flagged[case.path], all_ + 1)
    return counted


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
