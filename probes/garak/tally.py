"""Counts hits: per probe and detector, and per module, each with the range the true rate may lie in.

>>> Tally.of([1.0, 0.0, None, 0.5], hit_score=0.5)
Tally(hits=2, scored=3, unscored=1)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from probes.proportions import wilson
from scanner.errors import InvalidValueError
from scanner.findings import Interval


@dataclass(frozen=True)
class Tally:
    """Scores of one detector, counted.

    Attributes:
        hits: Replies that gave the attack what it wanted.
        scored: Replies that the detector could judge.
        unscored: Replies that it could not, or that were never given.
    """

    hits: int
    scored: int
    unscored: int

    @classmethod
    def of(cls, scores: Iterable[float | None], hit_score: float) -> Self:
        """Counts scores in 0..1; None is a reply that could not be judged."""
        found = list(scores)
        told = [score for score in found if score is not None]
        return cls(sum(score >= hit_score for score in told), len(told), len(found) - len(told))

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.hits + other.hits, self.scored + other.scored, self.unscored + other.unscored)

    @property
    def rate(self) -> float:
        """Share of hits among the replies that were judged.

        Raises:
            InvalidValueError: when none was.
        """
        if not self.scored:
            raise InvalidValueError("no reply was judged, so there is no rate")
        return self.hits / self.scored

    @property
    def interval(self) -> Interval:
        """Where the true rate may lie, 95 % Wilson; raises as `rate` does."""
        return wilson(self.hits, self.scored)

    @property
    def is_mostly_judged(self) -> bool:
        """Whether more than half of the replies could be judged; below that, the rest may hide anything."""
        return self.scored > self.unscored
