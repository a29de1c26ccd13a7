"""Words around a value that say whose it is: a patient's, or that of a company or a program.

A date beside "admitted" is about a person; the same date beside "released" is not. The nearest word decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

# A value's label may stand a little behind it: "12 March (surgery)". What stands before weighs more.
_BEHIND_COUNTS: Final = 1.5
_PARAGRAPH: Final = re.compile(r"\n\s*\n")
# Words that speak against count in their own sentence only: what comes next may be about a person.
_SENTENCE: Final = re.compile(r"[.!?]\s+(?=[A-Z])|[。！？]")
# A line shorter than this was ended by its writer, a longer one perhaps by an editor that wraps lines.
_WRAPPED: Final = 45


class NearWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words of one cue.

    Attributes:
        reach: Characters to each side within which a word counts.
        needs: Whether a value without any such word counts as nobody's.
        words: In lower case.
    """

    reach: int
    needs: bool
    words: tuple[str, ...]


class Cues:
    """The words, compiled."""

    def __init__(self, near: Mapping[str, NearWords], against: Sequence[str]) -> None:
        self._near = near
        self._for = {name: _any_of(row.words) for name, row in near.items()}
        self._against = _any_of(against)

    def speak_for(self, name: str, text: str, start: int, end: int) -> bool:
        """Whether the words around text[start:end] say that it is a person's, by the cue of that name."""
        row = self._near[name]
        before, behind = _around(text, start, end, row.reach)
        nearest = _nearest(self._for[name], before, behind)
        against = _nearest(self._against, *_same_sentence(before, text[start:end], behind))
        if nearest is None:
            return not row.needs and against is None
        return against is None or nearest <= against


def _around(text: str, start: int, end: int, reach: int) -> tuple[str, str]:
    """What stands before and behind, within reach and the same paragraph."""
    before = _PARAGRAPH.split(text[max(0, start - reach) : start])[-1]
    return before, _PARAGRAPH.split(text[end : end + reach])[0]


def _same_sentence(before: str, value: str, behind: str) -> tuple[str, str]:
    """What of both belongs to the sentence that the value stands in."""
    before, behind = _SENTENCE.split(before)[-1], _SENTENCE.split(behind)[0]
    lines = before.split("\n")
    own_line = lines.pop()
    kept = own_line
    while lines and len(lines[-1]) >= _WRAPPED:
        kept = f"{lines.pop()}\n{kept}"
    rest = behind.split("\n")[0]
    return kept, behind if len(own_line + value + rest) >= _WRAPPED else rest


def _nearest(words: re.Pattern[str], before: str, behind: str) -> float | None:
    """Characters to the nearest word, None when there is none."""
    distances: list[float] = [len(before) - found.end() for found in words.finditer(before)]
    first = words.search(behind)
    if first is not None:
        distances.append(first.start() * _BEHIND_COUNTS)
    return min(distances, default=None)


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    whole = [re.escape(word) for word in words if word.isascii() or not "\u4e00" <= word[0] <= "\u9fff"]
    parts = [re.escape(word) for word in words if "\u4e00" <= word[0] <= "\u9fff"]
    alternatives = [rf"(?<![^\W_])(?:{'|'.join(whole)})(?![^\W_])"] if whole else []
    return re.compile("|".join(alternatives + parts), re.IGNORECASE)
