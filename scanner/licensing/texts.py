"""Recognises licence texts by fingerprints of their word sequences, and finds what was added and left out.

No licence text is stored: a fingerprint holds hashes of every run of four words. A file that holds nearly
all of them *is* that licence; words of the file outside every known text are the residue, where "MIT, but
not above 20 million dollars" hides, and words of the known text that the file lacks are its gaps.

>>> known = fingerprint("You may use the parcel for any purpose at all and give it to whomever you like.")
>>> read = recognise("You may use the parcel for any purpose at all and give it to whomever you like. "
...                  "You may not sell it for more than 3 million crowns.", {"parcel-1.0": known})
>>> (read.names, read.missing_words, read.residue(("million",))[0].text)
(('parcel-1.0',), 0, 'You may not sell it for more than 3 million crowns.')
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.licensing.fingerprints import SHINGLE_WORDS, Fingerprint, digest_of, fingerprint, shingles_of
from scanner.licensing.term_words import sets_term
from scanner.licensing.words import folded, words_of

__all__ = [
    "MAX_RESIDUE",
    "MIN_CONTAINMENT",
    "RecognisedText",
    "Sentence",
    "canonical",
    "filled_slots",
    "fingerprint",
    "missing_words",
    "recognise",
]

# Apache-2.0 without its appendix keeps 0.87 of the words; BSD-3 with the names filled in keeps 0.93.
MIN_CONTAINMENT: Final = 0.85
# A text that reaches MIN_CONTAINMENT falls below this share of its sketch once in a million times.
_MIN_SKETCH_SHARE: Final = 0.45
# Below this a second licence in the same file is an echo of shared boilerplate, not a text of its own.
_MIN_NEW_SHARE: Final = 0.5
# The longest name that stands where a known text says "the authors": a firm and its affiliates.
_LONGEST_NAME_WORDS: Final = 12
# Enough to show a person; a hostile file could hold a million.
MAX_RESIDUE: Final = 50
_SENTENCE_END: Final = re.compile(r"(?<=[.!?;])\s+|(?<=:)[^\S\n]*\n|(?<=[。；！？])\s*|\n[^\w\n]*\n")


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
        folded: Its words in lower case, single blanks between them: what phrases are looked for in.
        unknown: Character spans of the words that no recognised licence accounts for, in order.
        missing_words: Words of the recognised licences that the file lacks, where copies may not differ.
    """

    names: tuple[str, ...]
    containment: float
    is_exact: bool
    text: str
    folded: str
    unknown: tuple[tuple[int, int], ...]
    missing_words: int = 0

    def residue(self, patterns: Iterable[str]) -> list[Sentence]:
        """Sentences in which a pattern matches words that no recognised licence accounts for.

        Patterns are regular expressions over the sentence's words in lower case, with a single blank
        between them and no punctuation: "Non-commercial" reads `non commercial`.
        """
        expressions = [re.compile(pattern) for pattern in patterns]
        found = (
            self._sentence(begin, end)
            for begin, end, unknown in self._unknown_sentences
            if _says(self.text[begin:end], begin, frozenset(start for start, _ in unknown), expressions)
        )
        return list(itertools.islice(found, MAX_RESIDUE))

    def unexplained(self) -> Iterator[tuple[Sentence, str]]:
        """Every sentence with words that no recognised licence accounts for, and those words, folded."""
        for begin, end, unknown in self._unknown_sentences:
            words = folded(" ".join(self.text[start:stop] for start, stop in unknown))
            yield self._sentence(begin, end), words

    # Asked for once for each trigger: the text is cut into sentences the first time.
    @functools.cached_property
    def _unknown_sentences(self) -> tuple[tuple[int, int, Sequence[tuple[int, int]]], ...]:
        starts = [start for start, _ in self.unknown]
        cuts = [0, *(gap.end() for gap in _SENTENCE_END.finditer(self.text)), len(self.text)]
        found = []
        for begin, end in itertools.pairwise(cuts):
            first, last = bisect.bisect_left(starts, begin), bisect.bisect_left(starts, end)
            if first < last:
                found.append((begin, end, self.unknown[first:last]))
        return tuple(found)

    def _sentence(self, start: int, end: int) -> Sentence:
        said = self.text[start:end]
        start += len(said) - len(said.lstrip())
        return Sentence(" ".join(said.split()), self.text.count("\n", 0, start) + 1)


def _says(text: str, begin: int, unknown: frozenset[int], expressions: Sequence[re.Pattern[str]]) -> bool:
    """Whether an expression matches the words of `text` and touches one that starts at an unknown place."""
    words: list[str] = []
    spans: list[tuple[int, int]] = []  # of the unknown words within the folded sentence
    at = 0
    for word, start, _ in words_of(text):
        if begin + start in unknown:
            spans.append((at, at + len(word)))
        words.append(word)
        at += len(word) + 1
    sentence, ends = " ".join(words), [end for _, end in spans]
    for expression in expressions:
        for match in expression.finditer(sentence):
            first = bisect.bisect_right(ends, match.start())
            if first < len(spans) and spans[first][0] < match.end():
                return True
    return False


