"""Masks personal data in quoted texts, by the spans that the scan found and kept as evidence.

A text is looked up by its own digest, so that whoever quotes it needs to know nothing about it. The
spans list every text that was examined, also those with nothing in them: what is not listed was not
examined, and a reply of which that is true is not quoted.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.contents import EvidenceRecord
from reports.wording import plain
from scanner.errors import InvalidValueError
from scanner.evidence import EvidenceError, EvidenceRef, EvidenceStore
from scanner.records import decode
from scanner.transcripts import SPANS_MEDIA_TYPE, PersonalDataSpans, Span


@dataclass(frozen=True)
class Masks:
    """What to mask in which text.

    Attributes:
        spans: For every text that was examined, by the sha256 (hex) of its UTF-8, what to mask.
    """

    spans: Mapping[str, Sequence[Span]]

    @classmethod
    def read(cls, evidence: Iterable[EvidenceRecord | EvidenceRef], store: EvidenceStore) -> Masks:
        """The masks that the evidence holds; spans that were changed or lost examine nothing."""
        spans: dict[str, Sequence[Span]] = {}
        for record in evidence:
            if record.media_type == SPANS_MEDIA_TYPE:
                with contextlib.suppress(EvidenceError, InvalidValueError):
                    spans.update(decode(store.get(record.sha256), PersonalDataSpans).spans)
        return cls(spans)

    def was_examined(self, text: str) -> bool:
        """Whether the scan looked for personal data in `text`."""
        return _digest(text) in self.spans

    def apply(self, text: str) -> str:
        """`text` with every span replaced by its label: "Call [phone number masked]"."""
        parts: list[str] = []
        position = 0
        for span in sorted(self.spans.get(_digest(text), ()), key=lambda each: each.start):
            parts.append(text[position : max(span.start, position)])
            if span.end > position:
                parts.append(f"[{plain(span.label).lower()} masked]")
            position = max(span.end, position)
        return "".join(parts) + text[position:]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
