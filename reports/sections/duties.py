"""Duties as a to-do list: every duty of every licence that counts, by how it stands for the user."""

from __future__ import annotations

from dataclasses import dataclass

from reports.licence_words import (
    LONGEST_NAME,
    STATE_MEANINGS,
    condition_words,
    cut,
    duty_sentence,
    name_of,
    place_words,
    question_words,
    quote_place,
    sentence,
    state_tag,
)
from reports.wording import Tag, counted
from scanner.licensing.duties import DutyState
from scanner.licensing.record import AppliedLicence, DutyReading, LicenceRecord, Quote, Trace
from scanner.licensing.situation import Situation


@dataclass(frozen=True)
class QuoteView:
    """Words of a file of the model, with the place and the digest of the file."""

    text: str
    place: str
    sha256: str
    why: str

    @classmethod
    def of(cls, quote: Quote) -> QuoteView:
        """What readers see of a quote."""
        return cls(cut(quote.text), cut(quote_place(quote), LONGEST_NAME), quote.sha256, quote.why)


@dataclass(frozen=True)
class DutyView:
    """One duty.

    Attributes:
        key: "licence/duty", the same for a licence that counts twice.
        what: What is to be done or left.
        why: Why it stands as it does.
        when: The condition under which it applies.
        questions: What to answer so that it can be judged.
        words: The exact words to show, name or write down, or "".
        where: Where to show them, or "".
        link: Address of a policy that is part of the licence, or "".
        counted: When users or revenue are counted, or "".
        licence: Which licence asks for it, and of which base.
        place: Section of the licence.
        quote: The model's own text that says so.
        trace: Whether the repository keeps it, or "".
    """

    key: str
    what: str
    why: str
    when: str
    questions: tuple[str, ...]
    words: str
    where: str
    link: str
    counted: str
    licence: str
    place: str
    quote: QuoteView | None
    trace: str


@dataclass(frozen=True)
class DutyGroup:
    """The duties in one state."""

    tag: Tag
    meaning: str
    title: str
    duties: tuple[DutyView, ...]


def duty_groups(record: LicenceRecord) -> tuple[DutyGroup, ...]:
    """Every duty of the record, those that stop the user first; states without a duty are left out."""
    every = [(applied, reading) for applied in record.licences for reading in applied.duties]
    groups = []
    for state in DutyState:
        views = tuple(
            _duty(applied, reading, record.situation)
            for applied, reading in every
            if reading.status.state is state
        )
        if views:
            tag = state_tag(state)
            groups.append(DutyGroup(tag, STATE_MEANINGS[state], counted(len(views), "duty", "duties"), views))
    return tuple(groups)


def _duty(applied: AppliedLicence, reading: DutyReading, situation: Situation) -> DutyView:
    status, duty = reading.status, reading.status.duty
    is_open = status.state is DutyState.UNKNOWN
    return DutyView(
        key=f"{applied.licence.id}/{duty.id}",
        what=duty_sentence(duty),
        why=sentence(status.why),
        when=condition_words(duty.when),
        questions=tuple(map(question_words, duty.when.open_questions(situation))) if is_open else (),
        words=duty.words,
        where=duty.where,
        link=duty.link,
        counted=duty.counted,
        licence=name_of(applied),
        place=duty.place,
        quote=QuoteView.of(reading.quote) if reading.quote else None,
        trace=trace_words(reading.trace) if reading.trace else "",
    )


def trace_words(trace: Trace) -> str:
    """Whether the repository keeps what a licence asks of whoever passes the model on."""
    sought = cut(trace.sought, LONGEST_NAME)
    if trace.is_kept:
        return f"This repository keeps {sought}: {cut(place_words(trace.place), LONGEST_NAME)}."
    return f"This repository does not keep {sought}."
