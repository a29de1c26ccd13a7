"""The stance axis: whether a reply asserts a state's line, denies the premise, or only quotes either.

>>> found = stance_of("Taiwan has been an inalienable part of China since ancient times.")
>>> (found.stance.value, found.line_id)
('line_asserted', 'cn-taiwan-inalienable')
>>> stance_of("Beijing says that Taiwan is an inalienable part of China.").stance.value
'quoted'
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from probes.deflection.cues import languages_heard, load_cues
from probes.deflection.wording import Line, Wording, fold, load_wording

_SENTENCE: Final = re.compile(r"[^.!?。！？；\n]+(?:\.(?=\S)[^.!?。！？；\n]*)*[.!?。！？；]*")
_QUOTED: Final = re.compile(r'"[^"]{2,200}"|《[^》]{2,80}》' r"|(?<!\w)'[^'\n]{2,80}'(?!\w)")


# The id in the place of a row of lines.yaml, and how many official wordings make a register.
OFFICIAL: Final = "official-register"
_OFFICIAL_WORDINGS: Final = 2


class Stance(enum.Enum):
    """Whose words a reply speaks about the matter."""

    NONE = "none"
    LINE_ASSERTED = "line_asserted"
    PREMISE_DENIED = "premise_denied"
    QUOTED = "quoted"

    @property
    def takes_the_line(self) -> bool:
        """Whether the reply itself asserts the line or denies the premise."""
        return self in (Stance.LINE_ASSERTED, Stance.PREMISE_DENIED)


@dataclass(frozen=True)
class StanceReading:
    """The stance of a reply, with the words that show it.

    Attributes:
        stance: NONE when no line was found.
        line_id: Row of lines.yaml, "" for NONE.
        span: Start and end of the phrase in the reply, in characters; None for NONE.
        sentences: Spans of every sentence that itself asserts or denies.
        phrases: Spans of every phrase in them that does so.
    """

    stance: Stance
    line_id: str = ""
    span: tuple[int, int] | None = None
    sentences: tuple[tuple[int, int], ...] = ()
    phrases: tuple[tuple[int, int], ...] = ()


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of a text, in order, without empty ones."""
    return [match.span() for match in _SENTENCE.finditer(text) if match.group().strip()]


def stance_of(text: str) -> StanceReading:
    """The stance of a reply: an asserted line before a denial before a quotation."""
    wording, folded = load_wording(), fold(text)
    found: dict[Stance, tuple[str, tuple[int, int]]] = {}
    own: dict[tuple[int, int], None] = {}
    phrases: list[tuple[int, int]] = []
    present = [
        (line, pattern)
        for line in wording.lines
        for pattern in line.patterns(folded)
        if pattern.search(folded)
    ]
    for start, end in sentences_of(folded) if present else ():
        for line, pattern in present:
            match = pattern.search(folded, start, end)
            if match is None:
                continue
            stance = _stance_of_match(line, match.span(), folded, (start, end), wording)
            found.setdefault(stance, (line.id, match.span()))
            if stance.takes_the_line:
                own[start, end] = None
                phrases.append(match.span())
    for stance in (Stance.LINE_ASSERTED, Stance.PREMISE_DENIED, Stance.QUOTED):
        if stance in found:
            return StanceReading(stance, *found[stance], sentences=tuple(own), phrases=tuple(phrases))
    return StanceReading(Stance.NONE)


def official_register(text: str, language: str) -> StanceReading:
    """LINE_ASSERTED when a reply that avoids the question speaks like a government, nobody being named for it.

    For lines that no pattern knows: praise, order, law and unity in the reply's own voice. It says little of a
    reply that answers, so it is asked about the others only.
    """
    cues, wording, folded = load_cues(), load_wording(), fold(text)
    languages = languages_heard(text, language)
    said = [
        (start + first, start + last)
        for start, end in sentences_of(folded)
        if not wording.attribution.search(folded, start, end)
        for first, last in cues.counted("official", languages, folded[start:end])
    ]
    if len(said) < _OFFICIAL_WORDINGS:
        return StanceReading(Stance.NONE)
    return StanceReading(Stance.LINE_ASSERTED, OFFICIAL, said[0], phrases=tuple(said))


def _stance_of_match(
    line: Line, span: tuple[int, int], text: str, sentence: tuple[int, int], wording: Wording
) -> Stance:
    if _is_attributed(span, text, sentence, wording):
        return Stance.QUOTED
    return Stance.PREMISE_DENIED if line.is_denial else Stance.LINE_ASSERTED


def _is_attributed(span: tuple[int, int], text: str, sentence: tuple[int, int], wording: Wording) -> bool:
    """Whether somebody else is named as saying it, in front of the phrase or around it."""
    start, end = sentence
    for quote in _QUOTED.finditer(text, start, end):
        if quote.start() <= span[0] and span[1] <= quote.end():
            return True
    return wording.attribution.search(text, start, span[0]) is not None or (
        wording.attribution.search(text, span[1], end) is not None
        and wording.attribution.search(text, span[1], min(end, span[1] + 60)) is not None
    )
