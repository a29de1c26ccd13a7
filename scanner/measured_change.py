"""One figure in two scans: both values, and how surely it moved.

>>> change = MeasuredChange("garak.hit_rate", "garak-attack-succeeds", {"module": "dan"}, "share",
...     Worse.HIGHER, 0.1, 0.3, 40, untested="for the example")
>>> (change.label, round(change.worsening, 2), change.is_found(0.05))
('garak.hit_rate (module dan)', 0.2, False)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from scanner.errors import InvalidValueError
from scanner.findings import Interval
from scanner.measures import Worse


@dataclass(frozen=True)
class ChangeTest:
    """How surely a figure moved.

    Attributes:
        interval: Where candidate minus base may lie, in the unit of the figure.
        p_value: Of the two-sided test that nothing changed.
        adjusted_p: After Holm over every test of the comparison.
        detectable: The smallest change that is found with 80 % power at the level of the comparison,
            after Holm; None when none would be.
        method: Test and interval, in words.
        is_paired: Whether the same questions were compared one by one.
        up: Questions that show the behaviour in the candidate alone; 0 unless paired.
        down: Those that show it in the base alone; 0 unless paired.
    """

    interval: Interval
    p_value: float
    adjusted_p: float
    detectable: float | None
    method: str
    is_paired: bool
    up: int = 0
    down: int = 0


@dataclass(frozen=True)
class MeasuredChange:
    """One figure in both scans.

    Attributes:
        name: Of the measurement, "deflection.engagement_rate".
        check_id: The check that measured it.
        dimensions: What it was measured for.
        unit: Of the values.
        worse: Which direction is worse.
        base: Its value in the base, None where it was not measured.
        candidate: In the candidate.
        n: Units that were compared: pairs, or the smaller of the two n.
        test: How surely it moved, None when it was not tested.
        untested: Why not, "" when it was.
        stands_for: Figures made of the same replies, which this test speaks for.
    """

    name: str
    check_id: str
    dimensions: Mapping[str, str]
    unit: str
    worse: Worse
    base: float | None
    candidate: float | None
    n: int
    test: ChangeTest | None = None
    untested: str = ""
    stands_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.test is None) != bool(self.untested):
            raise InvalidValueError(f"{self.name}: a figure is tested, or there is a reason why not")

    @property
    def label(self) -> str:
        """Name and dimensions: "deflection.engagement_rate (language en, side control)"."""
        told = ", ".join(f"{key} {value}" for key, value in self.dimensions.items())
        return f"{self.name} ({told})" if told else self.name

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name this figure in every comparison, for waivers."""
        dimensions = sorted(self.dimensions.items())
        return hashlib.sha256(f"figure\n{self.check_id}\n{self.name}\n{dimensions}".encode()).hexdigest()[:16]

    @property
    def delta(self) -> float | None:
        """Candidate minus base, None where either is missing."""
        return None if self.base is None or self.candidate is None else self.candidate - self.base

    @property
    def worsening(self) -> float | None:
        """How much worse the candidate is, negative when better; None when no direction is worse."""
        return None if self.delta is None or self.worse is Worse.NEITHER else self.delta * self.worse.sign

    @property
    def worst_case(self) -> float | None:
        """How much worse it may be: the far end of the interval; None without a test or a direction."""
        if self.test is None or self.worse is Worse.NEITHER:
            return None
        return self.test.interval.high if self.worse is Worse.HIGHER else -self.test.interval.low

    def is_found(self, alpha: float) -> bool:
        """Whether it moved: significant after Holm, with the interval on one side of 0."""
        if self.test is None:
            return False
        interval = self.test.interval
        return self.test.adjusted_p < alpha and (interval.low > 0 or interval.high < 0)
