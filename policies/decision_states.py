"""Where each decision stands on a day: it counts, has ended, was replaced, or was not made yet."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policies.decisions import Decision, DecisionKind, DecisionRecord


@dataclass(frozen=True)
class DecisionState:
    """A decision and whether it counts.

    Attributes:
        record: The decision in its chain.
        about: What it is about: "control euaia-art4", "these bytes".
        said: What was decided, for people: "answered 'yes'".
        state: Why it counts or does not: "counts until 2026-12-31", "replaced by decision 5".
        counts: Whether it counts on that day.
    """

    record: DecisionRecord
    about: str
    said: str
    state: str
    counts: bool


def states_of(records: Sequence[DecisionRecord], as_of: datetime.date) -> Iterator[DecisionState]:
    """Every one of these decisions as it stands on that day, in the order of the chain."""
    for index, record in enumerate(records):
        later = _replacement(record, records[index + 1 :], as_of)
        decision = record.decision
        counts = decision.counts_on(as_of) and later is None
        yield DecisionState(record, _about(decision), _said(decision), _state(decision, later, as_of), counts)


def _replacement(
    record: DecisionRecord, later: Sequence[DecisionRecord], as_of: datetime.date
) -> DecisionRecord | None:
    """The first later decision about the same, made by that day."""
    if record.decision.kind is DecisionKind.PREPARATION:
        return None
    subject = _subject(record.decision)
    fits = (one for one in later if _subject(one.decision) == subject and one.decision.day <= as_of)
    return next(fits, None)


def _subject(decision: Decision) -> tuple[str, ...]:
    """What only the newest decision speaks for."""
    seen = decision.seen
    if decision.answered is not None:
        model = "" if decision.answered.is_for_every_model else seen.model
        return "answer", decision.answered.control, model
    if decision.accepted is not None:
        return "waiver", decision.accepted.target, seen.model
    return "review" if decision.kind.is_review else "preparation", seen.snapshot, seen.code


def _state(decision: Decision, later: DecisionRecord | None, as_of: datetime.date) -> str:
    if decision.day > as_of:
        return f"made on {decision.day}, after the day of judgement"
    if later is not None:
        return f"replaced by decision {later.number}"
    if decision.expires is None:
        return "counts"
    return f"counts until {decision.expires}" if as_of <= decision.expires else f"ended on {decision.expires}"


def _about(decision: Decision) -> str:
    if decision.answered is not None:
        scope = ", every model" if decision.answered.is_for_every_model else ""
        return f"control {decision.answered.control}{scope}"
    if decision.accepted is not None:
        return decision.accepted.target
    return f"scan {decision.seen.scan_id}"


def _said(decision: Decision) -> str:
    match decision.kind:
        case DecisionKind.ATTESTATION if decision.answered is not None:
            return f"answered '{decision.answered.answer}'"
        case DecisionKind.WAIVER if decision.accepted is not None:
            meanwhile = decision.accepted.compensating_control
            return f"the risk is carried by {decision.accepted.owner}; meanwhile: {meanwhile}"
        case DecisionKind.APPROVAL:
            return f"approved with the verdict {decision.seen.verdict.upper()}"
        case DecisionKind.REJECTION:
            verdict = decision.seen.verdict.upper()
            return f"rejected with the verdict {verdict}" if verdict else "rejected before it was judged"
        case _:
            return "prepared the scan"
