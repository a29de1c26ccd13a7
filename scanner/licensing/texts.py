"""Recognises licence texts by fingerprints of their word sequences, and finds what was added to them.

No licence text is stored: a fingerprint is the set of hashes of every run of four words. A file that
holds nearly all of a known set *is* that licence; words of the file outside every known set are the
residue, where "MIT, but not above 20 million dollars" hides.

>>> known = fingerprint("You may use the parcel for any purpose at all and give it to whomever you like.")
>>> read = recognise("You may use the parcel for any purpose at all and give it to whomever you like. "
...                  "You may not sell it for more than 3 million crowns.", {"parcel-1.0": known})
>>> (read.names, read.residue(("million",))[0].text)
(('parcel-1.0',), 'You may not sell it for more than 3 million crowns.')
"""

from __future__ import annotations

import bisect
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SHINGLE_WORDS: Final = 4
HASH_BYTES: Final = 4
# Apache-2.0 without its appendix keeps 0.87 of the words; BSD-3 with the names filled in keeps 0.93.
MIN_CONTAINMENT: Final = 0.85
# Below this a second licence in the same file is an echo of shared boilerplate, not a text of its own.
_MIN_NEW_SHARE: Final = 0.5
# Enough to show a person; a hostile file could hold a million.
MAX_RESIDUE: Final = 50
_WORD: Final = re.compile(r"[^\W_]+")
_COPYRIGHT_LINE: Final = re.compile(
    r"^[ \t>#*/;-]*(?:copyright\b|\(c\)|©|all rights reserved)[^\n]*$", re.IGNORECASE | re.MULTILINE
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?;:。；])\s+|\n\s*\n")


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a known text.

    Attributes:
        sha256: Of its normalised words, for exact matches.
        shingles: Hashes of every run of SHINGLE_WORDS words.
    """

    sha256: str
    shingles: frozenset[int]


@dataclass(frozen=True)
class Sentence:
    """A sentence of the file under test.

    Attributes:
        text: As written, white space folded.
        line: 1-based line on which it begins.
    """

    text: str
    line: int


@dataclass(frozen=True)
class RecognisedText:
    """What a licence file turned out to hold.

    Attributes:
        names: Fingerprint names that it contains, the largest part first; () when none is.
        containment: Share of the first licence's fingerprint that is in the file, in [0, 1].
        is_exact: Whether the words are exactly those of the first licence.
        text: The file's text.
        unknown: Character spans of the words that no recognised licence accounts for, in order.
    """

    names: tuple[str, ...]
    containment: float
    is_exact: bool
    text: str
    unknown: tuple[tuple[int, int], ...]

    @property
    def folded(self) -> str:
        """The words of the text in lower case, single blanks between them: what phrases are looked for in."""
        return " ".join(word for word, _, _ in _words(self.text))

    def residue(self, patterns: Iterable[str]) -> list[Sentence]:
        """Sentences in which a pattern matches words that no recognised licence accounts for.

        Patterns are regular expressions over the sentence's words in lower case, with a single blank
        between them and no punctuation: "Non-commercial" reads `non commercial`.
        """
        starts = [start for start, _ in self.unknown]
        expressions = [re.compile(pattern) for pattern in patterns]
        found = []
        for begin, end in self._sentence_spans():
            first, last = bisect.bisect_left(starts, begin), bisect.bisect_left(starts, end)
            unknown = frozenset(starts[first:last])
            if unknown and _says(self.text[begin:end], begin, unknown, expressions):
                found.append(self._sentence(begin, end))
            if len(found) == MAX_RESIDUE:
                break
        return found

    def _sentence_spans(self) -> list[tuple[int, int]]:
        cuts = [0, *(gap.end() for gap in _SENTENCE_END.finditer(self.text)), len(self.text)]
        return list(pairwise(cuts))

    def _sentence(self, start: int, end: int) -> Sentence:
        return Sentence(" ".join(self.text[start:end].split()), self.text.count("\n", 0, start) + 1)


def _says(text: str, begin: int, unknown: frozenset[int], expressions: Sequence[re.Pattern[str]]) -> bool:
    """Whether an expression matches the words of `text` and touches one that starts at an unknown place."""
    folded: list[str] = []
    spans: list[tuple[int, int]] = []  # of the unknown words within the folded sentence
    at = 0
    for word, start, _ in _words(text):
        if begin + start in unknown:
            spans.append((at, at + len(word)))
        folded.append(word)
        at += len(word) + 1
    sentence, ends = " ".join(folded), [end for _, end in spans]
    for expression in expressions:
        for match in expression.finditer(sentence):
            first = bisect.bisect_right(ends, match.start())
            if first < len(spans) and spans[first][0] < match.end():
                return True
    return False


def fingerprint(text: str) -> Fingerprint:
    """The fingerprint of a licence text."""
    words = [word for word, _, _ in _words(text)]
    return Fingerprint(_digest(words), frozenset(_shingles(words)))


def recognise(text: str, known: Mapping[str, Fingerprint]) -> RecognisedText:
    """Which of the `known` licences a text holds, and which of its words belong to none of them."""
    spans = _words(text)
    words = [word for word, _, _ in spans]
    hashes = _shingles(words)
    names, explained = _cover(hashes, known)
    covered = bytearray(len(words))
    for index, value in enumerate(hashes):
        if value in explained:
            covered[index : index + SHINGLE_WORDS] = b"\x01" * SHINGLE_WORDS
    first = known[names[0]] if names else None
    return RecognisedText(
        names=names,
        containment=_containment(first, frozenset(hashes)) if first else 0.0,
        is_exact=first is not None and first.sha256 == _digest(words),
        text=text,
        unknown=tuple((start, end) for (_, start, end), seen in zip(spans, covered, strict=True) if not seen),
    )


def _cover(hashes: Sequence[int], known: Mapping[str, Fingerprint]) -> tuple[tuple[str, ...], frozenset[int]]:
    """The licences that together account for the text, and every hash they account for."""
    present = frozenset(hashes)
    rivals = {
        name: print_ for name, print_ in known.items() if _containment(print_, present) >= MIN_CONTAINMENT
    }
    names: list[str] = []
    explained: frozenset[int] = frozenset()
    while rivals:
        best = max(rivals, key=lambda name: _gain(rivals[name], present, explained))
        chosen = rivals.pop(best)
        fresh = _gain(chosen, present, explained)[0]
        if not names or fresh >= _MIN_NEW_SHARE * len(chosen.shingles):
            names.append(best)
            explained |= chosen.shingles
    return tuple(names), explained


def _gain(print_: Fingerprint, present: frozenset[int], explained: frozenset[int]) -> tuple[int, float]:
    fresh = len((print_.shingles & present) - explained)
    return fresh, _containment(print_, present)


def _containment(print_: Fingerprint, present: frozenset[int]) -> float:
    return len(print_.shingles & present) / len(print_.shingles) if print_.shingles else 0.0


def _words(text: str) -> list[tuple[str, int, int]]:
    """Folded words with their character spans; copyright lines, which differ in every copy, are left out."""
    blanked = _COPYRIGHT_LINE.sub(lambda line: " " * len(line.group()), text)
    return [
        (unicodedata.normalize("NFKC", match.group()).casefold(), match.start(), match.end())
        for match in _WORD.finditer(blanked)
    ]


def _shingles(words: Sequence[str]) -> list[int]:
    return [
        _hash(" ".join(words[start : start + SHINGLE_WORDS]))
        for start in range(len(words) - SHINGLE_WORDS + 1)
    ]


def _hash(shingle: str) -> int:
    # crc32 could be steered into collisions by whoever writes the licence; blake2 cannot.
    return int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=HASH_BYTES).digest(), "little")


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(words).encode()).hexdigest()
