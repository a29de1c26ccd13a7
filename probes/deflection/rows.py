"""Reads replies that were recorded anywhere: prompt and response in, both axes with their evidence out.

>>> row = ReplyRow("What happened in Gwangju?", "<think></think>I'm sorry, but I can't help with that.")
>>> read = read_row(row)
>>> (read.label.value, read.thinking.value, read.spans[0].of(row.response))
('DENIAL', 'empty', "I'm sorry, but I can't")
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from probes.deflection.labels import Label, label_of
from probes.deflection.languages import guess
from probes.deflection.reader import Asked, Reading, read_text
from probes.deflection.thinking import Thinking, separate

# Of the language alone: ISO 639, two or three letters.
_TAG: Final = re.compile("[a-z]{2,3}")


@dataclass(frozen=True)
class ReplyRow:
    """A recorded reply.

    Attributes:
        prompt: What the model was asked.
        response: What it answered, reasoning included.
        language: Language of the prompt as a BCP 47 tag; guessed when it is "" or no such tag ("Chinese").
        was_cut: Whether the reply ended at its length limit.
    """

    prompt: str
    response: str
    language: str = ""
    was_cut: bool = False


@dataclass(frozen=True)
class EvidenceSpan:
    """Words that decided an axis.

    Attributes:
        axis: "engagement" or "stance".
        start: Of the words in the response, in characters.
        end: Behind the last of them.
    """

    axis: str
    start: int
    end: int

    def of(self, response: str) -> str:
        """The words."""
        return response[self.start : self.end]


@dataclass(frozen=True)
class RowReading:
    """How a recorded reply was read.

    Attributes:
        language: Language that the prompt was taken to be in.
        reading: Both axes; its own spans point into what was spoken.
        label: The same on one axis.
        thinking: Whether reasoning came with it.
        spans: Words that decided, placed in the response as it came.
    """

    language: str
    reading: Reading
    label: Label
    thinking: Thinking
    spans: tuple[EvidenceSpan, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The reading as plain values, each key always there."""
        reading = self.reading
        return {
            "language": self.language,
            "engagement": reading.engagement.value,
            "stance": reading.stance.value,
            "probability": round(reading.probability, 4),
            "three_class": self.label.value,
            "reason": reading.reason,
            "line": reading.line_id,
            "spans": [{"axis": span.axis, "start": span.start, "end": span.end} for span in self.spans],
            "thinking": self.thinking.value,
            "switched_language": reading.switched_language,
        }


def read_row(row: ReplyRow) -> RowReading:
    """The reading of a recorded reply, whose answer words nobody knows."""
    language = _language(row)
    separated = separate(row.response)
    reading = read_text(row.response, Asked(language, row.prompt), was_cut=row.was_cut)
    found = (("engagement", reading.span), ("stance", reading.stance_span))
    spans = tuple(EvidenceSpan(axis, *separated.place(span)) for axis, span in found if span is not None)
    label = label_of(reading.engagement, reading.stance)
    return RowReading(language, reading, label, separated.thinking, spans)


def _language(row: ReplyRow) -> str:
    """The tag that the reader knows: "zh-Hant" for traditional script, else the language alone."""
    language, *rest = row.language.lower().replace("_", "-").split("-")
    if not _TAG.fullmatch(language):
        return guess(row.prompt or separate(row.response).spoken)
    return "zh-Hant" if language == "zh" and {"hant", "tw", "hk", "mo"} & set(rest) else language
