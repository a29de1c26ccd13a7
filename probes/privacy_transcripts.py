"""Rereads transcripts for personal data: what a reply holds that its question did not, and what to mask."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.identifiers import load_identifiers
from probes.personal_data import Hit, open_analyser
from scanner.check import CheckRecord
from scanner.evidence import EvidenceRef
from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, Exchange, PersonalDataSpans, Span

_TITLE = "transcript of "


@dataclass(frozen=True)
class Reread:
    """An exchange with the personal data in it.

    Attributes:
        exchange: Question and reply.
        hits: In the reply.
        asked: In each message of the conversation.
    """

    exchange: Exchange
    hits: tuple[Hit, ...]
    asked: tuple[tuple[Hit, ...], ...]


def earlier_transcripts(records: Mapping[str, CheckRecord]) -> list[EvidenceRef]:
    """Every transcript that findings and measurements of these records point to, each once."""
    found: dict[str, EvidenceRef] = {}
    for record in records.values():
        refs = [ref for finding in record.findings for ref in finding.evidence]
        refs += [ref for measurement in record.measurements for ref in measurement.evidence]
        for ref in refs:
            if ref.media_type == TRANSCRIPT_MEDIA_TYPE and ref.title.startswith(_TITLE):
                found.setdefault(ref.sha256, ref)
    return list(found.values())


def reread(exchanges: Sequence[Exchange]) -> list[Reread]:
    """The exchanges with their hits; equal texts are read once, names only where an identifier stands."""
    texts = list(dict.fromkeys(text for exchange in exchanges for text in _texts(exchange)))
    if not texts:
        return []
    analyser = open_analyser()
    hits = dict(zip(texts, analyser.find(texts, names=False), strict=True))
    # A name beside an identifier tells whose it is; a name alone is mostly somebody in the news.
    holding = [text for text in texts if hits[text]]
    hits.update(zip(holding, analyser.find(holding, names=True), strict=True))
    return [
        Reread(
            exchange,
            hits[exchange.reply.text],
            tuple(hits[message.content] for message in exchange.conversation.messages),
        )
        for exchange in exchanges
    ]


def new_identifiers(found: Reread) -> list[Hit]:
    """Structured identifiers in the reply that do not stand in the question."""
    asked = " ".join(message.content for message in found.exchange.conversation.messages).lower()
    text = found.exchange.reply.text
    return [
        hit
        for hit in found.hits
        if hit.row.is_structured and text[hit.start : hit.end].strip().lower() not in asked
    ]


def spans_of(read: Sequence[Reread]) -> PersonalDataSpans:
    """What reports must mask, for every text of the exchanges, also those with nothing in them."""
    spans: dict[str, tuple[Span, ...]] = {}
    for found in read:
        messages = [message.content for message in found.exchange.conversation.messages]
        for text, hits in zip(
            (found.exchange.reply.text, *messages), (found.hits, *found.asked), strict=True
        ):
            spans[hashlib.sha256(text.encode()).hexdigest()] = tuple(hit.span for hit in hits)
    return PersonalDataSpans(spans)


def coverage(read: Sequence[Reread]) -> dict[str, dict[str, str | int]]:
    """For each Safe Harbor letter how it was tested and how many identifiers of it stood in replies."""
    counts = Counter(hit.row.letter for found in read for hit in new_identifiers(found))
    return {
        letter: {"name": row.name, "tested": row.is_tested, "how": row.how, "found": counts[letter]}
        for letter, row in load_identifiers().letters.items()
    }


def _texts(exchange: Exchange) -> Iterator[str]:
    yield exchange.reply.text
    yield from (message.content for message in exchange.conversation.messages)
