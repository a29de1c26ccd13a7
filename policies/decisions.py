"""What people decide about scans, as records that are only ever added: who, when, why, after seeing what.

A statement answers for a control, a waiver accepts a risk for a while, an approval or rejection is the
review of one scan. Each record carries the digest of the one before, so that a changed, moved or removed
one is noticed.

>>> Person("Jane Roe", "CISO", "option").in_words
'Jane Roe, CISO'
"""

from __future__ import annotations

import datetime
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scanner.errors import InvalidValueError
from scanner.records import canonical

# What the first record of a chain names as the one before it.
NO_RECORD: Final = "0" * 64


class DecisionKind(enum.Enum):
    """What was decided."""

    PREPARATION = "preparation"
    ATTESTATION = "attestation"
    WAIVER = "waiver"
    APPROVAL = "approval"
    REJECTION = "rejection"

    @property
    def is_review(self) -> bool:
        """Whether it is what a reviewer says of a whole scan."""
        return self in (DecisionKind.APPROVAL, DecisionKind.REJECTION)


@dataclass(frozen=True)
class Person:
    """Who decided.

    Attributes:
        name: As given.
        role: In which role.
        known_from: Who said so: "option", "environment" or the path of a settings file.
    """

    name: str
    role: str
    known_from: str

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.role.strip():
            raise InvalidValueError("a person who decides has a name and a role")

    @property
    def in_words(self) -> str:
        """Name and role, for people."""
        return f"{self.name}, {self.role}"

    def is_called(self, name: str) -> bool:
        """Whether that is this person's name, however it is spaced or capitalised."""
        return _plain_name(self.name) == _plain_name(name)


@dataclass(frozen=True)
class Seen:
    """What lay before the person, by its digests.

    Attributes:
        scan_id: The scan.
        scan: sha256 of the scan as it is stored.
        assessment: sha256 of its newest assessment as it is stored, "" while there was none.
        verdict: What that assessment said, "" while there was none.
        model: Name of the model, the same for all its revisions: see `policies.decided.model_name`.
        snapshot: Digest of everything scanned.
        code: Digest of the Python code that comes with the model, "" without any.
        evidence: sha256 of the evidence behind each finding that is waived, by its fingerprint.
        document: sha256 of the document that the decision rests on, "" without one.
    """

    scan_id: str
    scan: str
    assessment: str
    verdict: str
    model: str
    snapshot: str
    code: str
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    document: str = ""


@dataclass(frozen=True)
class Answered:
    """A person's answer for one control.

    Attributes:
        control: Id of the control.
        answer: As in `policies.policy_file.Attestation`.
        is_for_every_model: Whether it is about the organisation, not about this model alone.
    """

    control: str
    answer: str
    is_for_every_model: bool = False


@dataclass(frozen=True)
class Accepted:
    """A risk that somebody accepts; exactly one of the three targets is set.

    Attributes:
        owner: Who carries it, perhaps not the person who records it.
        compensating_control: What is done about it meanwhile.
        finding: Fingerprint of a finding, or "".
        check: Id of a check, or "".
        control: Id of a control, or "".
    """

    owner: str
    compensating_control: str
    finding: str = ""
    check: str = ""
    control: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.finding, self.check, self.control))) != 1:
            raise InvalidValueError("a waiver is about exactly one finding, check or control")

    @property
    def target(self) -> str:
        """What it is about, for people: "check remote-code"."""
        named = {"finding": self.finding, "check": self.check, "control": self.control}
        return next(f"{kind} {name}" for kind, name in named.items() if name)


@dataclass(frozen=True)
class Reviewed:
    """A review of somebody else's scan.

    Attributes:
        preparer: Who prepared the scan.
        preparer_known_from: "decision 3" when it was recorded then, else "the reviewer".
    """

    preparer: str
    preparer_known_from: str


@dataclass(frozen=True)
class Decision:
    """One decision; exactly the part that its kind needs is set.

    Attributes:
        kind: What was decided.
        person: Who decided.
        at: When, UTC.
        reason: Why; never empty.
        seen: What lay before them.
        expires: Last day on which it counts; None only where it has no end.
        answered: Of an attestation.
        accepted: Of a waiver.
        reviewed: Of an approval or rejection.
    """

    kind: DecisionKind
    person: Person
    at: datetime.datetime
    reason: str
    seen: Seen
    expires: datetime.date | None = None
    answered: Answered | None = None
    accepted: Accepted | None = None
    reviewed: Reviewed | None = None

    def __post_init__(self) -> None:
        needed = {
            DecisionKind.ATTESTATION: self.answered,
            DecisionKind.WAIVER: self.accepted,
            DecisionKind.APPROVAL: self.reviewed,
            DecisionKind.REJECTION: self.reviewed,
        }
        given = [part for part in (self.answered, self.accepted, self.reviewed) if part is not None]
        if given != [part for part in [needed.get(self.kind)] if part is not None]:
            raise InvalidValueError(f"{self.kind.value}: holds parts of another kind of decision")
        if self.kind in needed and not given:
            raise InvalidValueError(f"{self.kind.value}: what was decided is missing")
        if not self.reason.strip():
            raise InvalidValueError(f"{self.kind.value}: needs a reason")
        if self.at.tzinfo is None:
            raise InvalidValueError(f"{self.kind.value}: its time has no zone")
        if self.kind in (DecisionKind.ATTESTATION, DecisionKind.WAIVER) and self.expires is None:
            raise InvalidValueError(f"{self.kind.value}: needs a last day")
        if self.reviewed and self.person.is_called(self.reviewed.preparer):
            raise InvalidValueError(
                f"{self.person.name} prepared this scan, so somebody else reviews it",
                hint="preparer and reviewer must be different people",
            )

    @property
    def day(self) -> datetime.date:
        """The day on which it was made, UTC."""
        return self.at.astimezone(datetime.UTC).date()

    def counts_on(self, day: datetime.date) -> bool:
        """Whether it was made by that day and has not expired."""
        return self.day <= day and (self.expires is None or day <= self.expires)


@dataclass(frozen=True)
class DecisionRecord:
    """A decision in its chain.

    Attributes:
        number: 1 for the first of a store, then without gaps.
        previous: Digest of the record before, 64 zeros for the first.
        digest: sha256 of the record's document, 64 hex digits.
        decision: What was decided.
    """

    number: int
    previous: str
    digest: str
    decision: Decision

    @classmethod
    def after(cls, last: DecisionRecord | None, decision: Decision) -> DecisionRecord:
        """The record of a decision that comes after `last`."""
        number, previous = (last.number + 1, last.digest) if last else (1, NO_RECORD)
        document = record_document(number, previous, decision)
        return cls(number, previous, hashlib.sha256(document).hexdigest(), decision)


def record_document(number: int, previous: str, decision: Decision) -> bytes:
    """A record as canonical JSON (sorted keys, no white space, UTF-8), to be hashed and kept."""
    return canonical({"number": number, "previous": previous, "decision": decision})


def _plain_name(name: str) -> str:
    return " ".join(name.casefold().split())
