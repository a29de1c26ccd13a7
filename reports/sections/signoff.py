"""Decisions and sign-off: what people stated, accepted and reviewed, and what is left to sign by hand."""

from __future__ import annotations

from dataclasses import dataclass

from policies.assessment import Statement
from reports.contents import Contents
from reports.decisions import DecisionEntry
from reports.wording import Tag, day, moment


@dataclass(frozen=True)
class StatementView:
    """A statement or waiver as the judgement knew it."""

    tag: Tag
    about: str
    said: str
    who: str
    on: str
    why: str
    until: str
    source: str
    digest: str
    document: str


@dataclass(frozen=True)
class DecisionView:
    """A recorded decision."""

    number: int
    kind: str
    about: str
    said: str
    who: str
    at: str
    why: str
    state: str
    digest: str


@dataclass(frozen=True)
class SignatureView:
    """A line of the sign-off block; empty texts are left to be filled in by hand."""

    role: str
    who: str
    signature: str
    date: str


@dataclass(frozen=True)
class SignOffView:
    """The section.

    Attributes:
        statements: What entered the judgement.
        decisions: What is in the record of decisions about this scan, model or these bytes.
        signatures: The sign-off block.
        head: Digest of the last of these decisions, "" without any.
    """

    statements: tuple[StatementView, ...]
    decisions: tuple[DecisionView, ...]
    signatures: tuple[SignatureView, ...]
    head: str


def sign_off_view(contents: Contents) -> SignOffView:
    """The section of these contents."""
    decisions = contents.decisions
    return SignOffView(
        statements=tuple(_statement(one) for one in contents.assessment.statements),
        decisions=tuple(_decision(one) for one in decisions),
        signatures=(_prepared(contents), *_reviewed(contents)),
        head=decisions[-1].digest if decisions else "",
    )


def _statement(one: Statement) -> StatementView:
    tag = (
        Tag("Counted", "good", "●", "counted") if one.counts else Tag("Did not count", "open", "○", "lapsed")
    )
    return StatementView(
        tag,
        one.about,
        f"answered '{one.said}'" if one.kind == "attestation" else one.said,
        one.who,
        day(one.on) if one.on else "no day given",
        one.why or "no reason given",
        day(one.until),
        "record of decisions" if one.source == "store" else one.source,
        one.digest,
        one.document,
    )


def _decision(one: DecisionEntry) -> DecisionView:
    late = "" if one.is_in_assessment else "; made after this judgement"
    return DecisionView(
        one.number,
        one.kind.value.capitalize(),
        one.about,
        one.said,
        f"{one.name}, {one.role}",
        moment(one.at),
        one.reason,
        one.state + late * (not one.kind.is_review),
        one.digest,
    )


def _prepared(contents: Contents) -> SignatureView:
    record, name = contents.sign_off.preparation, contents.sign_off.preparer
    if record is not None:
        who = f"{record.name}, {record.role}"
        return SignatureView("Prepared by", who, f"recorded as decision {record.number}", moment(record.at))
    return SignatureView("Prepared by", name, "named by the reviewer" if name else "", "")


def _reviewed(contents: Contents) -> tuple[SignatureView, ...]:
    review = contents.sign_off.review
    if review is None:
        return SignatureView("Reviewed by", "", "", ""), SignatureView("Approved by", "", "", "")
    role = "Approved by" if review.kind.value == "approval" else "Rejected by"
    said = f"recorded as decision {review.number}: {review.reason}"
    return (SignatureView(role, f"{review.name}, {review.role}", said, moment(review.at)),)
