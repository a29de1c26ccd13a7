"""What a check may measure, and which direction of it is worse.

>>> MeasureSpec("garak.hit_rate", "share", "Prompts that got what they wanted", Worse.HIGHER).worse.sign
1
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Worse(enum.Enum):
    """In which direction a measurement gets worse; NEITHER is told in comparisons, and never a regression."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"

    @property
    def sign(self) -> int:
        """What a difference is multiplied by so that more is worse; 0 for NEITHER."""
        return {Worse.HIGHER: 1, Worse.LOWER: -1, Worse.NEITHER: 0}[self]


@dataclass(frozen=True)
class MeasureSpec:
    """A measurement that a check may yield; policy packs may refer to no others.

    Attributes:
        name: Dotted name, "deflection.rate_gap".
        unit: Unit of its values.
        title: What it means, for people.
        worse: Which direction is worse, for regressions between two scans.
    """

    name: str
    unit: str
    title: str
    worse: Worse = Worse.NEITHER
