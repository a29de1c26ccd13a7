"""What was judged: per control a status with its evidence, and one verdict by the gate policy.

A status says what the evidence supports; it never says that anything is compliant.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scanner.errors import InvalidValueError


class ControlStatus(enum.Enum):
    """What the evidence of this scan says about one control."""

    SUPPORTED = "supported"
    PARTIALLY_SUPPORTED = "partially_supported"
    NOT_SUPPORTED = "not_supported"
    NOT_ASSESSED = "not_assessed"
    NOT_APPLICABLE = "not_applicable"
    ATTESTATION_REQUIRED = "attestation_required"
    WAIVED = "waived"


class Standing(enum.Enum):
    """Whose duty a control is, seen from the organisation that judges a model."""

    OWN = "own"
    RELIANCE = "reliance"
    OPEN = "open"


class VerdictValue(enum.Enum):
    """The gate's answer; `cli` maps it to an exit code."""

    PASS = "pass"
    REVIEW = "review"
    BLOCK = "block"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class LegalSource:
    """Where a legal fact was read.

    Attributes:
        url: Address.
        retrieved: The day on which it was read.
        confidence: "primary" (official text read), "secondary" (somebody's account of it) or
            "recalled" (general knowledge, to be opened by a person); "" when not told.
    """

    url: str
    retrieved: datetime.date
    confidence: str = ""


@dataclass(frozen=True)
class ControlResult:
    """One control, judged.

    Attributes:
        pack_id: Id of its pack, "eu-ai-act".
        control_id: Stable token, "euaia-art53-1-b".
        label: How people cite it, "Art. 53(1)(b), Annex XII".
        title: Short name.
        requirement: The duty in our own words.
        duty_holder: Who owes it: "provider_gpai", "deployer", "covered_entity", ...
        status: What the evidence says.
        reason: Why this status, a plain sentence; never empty.
        is_in_force: Whether the duty applies on the day of judgement.
        effective_from: First day it applies, None when the pack gives none.
        checks: Ids of the checks it rests on.
        findings: Fingerprints of the findings it rests on.
        measurements: Names of the measurements it rests on.
        evidence: sha256 of every piece of evidence behind these.
        attestation: The question a person must answer, "" when none.
        limits: What this result does not show (the non-claim).
        severity_if_failed: "low" to "critical".
        waived_until: Last day of a waiver; set exactly when the status is WAIVED.
        maps: Related ids in other frameworks, by framework.
        relevance: What the duty means for an organisation that adopts the model, "" when not told.
        attested: Who answered the question, how and until when; "" when nobody did.
        sources: Where the duty was read.
        standing: Whether the organisation owes it itself, relies on somebody else who does, or has not
            said enough to tell. A gap in what others owe is none of its own.
    """

    pack_id: str
    control_id: str
    label: str
    title: str
    requirement: str
    duty_holder: str
    status: ControlStatus
    reason: str
    is_in_force: bool
    effective_from: datetime.date | None = None
    checks: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    attestation: str = ""
    limits: str = ""
    severity_if_failed: str = "medium"
    waived_until: datetime.date | None = None
    maps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    relevance: str = ""
    attested: str = ""
    sources: tuple[LegalSource, ...] = ()
    standing: Standing = Standing.OWN

    def __post_init__(self) -> None:
        if not self.reason:
            raise InvalidValueError(f"{self.control_id}: a status needs a reason")
        if self.status is ControlStatus.SUPPORTED and not self.findings and not self.measurements:
            raise InvalidValueError(f"{self.control_id}: nothing can be supported by an empty set")
        if (self.status is ControlStatus.WAIVED) != (self.waived_until is not None):
            raise InvalidValueError(f"{self.control_id}: a waiver has a last day, and nothing else has")

    @property
    def is_gap_of_others(self) -> bool:
        """Whether the evidence shows a gap in what somebody else owes, so none of the organisation's own."""
        return self.status is ControlStatus.NOT_SUPPORTED and self.standing is Standing.RELIANCE


@dataclass(frozen=True)
class PackResult:
    """One pack, judged.

    Attributes:
        id: "eu-ai-act".
        title: "EU AI Act".
        version: Of the pack.
        digest: sha256 of the pack file's bytes.
        status: "in_force", "proposed", "superseded", or "voluntary" for what binds only those who adopt it.
        cite: The instrument, as cited.
        sources: Where it was read.
        review_due: Day after which the pack counts as stale.
        is_stale: Whether that day has passed.
        controls: In the order of the pack.
        reviewed_by: The person who held the pack against the law, "" when nobody has yet.
    """

    id: str
    title: str
    version: str
    digest: str
    status: str
    cite: str
    sources: tuple[LegalSource, ...]
    review_due: datetime.date
    is_stale: bool
    controls: tuple[ControlResult, ...]
    reviewed_by: str = ""


@dataclass(frozen=True)
class VerdictReason:
    """One rule of the gate that spoke.

    Attributes:
        value: What this rule alone would answer.
        rule: Id of the rule in the gate file.
        text: A plain sentence.
        findings: Fingerprints of the findings behind it, or of the figures and parts that changed.
    """

    value: VerdictValue
    rule: str
    text: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The gate's answer and every reason for it, the deciding ones first.

    Attributes:
        value: BLOCK beats INCOMPLETE beats REVIEW beats PASS.
        reasons: Empty only for PASS.
        gate: Name and version of the gate policy.
        gate_digest: sha256 of the gate file's bytes.
        scope: What the verdict covers ("English"), for people.
        base: Id of the scan it was held against, "" without one.
    """

    value: VerdictValue
    reasons: tuple[VerdictReason, ...]
    gate: str
    gate_digest: str
    scope: str = ""
    base: str = ""


@dataclass(frozen=True)
class Statement:
    """What a person answered or accepted, as this judgement knew it.

    Attributes:
        kind: "attestation" or "waiver".
        about: "control euaia-art4", "check remote-code", "finding 0123456789abcdef".
        said: The answer, or who carries the risk and what is done about it meanwhile.
        who: Name and role of the person; for a waiver of the policy file its owner.
        on: The day on which it was said, None where the policy file gives no day.
        why: The reason given, "" without one.
        until: Last day on which it counts.
        counts: Whether it counted on the day of judgement.
        source: The policy file, or "store" for a recorded decision.
        digest: sha256 of that file, or of the record.
        document: sha256 of the document it rests on, "" without one.
    """

    kind: str
    about: str
    said: str
    who: str
    on: datetime.date | None
    why: str
    until: datetime.date
    counts: bool
    source: str
    digest: str
    document: str = ""


@dataclass(frozen=True)
class Assessment:
    """A scan, judged by packs and gate on one day.

    Attributes:
        scan_id: The scan.
        assessed_at: UTC.
        as_of: The day on which the law was read.
        organisation: The user's answers that entered ("role" -> "deployer").
        packs: One result per pack.
        verdict: The gate's answer.
        statements: Every attestation and waiver that was at hand, those that no longer count too.
        overrides: Patterns of the policy file's section `models` that fitted, in the order applied.
    """

    scan_id: str
    assessed_at: datetime.datetime
    as_of: datetime.date
    organisation: Mapping[str, str]
    packs: tuple[PackResult, ...]
    verdict: Verdict
    statements: tuple[Statement, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def controls(self) -> Iterator[ControlResult]:
        """Every control of every pack."""
        return (control for pack in self.packs for control in pack.controls)
