"""The duties of one legal instrument as values: what decides each, and who can tell."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.assessment import LegalSource
from policies.rules import Rule


class EvidenceKind(enum.Enum):
    """Who can tell whether a duty is met: the scan, a person, or only both together."""

    AUTOMATIC = "automatic"
    HYBRID = "hybrid"
    ATTESTATION = "attestation"


@dataclass(frozen=True)
class Effective:
    """A day from which a duty applies, and for whom if not for all."""

    since: datetime.date
    when: Rule | None = None


@dataclass(frozen=True)
class Control:
    """One duty of an instrument, in our own words, with what decides its status.

    Attributes:
        id: Stable token, "euaia-art53-1-b".
        label: How people cite it, "Art. 53(1)(b), Annex XII".
        title: Short name.
        requirement: The duty.
        duty_holder: Who owes it.
        relevance: What it means for the organisation that judges a model.
        severity_if_failed: "info" to "critical".
        evidence: Who can tell.
        effective: From which day; the first entry whose rule holds. Empty only in a proposed pack.
        limits: What a result does not show.
        sources: Where it was read.
        is_addressable: Whether an organisation may decide on something equivalent (HIPAA, 164.306(d)).
        applies_if: Whom it concerns; None for everybody.
        exempt_if: When it does not bind after all; None for never.
        exemption: The exemption in words.
        checks: Ids of the checks it rests on.
        measurements: Names of the measurements it rests on.
        supported_if: When the evidence supports it; without a rule it never does.
        partial_if: When the evidence supports a part of it.
        attestation: The question a person must answer, "" when none.
        maps: Related ids in other frameworks.
        reliance: What it means for an organisation that somebody else owes it to, "" when not told apart.
    """

    id: str
    label: str
    title: str
    requirement: str
    duty_holder: str
    relevance: str
    severity_if_failed: str
    evidence: EvidenceKind
    effective: tuple[Effective, ...]
    limits: str
    sources: tuple[LegalSource, ...]
    is_addressable: bool = False
    applies_if: Rule | None = None
    exempt_if: Rule | None = None
    exemption: str = ""
    checks: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()
    supported_if: Rule = field(default_factory=Rule)
    partial_if: Rule = field(default_factory=Rule)
    attestation: str = ""
    maps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reliance: str = ""

    @property
    def fed_by(self) -> tuple[str, ...]:
        """The checks that help decide its status; where only a person can, they decide whether it applies."""
        return () if self.evidence is EvidenceKind.ATTESTATION else self.checks


@dataclass(frozen=True)
class DutyHolder:
    """Who owes a duty, and how an organisation knows that this is itself.

    Attributes:
        name: In words, "provider of the general-purpose AI model".
        you_if: Holds when the organisation named this role.
        also_if: Any of these clauses makes it one whatever role it named; one that is open does not.
    """

    name: str
    you_if: Rule
    also_if: Rule = field(default_factory=Rule)


@dataclass(frozen=True)
class Pack:
    """One legal instrument, ready to judge by.

    Attributes:
        id: "eu-ai-act".
        title: "EU AI Act".
        version: Of the pack.
        digest: sha256 of the file's bytes.
        status: "in_force", "proposed", "superseded", or "voluntary" for what binds only those who adopt it.
        cite: The instrument, as cited.
        sources: Where it was read.
        review_due: Day after which the pack is stale.
        controls: In the order of the file.
        reviewed_by: The person who held it against the law, "" when nobody has yet.
        questioning: Ids of the known checks that question the model.
        duty_holders: By the name that controls give; everybody is one that is not listed.
    """

    id: str
    title: str
    version: str
    digest: str
    status: str
    cite: str
    sources: tuple[LegalSource, ...]
    review_due: datetime.date
    controls: tuple[Control, ...]
    reviewed_by: str = ""
    questioning: frozenset[str] = frozenset()
    duty_holders: Mapping[str, DutyHolder] = field(default_factory=dict)
