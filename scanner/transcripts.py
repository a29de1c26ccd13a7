"""Transcripts: every question, its reply and how it was read, kept as JSONL evidence.

>>> import tempfile
>>> store = EvidenceStore(tempfile.mkdtemp())
>>> said = Exchange("q1", Conversation.of("2+2?"), Reply("4", FinishReason.STOP), {"engagement": "answered"})
>>> ref = keep_transcript(store, "model-incoherent", [said])
>>> read_transcript(store, ref)[0].reply.text
'4'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scanner.conversation import Conversation, FinishReason, Reply
from scanner.evidence import EvidenceRef, EvidenceStore
from scanner.records import decode, encode

TRANSCRIPT_MEDIA_TYPE = "application/x-ndjson"
SPANS_MEDIA_TYPE = "application/vnd.weighbridge.personal-data-spans+json"

__all__ = [
    "SPANS_MEDIA_TYPE", "TRANSCRIPT_MEDIA_TYPE", "Exchange", "FinishReason", "PersonalDataSpans",
    "Span", "keep_transcript", "read_transcript",
]  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """One question and what came back.

    Attributes:
        id: Name of the question within its check, stable over scans: "tibet-2/sensitive/zh".
        conversation: What was asked.
        reply: What the model answered; hostile input.
        reading: How the check read it: {"engagement": "refused", "stance": "none"}.
    """

    id: str
    conversation: Conversation
    reply: Reply
    reading: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """A stretch of a reply, in characters, that looks like personal data of kind `label`."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class PersonalDataSpans:
    """What reports must mask: spans by the sha256 (hex) of the UTF-8 text that holds them.

    Attributes:
        spans: For each text digest, its spans in order, not overlapping.
    """

    spans: Mapping[str, tuple[Span, ...]]


def keep_transcript(store: EvidenceStore, check_id: str, exchanges: Iterable[Exchange]) -> EvidenceRef:
    """Keeps the exchanges as one piece of evidence, one JSON object a line.

    Raises:
        EvidenceError: when it cannot be written.
    """
    data = b"".join(encode(exchange) + b"\n" for exchange in exchanges)
    return store.put(data, TRANSCRIPT_MEDIA_TYPE, f"transcript of {check_id}")


def read_transcript(store: EvidenceStore, ref: EvidenceRef) -> list[Exchange]:
    """The exchanges of a transcript, in the order in which they were kept.

    Raises:
        EvidenceError: when the evidence is missing or was changed.
    """
    return [decode(line, Exchange) for line in store.get(ref.sha256).splitlines() if line]
