"""Recall and precision by Safe Harbor letter of anything that finds spans.

A labelled span counts as found when hits of its letter cover every letter and digit of it: a number that is
masked in part is still there to read. A hit counts as right when at least half of what it covers is labelled
with its letter. `masked` is recall with any letter: what a reader of the masked text could no longer read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.phi.made_set import Labelled, MadeSentence
from probes.proportions import wilson
from scanner.findings import Interval


@dataclass(frozen=True)
class Found:
    """A hit: characters, and the letters that it may stand for (a telephone number may be a fax number)."""

    start: int
    end: int
    letters: frozenset[str]


@dataclass
class LetterScore:
    """Counts of one letter.

    Attributes:
        labelled: Spans in the set.
        found: Of these, covered by hits of the letter.
        masked: Of these, covered by hits of any letter.
        hits: Hits that claim the letter.
        right: Of these, standing on a span of the letter.
        missed: Examples of what was not found, template and text.
        wrong: Examples of hits that are wrong.
    """

    labelled: int = 0
    found: int = 0
    masked: int = 0
    hits: int = 0
    right: int = 0
    missed: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    @property
    def recall(self) -> float | None:
        """Found of labelled; None when nothing is labelled."""
        return self.found / self.labelled if self.labelled else None

    @property
    def precision(self) -> float | None:
        """Right of hits; None when there is no hit."""
        return self.right / self.hits if self.hits else None

    @property
    def recall_interval(self) -> Interval:
        """Wilson's 95 % interval of recall."""
        return wilson(self.found, self.labelled)

    @property
    def precision_interval(self) -> Interval:
        """Wilson's 95 % interval of precision."""
        return wilson(self.right, self.hits)


def score(sentences: Sequence[MadeSentence], found: Sequence[Collection[Found]]) -> dict[str, LetterScore]:
    """The counts of every letter that is labelled or found, sorted."""
    scores: dict[str, LetterScore] = defaultdict(LetterScore)
    for sentence, hits in zip(sentences, found, strict=True):
        for span in sentence.spans:
            _count_span(scores[span.letter], sentence, span, hits)
        for hit in hits:
            _count_hit(scores, sentence, hit)
    return dict(sorted(scores.items()))


def letters_found(found: Sequence[Collection[Found]]) -> Counter[str]:
    """How many hits claim each letter."""
    return Counter(letter for hits in found for hit in hits for letter in hit.letters)


def _count_span(counts: LetterScore, sentence: MadeSentence, span: Labelled, hits: Collection[Found]) -> None:
    counts.labelled += 1
    counts.masked += _is_covered(sentence.text, span, hits)
    if _is_covered(sentence.text, span, [hit for hit in hits if span.letter in hit.letters]):
        counts.found += 1
    else:
        counts.missed.append((sentence.template, sentence.text))


def _count_hit(scores: dict[str, LetterScore], sentence: MadeSentence, hit: Found) -> None:
    """A hit of several letters is held against the one that it stands on, else against the first."""
    own = [span for span in sentence.spans if span.letter in hit.letters]
    share = _shared(hit, own) / (hit.end - hit.start)
    on = [span.letter for span in own if span.start < hit.end and hit.start < span.end]
    counts = scores[on[0] if on else min(hit.letters)]
    counts.hits += 1
    if share >= 0.5:
        counts.right += 1
    else:
        counts.wrong.append((sentence.template, f"{sentence.text[hit.start : hit.end]!r} in {sentence.text}"))


def _is_covered(text: str, span: Labelled, hits: Iterable[Found]) -> bool:
    covered = {place for hit in hits for place in range(hit.start, hit.end)}
    return all(place in covered for place in range(span.start, span.end) if text[place].isalnum())


def _shared(hit: Found, spans: Iterable[Labelled]) -> int:
    return sum(max(0, min(hit.end, span.end) - max(hit.start, span.start)) for span in spans)
