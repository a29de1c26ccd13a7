"""What people decided, as every report holds it: each decision as it stands, and who signed off."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from policies.decided import preparation_of, review_of
from policies.decision_states import DecisionState, states_of
from policies.decisions import DecisionKind, DecisionRecord
from reports.format import Report


@dataclass(frozen=True)
class DecisionEntry:
    """One decision, as it stands on the day of judgement.

    Attributes:
        number: Its place in the record.
        kind: What was decided.
        about: What it is about.
        said: What was decided, for people.
        name: Who decided.
        role: In which role.
        at: When, UTC.
        reason: Why.
        expires: Last day on which it counts, null where it has no end.
        state: Why it counts or does not.
        is_in_assessment: Whether the judgement in this report could know of it.
        document: sha256 of the document it rests on, "" without one.
        digest: sha256 of the record.
    """

    number: int
    kind: DecisionKind
    about: str
    said: str
    name: str
    role: str
    at: datetime.datetime
    reason: str
    expires: datetime.date | None
    state: str
    is_in_assessment: bool
    document: str
    digest: str


@dataclass(frozen=True)
class SignOff:
    """Who prepared the scan and who reviewed exactly these bytes and this code.

    Attributes:
        preparation: The record of who ran it, null when nobody recorded that.
        review: The newest approval or rejection that counts on the day of the report, null without one.
        preparer: Name of the preparer, as recorded or as the reviewer said; "" when nobody did.
    """

    preparation: DecisionEntry | None
    review: DecisionEntry | None
    preparer: str


def decision_entries(report: Report) -> tuple[DecisionEntry, ...]:
    """Every decision of a report."""
    return tuple(_entries(report))


def sign_off(report: Report) -> SignOff:
    """The sign-off of a report."""
    by_number = {entry.number: entry for entry in _entries(report)}
    preparation = preparation_of(report.decisions, report.scan.id)
    review = review_of(report.decisions, report.scan, report.generated_at.date())
    preparer = preparation.decision.person.name if preparation else ""
    if review is not None and review.decision.reviewed is not None:
        preparer = preparer or review.decision.reviewed.preparer
    return SignOff(_entry_of(preparation, by_number), _entry_of(review, by_number), preparer)


def _entry_of(record: DecisionRecord | None, entries: dict[int, DecisionEntry]) -> DecisionEntry | None:
    return entries[record.number] if record else None


def _entries(report: Report) -> Iterator[DecisionEntry]:
    """Each stands as on the day of the report, which is what a reader may rely on."""
    for state in states_of(report.decisions, report.generated_at.date()):
        yield _entry(state, report.assessment.assessed_at)


def _entry(state: DecisionState, assessed_at: datetime.datetime) -> DecisionEntry:
    record, decision = state.record, state.record.decision
    return DecisionEntry(
        number=record.number,
        kind=decision.kind,
        about=state.about,
        said=state.said,
        name=decision.person.name,
        role=decision.person.role,
        at=decision.at.astimezone(datetime.UTC),
        reason=decision.reason,
        expires=decision.expires,
        state=state.state,
        is_in_assessment=decision.at <= assessed_at,
        document=decision.seen.document,
        digest=record.digest,
    )
