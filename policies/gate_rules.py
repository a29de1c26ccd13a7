"""What stops a model, as data: the rules of a gate and what each of them matches."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from policies.assessment import ControlStatus, VerdictValue
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
class GateRule:
    """One reason not to let a model pass; exactly one of the four matchers is set.

    Attributes:
        id: Name in the verdict's reasons.
        verdict: What it answers when it matches.
        says: Why, in words.
        failed: Matches findings.
        unjudged: Matches checks.
        unproven_language: Matches when the model was not shown to be capable of answering.
        control: Matches controls.
    """

    id: str
    verdict: VerdictValue
    says: str
    failed: FailedMatcher | None = None
    unjudged: UnjudgedMatcher | None = None
    unproven_language: bool = False
    control: ControlMatcher | None = None


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
