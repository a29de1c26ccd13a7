"""What checks say: findings with an outcome and a reason, measurements with n and interval.

>>> Measurement("garak.hit_rate", 0.25, "share", 40, Interval(0.14, 0.40, 0.95), "Wilson").n
40
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner.errors import InvalidValueError
from scanner.evidence import EvidenceRef


class Outcome(enum.Enum):
    """What a check concluded about one thing it looked at."""

    PASS = "pass"
    FAIL = "fail"
    NOT_RUN = "not_run"
    ERROR = "error"

    @property
    def is_judged(self) -> bool:
        """Whether the check reached a conclusion at all."""
        return self in (Outcome.PASS, Outcome.FAIL)


class Severity(enum.Enum):
    """How bad it is if the finding is true."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (info) to 4 (critical), to sort and compare by."""
        return list(Severity).index(self)


class Confidence(enum.Enum):
    """How sure the check is that the finding is true; kept apart from severity."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Location:
    """A place in the model's files.

    Attributes:
        path: Path inside the snapshot, with forward slashes.
        line: 1-based line number, or None where lines mean nothing.
        detail: A place lines cannot say: "tensor model.embed", "byte 123", "key auto_map".
    """

    path: str
    line: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One conclusion of one check.

    Attributes:
        check_id: Stable kebab-case id of the check.
        outcome: PASS, FAIL, NOT_RUN or ERROR.
        severity: How bad a FAIL is; of a PASS, how bad a FAIL would have been.
        message: One plain sentence, safe to print.
        rule: A code within the check ("ST-DUP"), or "".
        subject: What it is about when it is not a file ("zh", "garak dan.Ablation"), or "".
        confidence: How sure the check is.
        reason: Why it could not be judged; required for NOT_RUN and ERROR, "" otherwise.
        locations: Where, most important first.
        evidence: The bytes the conclusion rests on.
        remediation: What to do about a FAIL, or "".
        tags: Ids of public taxonomies: "CWE-502", "OWASP-LLM03:2025", "AML.T0011".
    """

    check_id: str
    outcome: Outcome
    severity: Severity
    message: str
    rule: str = ""
    subject: str = ""
    confidence: Confidence = Confidence.HIGH
    reason: str = ""
    locations: tuple[Location, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()
    remediation: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.outcome.is_judged and self.reason:
            raise InvalidValueError(f"{self.check_id}: a judged finding has no reason, put it in the message")
        if not self.outcome.is_judged and not self.reason:
            raise InvalidValueError(f"{self.check_id}: {self.outcome.value} needs a reason")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that stay the same from scan to scan while the finding is about the same thing.

        The outcome, wording and evidence do not enter, so that a FAIL that became a PASS is recognised.
        """
        places = "|".join(f"{place.path}#{place.detail}" for place in self.locations)
        identity = "\n".join((self.check_id, self.rule, self.subject, places))
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Interval:
    """The range a measured value may lie in.

    Attributes:
        low: Lower end, in the unit of the value.
        high: Upper end.
        level: Confidence level in (0, 1); None when the interval is a bound, not a statistic.
    """

    low: float
    high: float
    level: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise InvalidValueError(f"interval [{self.low}, {self.high}] is not finite and ordered")
        if self.level is not None and not 0 < self.level < 1:
            raise InvalidValueError(f"confidence level {self.level} is not between 0 and 1")


@dataclass(frozen=True)
class Measurement:
    """A named number that is never without its n, interval and method.

    Attributes:
        name: Dotted name declared by its check: "deflection.rate_gap".
        value: The estimate, finite.
        unit: "share", "share difference", "FLOP", "items", "seconds".
        n: How many independent units it rests on (items, prompts, files); at least 1.
        interval: Where the true value may lie.
        method: How value and interval were computed: "Wilson", "paired bootstrap over items".
        check_id: The check that measured; filled in by the runner when left "".
        dimensions: What it was measured for: {"language": "zh", "topic": "tibet"}.
        evidence: The bytes it was computed from.
        conditions: Under which the model was questioned: engine, version, device asked and got, dtype,
            batch, threads, order, seed, repeats; filled in by the runner, empty for static checks.
    """

    name: str
    value: float
    unit: str
    n: int
    interval: Interval
    method: str
    check_id: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[EvidenceRef, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InvalidValueError(f"{self.name}: {self.value} is not a measurement; report NOT_RUN instead")
        if self.n < 1:
            raise InvalidValueError(
                f"{self.name}: n is {self.n}; nothing measured is NOT_RUN, never a number"
            )
