r"""Replaces personal data in a text of any length by the name of its kind, and says where it stood.

The text is read in parts that end at a line break, so that memory does not grow with it.

>>> next(parts(iter(["a\n", "b"]))).text
'a\nb'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from probes.personal_data import ALL_LETTERS, Hit, PersonalDataAnalyser, replaced, salted_digest

# What the recognisers read at once; an overlong line is cut at a space.
_PART_CHARACTERS: Final = 20_000
_CUT_WITHIN: Final = 2_000


@dataclass(frozen=True)
class Part:
    """A stretch of the text.

    Attributes:
        start: Its first character in the whole text.
        line: Number of the line in which it begins, from 1.
        text: Its characters.
    """

    start: int
    line: int
    text: str


@dataclass(frozen=True)
class RedactedSpan:
    """Where personal data stood, without the value.

    Attributes:
        start: First character in the whole text.
        end: Character after the last.
        line: Number of its line, from 1.
        letter: Safe Harbor letter.
        kind: Key of the kind in personal_data.yaml.
        name: The kind for people.
        score: How sure the recogniser is, 0 to 1.
        digest: First 16 hexadecimal digits of a salted SHA-256: equal values have equal digests.
        value: What stood there.
    """

    start: int
    end: int
    line: int
    letter: str
    kind: str
    name: str
    score: float
    digest: str
    value: str


@dataclass(frozen=True)
class RedactedPart:
    """A part with its personal data replaced, and where that stood."""

    text: str
    spans: tuple[RedactedSpan, ...]
    characters: int


@dataclass(frozen=True)
class Redaction:
    """How to redact.

    Attributes:
        analyser: The recognisers.
        salt: Goes into the digests; whoever knows it can try values against them.
        letters: Safe Harbor letters to look for.
        strict: Whether to take what nothing around it says is a person's, such as every full date.
    """

    analyser: PersonalDataAnalyser
    salt: str
    letters: str = ALL_LETTERS
    strict: bool = False

    def redact(self, lines: Iterable[str]) -> Iterator[RedactedPart]:
        """The text that the lines make up, in redacted parts."""
        for part in parts(iter(lines)):
            yield self._redacted(part)

    def redact_text(self, text: str) -> RedactedPart:
        """A text as a whole."""
        found = list(self.redact([text]))
        spans = tuple(span for part in found for span in part.spans)
        return RedactedPart("".join(part.text for part in found), spans, len(text))

    def _redacted(self, part: Part) -> RedactedPart:
        (hits,) = self.analyser.find([part.text], names=True, strict=self.strict, letters=self.letters)
        text = replaced(part.text, hits, lambda hit: f"[{hit.row.name}]")
        return RedactedPart(text, tuple(self._span(part, hit) for hit in hits), len(part.text))

    def _span(self, part: Part, hit: Hit) -> RedactedSpan:
        value = part.text[hit.start : hit.end]
        digest = salted_digest(value, salt=self.salt)[:16]
        return RedactedSpan(
            part.start + hit.start, part.start + hit.end, part.line + part.text.count("\n", 0, hit.start),
            hit.row.letter, hit.kind, hit.row.name, round(hit.score, 2), digest, value,
        )  # fmt: skip


def parts(lines: Iterator[str]) -> Iterator[Part]:
    """Stretches of whole lines up to 20,000 characters; a longer line is cut at a space where it has one."""
    start, line, text = 0, 1, ""
    for row in lines:
        for piece in _pieces(row):
            if text and len(text) + len(piece) > _PART_CHARACTERS:
                yield Part(start, line, text)
                start, line, text = start + len(text), line + text.count("\n"), ""
            text += piece
    if text:
        yield Part(start, line, text)


def _pieces(row: str) -> Iterator[str]:
    while len(row) > _PART_CHARACTERS:
        cut = max(row.rfind(sign, _PART_CHARACTERS - _CUT_WITHIN, _PART_CHARACTERS) for sign in " \n,;") + 1
        cut = cut or _PART_CHARACTERS
        yield row[:cut]
        row = row[cut:]
    if row:
        yield row
