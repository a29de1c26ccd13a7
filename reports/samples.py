"""A few exchanges of every check, drawn so that anybody can draw the same ones again.

Of all transcripts of a check those exchanges are shown whose sha256 of "seed:id" is smallest. The
whole transcripts are evidence; personal data is masked here and not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reports.contents import Contents, EvidenceRecord
from reports.masking import Masks
from reports.wording import counted, dimensions_text
from scanner.conversation import FinishReason, Reply
from scanner.errors import InvalidValueError
from scanner.evidence import EvidenceError, EvidenceRef, EvidenceStore
from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, Exchange, read_transcript

SAMPLED: Final = 6
LONGEST: Final = 700
_WITHHELD: Final = "Withheld: this reply was not examined for personal data."
_ENDINGS: Final = {
    FinishReason.STOP: "ended by itself",
    FinishReason.LENGTH: "cut at the length limit",
    FinishReason.ERROR: "no reply",
}


@dataclass(frozen=True)
class Turn:
    """One message as shown: who speaks, what, and how much was left out."""

    speaker: str
    text: str
    left_out: str


@dataclass(frozen=True)
class Sample:
    """One exchange as shown.

    Attributes:
        id: Name of the question within its check.
        sha256: Digest of the transcript it stands in.
        turns: What was asked, then the reply.
        ending: How the reply ended, with its length.
        reading: How the check read it: "engagement refused, stance none".
    """

    id: str
    sha256: str
    turns: tuple[Turn, ...]
    ending: str
    reading: str


@dataclass(frozen=True)
class CheckSample:
    """What is shown of the transcripts of one check.

    Attributes:
        check_id: The check.
        frame: How many of how many exchanges are shown.
        gaps: Transcripts that could not be read, one sentence each.
        samples: The exchanges.
    """

    check_id: str
    frame: str
    gaps: tuple[str, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class _Drawable:
    exchange: Exchange
    sha256: str


def check_samples(contents: Contents, store: EvidenceStore) -> Iterator[CheckSample]:
    """What is shown of every check that kept transcripts, in the order in which the checks ran."""
    masks = Masks.read(contents.evidence, store)
    by_check: dict[str, list[EvidenceRecord]] = {}
    for record in contents.evidence:
        if record.media_type == TRANSCRIPT_MEDIA_TYPE:
            by_check.setdefault(record.checks[0], []).append(record)
    for check_id, records in by_check.items():
        yield _sampled(check_id, records, store, masks, contents.scan.request.seed)


def drawn(ids: Sequence[str], seed: int, count: int = SAMPLED) -> list[int]:
    """Positions of `count` of the ids, those with the smallest sha256 of "seed:id", in order."""
    ranked = sorted(range(len(ids)), key=lambda position: _rank(seed, ids[position]))
    return sorted(ranked[:count])


def _rank(seed: int, exchange_id: str) -> str:
    return hashlib.sha256(f"{seed}:{exchange_id}".encode()).hexdigest()


def _sampled(
    check_id: str, records: Sequence[EvidenceRecord], store: EvidenceStore, masks: Masks, seed: int
) -> CheckSample:
    found: list[_Drawable] = []
    gaps: list[str] = []
    for record in records:
        ref = EvidenceRef(record.sha256, record.media_type, record.size_bytes, record.title)
        try:
            found += [_Drawable(exchange, record.sha256) for exchange in read_transcript(store, ref)]
        except (EvidenceError, InvalidValueError) as error:
            gaps.append(f"{record.title} cannot be quoted: {error}.")
    positions = drawn([each.exchange.id for each in found], seed)
    transcripts = counted(len(records), "transcript")
    return CheckSample(
        check_id,
        f"{len(positions)} of {counted(len(found), 'exchange')} in {transcripts}, seed {seed}",
        tuple(gaps),
        tuple(_sample(found[position], masks) for position in positions),
    )


def _sample(found: _Drawable, masks: Masks) -> Sample:
    exchange, reply = found.exchange, found.exchange.reply
    asked = [_turn(message.role, masks.apply(message.content)) for message in exchange.conversation.messages]
    answer = reply_turn(reply, masks)
    return Sample(
        exchange.id,
        found.sha256,
        (*asked, answer),
        f"{_ENDINGS[reply.finish]}, {counted(reply.reply_tokens, 'token')}",
        dimensions_text(exchange.reading) if exchange.reading else "",
    )


def reply_turn(reply: Reply, masks: Masks) -> Turn:
    """A reply as it may be shown: masked, shortened, withheld when nobody looked for personal data in it."""
    if reply.finish is FinishReason.ERROR:
        return Turn("reply", "", f"There is no reply: {reply.error or 'the engine gave no reason'}")
    if masks.was_examined(reply.text):
        return _turn("reply", masks.apply(reply.text))
    return Turn("reply", "", _WITHHELD)


def _turn(speaker: str, text: str) -> Turn:
    if len(text) <= LONGEST:
        return Turn(speaker, text, "")
    return Turn(speaker, text[:LONGEST], f"{counted(len(text) - LONGEST, 'more character')} in the evidence")
