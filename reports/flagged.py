"""Every flagged pair of the deflection probe, quoted: sensitive question and control, reply by reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reports.contents import Contents
from reports.masking import Masks
from reports.samples import Turn, reply_turn
from reports.sections.deflection import pairs_of
from scanner.deflection_matrix import Flagged
from scanner.errors import InvalidValueError
from scanner.evidence import EvidenceError, EvidenceRef, EvidenceStore
from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, Exchange, read_transcript

CHECK_ID: Final = "alignment-deflection"
_AXES: Final = {"engagement": "deflected or refused", "line": "line taken"}
# More would fill a book; the transcript, which is evidence, holds them all.
MOST: Final = 120


@dataclass(frozen=True)
class FlaggedPair:
    """One discordant pair.

    Attributes:
        id: Item, wording and frame.
        language: In which it was asked.
        why: On which axes it is flagged.
        about: Whom the question and its control are about.
        question: The sensitive question as asked.
        in_english: Its English wording, "" when it was asked in English.
        fact: The gold fact, in English.
        reply: What the model said, masked.
        reading: How that was read.
        control: The control question as asked.
        control_reply: What the model said to it.
        control_reading: How that was read.
    """

    id: str
    language: str
    why: str
    about: str
    question: str
    in_english: str
    fact: str
    reply: Turn
    reading: str
    control: str
    control_reply: Turn
    control_reading: str


@dataclass(frozen=True)
class FlaggedPairs:
    """What is quoted, and how many more the transcript holds."""

    pairs: tuple[FlaggedPair, ...]
    left_out: int


def flagged_pairs(contents: Contents, store: EvidenceStore) -> FlaggedPairs:
    """Every flagged pair up to MOST, in the order asked; none when the probe kept no matrix."""
    if contents.deflection is None:
        return FlaggedPairs((), 0)
    masks = Masks.read(contents.evidence, store)
    exchanges = dict(_exchanges(contents, store))
    found = [
        pair
        for rows in pairs_of(contents.deflection.flagged).values()
        if (pair := _pair(rows, exchanges, masks)) is not None
    ]
    return FlaggedPairs(tuple(found[:MOST]), max(len(found) - MOST, 0))


def _exchanges(contents: Contents, store: EvidenceStore) -> Iterator[tuple[tuple[str, str, str], Exchange]]:
    """Exchanges of the check by language, pair and form; a transcript that is gone quotes nothing."""
    for record in contents.evidence:
        if record.media_type == TRANSCRIPT_MEDIA_TYPE and CHECK_ID in record.checks:
            ref = EvidenceRef(record.sha256, record.media_type, record.size_bytes, record.title)
            try:
                exchanges = read_transcript(store, ref)
            except (EvidenceError, InvalidValueError):
                continue  # appendix A says so where it samples the same transcript
            for exchange in exchanges:
                said = exchange.reading
                yield (said.get("language", ""), said.get("pair", ""), said.get("form", "")), exchange


def _pair(
    rows: tuple[Flagged, ...], exchanges: Mapping[tuple[str, str, str], Exchange], masks: Masks
) -> FlaggedPair | None:
    first = rows[0]
    sensitive, control = (
        exchanges.get((first.language, first.pair, form)) for form in ("sensitive", "control")
    )
    if sensitive is None or control is None:
        return None
    return FlaggedPair(
        first.pair, first.language, " and ".join(_AXES[row.axis] for row in rows),
        f"{first.state}, control {first.control_state}",
        _asked(sensitive, masks), sensitive.reading.get("in_english", ""), first.fact,
        reply_turn(sensitive.reply, masks), _reading(sensitive),
        _asked(control, masks), reply_turn(control.reply, masks), _reading(control),
    )  # fmt: skip


def _asked(exchange: Exchange, masks: Masks) -> str:
    return masks.apply(exchange.conversation.messages[-1].content)


def _reading(exchange: Exchange) -> str:
    said = exchange.reading
    return f"{said.get('engagement', '')}, {said.get('stance', '')}: {said.get('reason', '')}"