def recognise(text: str, known: Mapping[str, Fingerprint]) -> RecognisedText:
    """Which of the `known` licences a text holds, and which of its words belong to none of them."""
    spans = words_of(text)
    words = [word for word, _, _ in spans]
    hashes = shingles_of(words)
    counts = Counter(hashes)
    present = frozenset(counts)
    names = _cover(counts, known)
    prints = [known[name] for name in names]
    unknown = bytearray(b"\x01" * len(words))
    # Another wording is read beside the canonical text: a copy may have a sentence of either.
    accounts = [*prints, *(known[canonical(name)] for name in names if canonical(name) != name)]
    explained = frozenset().union(*(each.shingles for each in accounts))
    for index, value in enumerate(hashes):
        if value in explained:
            unknown[index : index + SHINGLE_WORDS] = bytes(SHINGLE_WORDS)
    for each in accounts:
        for start, end in filled_slots(words, hashes, each):
            unknown[start:end] = bytes(end - start)
    return RecognisedText(
        names=names,
        containment=_containment(prints[0], present) if prints else 0.0,
        is_exact=bool(prints) and prints[0].sha256 == digest_of(words),
        text=text,
        folded=" ".join(words),
        unknown=tuple((start, end) for (_, start, end), is_new in zip(spans, unknown, strict=True) if is_new),
        missing_words=sum(missing_words(each, counts) for each in prints),
    )


def canonical(name: str) -> str:
    """The text that a fingerprint is a wording of: "mit" for "mit#3"."""
    return name.partition("#")[0]


def _cover(counts: Mapping[int, int], known: Mapping[str, Fingerprint]) -> tuple[str, ...]:
    """The licences that together account for the text whose runs are counted."""
    present = frozenset(counts)
    fresh = {
        name: print_.shingles & present
        for name, print_ in known.items()
        if len(print_.sketch & present) >= _MIN_SKETCH_SHARE * len(print_.sketch)
        and _containment(print_, present) >= MIN_CONTAINMENT
    }
    names: list[str] = []
    while fresh:
        best = _nearest(fresh, known, counts)
        names.append(best)
        explained = known[best].shingles
        left = {name: found - explained for name, found in fresh.items() if name != best}
        fresh = {
            name: found
            for name, found in left.items()
            if len(found) >= _MIN_NEW_SHARE * len(known[name].shingles)
        }
    return tuple(names)


def _nearest(
    fresh: Mapping[str, frozenset[int]], known: Mapping[str, Fingerprint], counts: Mapping[int, int]
) -> str:
    """The text that explains most of the file, less what the file lacks of it."""
    # A wording that has a few more words of the file, and many that the file lacks, is the wrong one.
    best, most = "", float("-inf")
    for name in sorted(fresh, key=lambda name: (-len(fresh[name]), len(known[name].shingles))):
        if len(fresh[name]) <= most:
            break  # what it lacks can only bring it further down
        score = len(fresh[name]) - SHINGLE_WORDS * missing_words(known[name], counts)
        if score > most:
            best, most = name, score
    return best


def _containment(print_: Fingerprint, present: frozenset[int]) -> float:
    return len(print_.shingles & present) / len(print_.shingles) if print_.shingles else 0.0


def filled_slots(
    words: Sequence[str], hashes: Sequence[int], known: Fingerprint
) -> Iterator[tuple[int, int]]:
    """Word ranges of a text that stand where the known one names its parties."""
    new = bytearray(b"\x01" * len(words))
    for index, value in enumerate(hashes):
        if value in known.shingles:
            new[index : index + SHINGLE_WORDS] = bytes(SHINGLE_WORDS)
    for start, end in _runs(new):
        if _fills_slot(words, hashes, start, end, known):
            yield start, end


def _fills_slot(
    words: Sequence[str], hashes: Sequence[int], start: int, end: int, known: Fingerprint
) -> bool:
    """Whether the unknown words stand where the known text names a party, and read like a name."""
    if end - start > _LONGEST_NAME_WORDS or start < SHINGLE_WORDS or end >= len(hashes):
        return False
    if sets_term(" ".join(words[start:end])):
        return False
    earlier = known.places.get(hashes[start - SHINGLE_WORDS], ())
    later = known.places.get(hashes[end], ())
    return any(
        begin <= before + SHINGLE_WORDS and after <= stop and before + SHINGLE_WORDS <= after
        for before in earlier
        for after in later
        for begin, stop in known.slots
    )


def missing_words(known: Fingerprint, counts: Mapping[int, int]) -> int:
    """How many words of the known text are in no run of the file, where a copy may not differ.

    `counts` says how often each run stands in the file: a phrase that the known text has twice and the file
    once is missing once.
    """
    length = len(known.sequence) + SHINGLE_WORDS - 1 if known.sequence else 0
    lacking = bytearray(b"\x01" * length)
    taken: dict[int, int] = {}
    for place, value in enumerate(known.sequence):
        used = taken.get(value, 0)
        if used < counts.get(value, 0):
            taken[value] = used + 1
            lacking[place : place + SHINGLE_WORDS] = bytes(SHINGLE_WORDS)
    for start, end in (*known.slots, *known.optional):
        lacking[start:end] = bytes(min(end, length) - start)
    return sum(lacking)


def _runs(flags: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The ranges [start, end) in which flags are set."""
    start = None
    for index, flag in enumerate((*flags, 0)):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            yield start, index
            start = None
