"""Takes personal data out of a text that is kept: what stood there is told by kind and salted digest.

>>> from probes.personal_data import Hit
>>> redact("Call 555-0142 now", [Hit(5, 13, "PHONE_NUMBER", 1.0)], salt="s")[:19]
'Call [PHONE_NUMBER '
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from probes.personal_data import Hit, mask, replaced
from scanner.quarantine import RawValue
from scanner.transcripts import Exchange


def redact(text: str, hits: Iterable[Hit], *, salt: str) -> str:
    """The text with each hit replaced by its kind and a salted digest of its value."""
    in_order = sorted(hits, key=lambda each: each.start)
    return replaced(text, in_order, lambda hit: f"[{hit.kind} {mask(text[hit.start : hit.end], salt=salt)}]")


def redacted_exchange(exchange: Exchange, hits: Sequence[Hit], *, salt: str) -> Exchange:
    """The exchange with the hits in its reply redacted."""
    reply = replace(exchange.reply, text=redact(exchange.reply.text, hits, salt=salt))
    return replace(exchange, reply=reply)


def raw_values(exchange: Exchange, hits: Iterable[Hit], *, salt: str) -> Iterator[RawValue]:
    """Each hit in a reply as it was found, for a quarantine."""
    text = exchange.reply.text
    for hit in hits:
        value = text[hit.start : hit.end]
        yield RawValue(f"{exchange.id}, character {hit.start}", hit.kind, value, mask(value, salt=salt))
