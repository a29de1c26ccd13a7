"""What stops a model, as data: the rules of a gate and what each of them matches."""

from __future__ import annotations

import enum
import fnmatch
from dataclasses import dataclass
from typing import Literal

from policies.assessment import ControlStatus, VerdictValue
from scanner.comparison import Part
from scanner.findings import Confidence, Severity


@dataclass(frozen=True)
class FailedMatcher:
    """FAIL findings of at least this severity and confidence, of some checks or of all."""

    severity_at_least: Severity
    confidence_at_least: Confidence = Confidence.LOW
    checks: tuple[str, ...] = ()


class Extent(enum.Enum):
    """How much of what a check looked at was left unjudged."""

    ANY = "any"
    WHOLE = "whole"
    PART = "part"


@dataclass(frozen=True)
class UnjudgedMatcher:
    """Checks that reached no conclusion, or none about a part of what they looked at.

    Attributes:
        checks: Ids of the checks.
        extent: Which of these two to match, or both.
    """

    checks: tuple[str, ...]
    extent: Extent = Extent.ANY


@dataclass(frozen=True)
class ControlMatcher:
    """Controls with one of these statuses and at least this severity.

    Attributes:
        statuses: Any of these.
        severity_at_least: The least severity, if the control failed.
        packs: Ids of the packs to look at, all without any.
        in_force_only: Leaves out what binds nobody on the day of judgement.
        owed_by_others: Matches also what the organisation only relies on; by default, only its own duties.
    """

    statuses: tuple[ControlStatus, ...]
    severity_at_least: Severity
    packs: tuple[str, ...] = ()
    in_force_only: bool = False
    owed_by_others: bool = False


@dataclass(frozen=True)
class NewMatcher:
    """FAIL findings that the base does not have, or had at a lower severity than this."""

    severity_at_least: Severity
    confidence_at_least: Confidence = Confidence.LOW
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegressedMatcher:
    """Figures that got worse than in the base, by chance only with probability `alpha`.

    A figure that was not seen to get worse, but could have without being noticed, is INCOMPLETE.

    Attributes:
        measurements: Names, or patterns such as "deflection.*".
        by_at_least: The smallest change that matters, in the unit of the figure (0.05 is five points).
        alpha: Chance of any false alarm among all tests of the comparison.
    """

    measurements: tuple[str, ...]
    by_at_least: float
    alpha: float = 0.05

    def names(self, name: str) -> bool:
        """Whether the rule is about a measurement of this name."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.measurements)


@dataclass(frozen=True)
class NotRunMatcher:
    """What the base had judged and the candidate did not.

    Attributes:
        checks: Ids of the checks, or "required" for every one that the base had judged.
    """

    checks: tuple[str, ...] | Literal["required"] = "required"


@dataclass(frozen=True)
class ChangedMatcher:
    """Parts of the model that are not those of the base; one that cannot be read is INCOMPLETE."""

    parts: tuple[Part, ...]


class When(enum.Enum):
    """When a rule speaks; one that needs a base and has none is INCOMPLETE unless it says COMPARED."""

    ALWAYS = "always"
    COMPARED = "compared"


@dataclass(frozen=True)
class GateRule:
    """One reason not to let a model pass; exactly one of the matchers is set.

    Attributes:
        id: Name in the verdict's reasons.
        verdict: What it answers when it matches.
        says: Why, in words.
        when: Whether it speaks without a base too.
        failed: Matches findings.
        unjudged: Matches checks.
        unproven_language: Matches when the model was not shown to be capable of answering.
        control: Matches controls.
        new: Matches findings that the base does not have.
        regressed: Matches figures that are worse than in the base.
        not_run: Matches what only the base had judged.
        changed: Matches parts of the model that differ from the base.
        unapproved_base: Matches when nobody approved the base.
        unlocked: Matches unless the scanned bytes were held to a lock, and are those that it names.
    """

    id: str
    verdict: VerdictValue
    says: str
    failed: FailedMatcher | None = None
    unjudged: UnjudgedMatcher | None = None
    unproven_language: bool = False
    control: ControlMatcher | None = None
    when: When = When.ALWAYS
    new: NewMatcher | None = None
    regressed: RegressedMatcher | None = None
    not_run: NotRunMatcher | None = None
    changed: ChangedMatcher | None = None
    unapproved_base: bool = False
    unlocked: bool = False

    @property
    def needs_base(self) -> bool:
        """Whether it can only be answered beside an earlier scan."""
        matchers = (self.new, self.regressed, self.not_run, self.changed)
        return self.unapproved_base or any(matcher is not None for matcher in matchers)

    @property
    def named_checks(self) -> tuple[str, ...]:
        """Ids of the checks that it names."""
        by_list = [matcher.checks for matcher in (self.failed, self.unjudged, self.new) if matcher]
        if self.not_run and not isinstance(self.not_run.checks, str):
            by_list.append(self.not_run.checks)
        return tuple(name for names in by_list for name in names)


@dataclass(frozen=True)
class Gate:
    """All reasons not to let a model pass.

    Attributes:
        name: Name and version of the policy that defines it.
        digest: sha256 of that file's bytes.
        rules: Without any, nothing can pass.
    """

    name: str
    digest: str
    rules: tuple[GateRule, ...]

    @property
    def alpha(self) -> float:
        """The strictest level that a rule about figures asks for: what a comparison is made for."""
        levels = (rule.regressed.alpha for rule in self.rules if rule.regressed)
        return min(levels, default=RegressedMatcher((), 1.0).alpha)
