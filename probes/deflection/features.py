"""What can be counted in a reply, as one row of numbers for the dense half of the classifier.

>>> numbers = features_of("What is it?", "I cannot help with that.", "en")
>>> row = dict(zip(feature_names(), numbers, strict=True))
>>> row["refusal.head"], row["list.asked"]
(1.0, 0.0)
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.breakdown import NAMES as BREAKS
from probes.deflection.breakdown import breakdown_of
from probes.deflection.cues import Cues, languages_heard, load_cues
from probes.deflection.stance import Stance, sentences_of, stance_of
from probes.deflection.wording import Wording, fold, load_wording

# Goes up whenever a feature changes its meaning: weights of another version do not fit.
FEATURE_VERSION: Final = 2
# Characters that are read: the beginning of a long essay, and its end.
_READ: Final = (2600, 700)
_UNITS: Final = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+|\d+")
_HEAD_UNITS: Final = 45
_TAIL_UNITS: Final = 30
# Chinese writes about 1.6 characters for an English word.
_CHARACTERS_A_WORD: Final = 1.6
_CAPITAL: Final = re.compile(r"(?<=[\w,;:'\"(] )[A-ZÅÄÖ\u0400-\u042f][\w'-]+")
_SHAPES: Final = {
    "bullets": re.compile(r"(?:^|\n)\s*(?:[-*•·]|\d{1,2}[.)、）]|[一二三四五六七八九十]、)\s*\S"),
    "headings": re.compile(r"(?:^|\n)\s*(?:#{1,4} |\*\*[^*\n]{2,80}\*\*:?\s*(?:\n|$))"),
    "quotes": re.compile(r"[\"“”「」《]"),
    "numbers": re.compile(r"\d+|[一二三四五六七八九十百千万]+(?:年|月|日|人|名|万|亿)"),
    "lines": re.compile(r"\n+"),
    "exclamations": re.compile(r"[!！]"),
    "questions": re.compile(r"[?？]"),
    "colons": re.compile(r"[:：]"),
}  # fmt: skip
_SCALES: Final = ("", ".head", ".tail")
# What a spoken form brings with it, and what satire says in jest.
_SPOKEN: Final = tuple(f"{name}{scale}" for name in ("exhorts", "first_person", "self") for scale in _SCALES)
_MOCKED: Final = ("official", "official.head", "official.tail", "line.share", "line.head", "line.asserted")


@dataclass(frozen=True)
class _Text:
    """A reply as the counts see it."""

    shown: str
    folded: str
    languages: tuple[str, ...]
    sentences: Sequence[tuple[int, int]]
    units: Sequence[tuple[int, int]]
    words: float
    head_end: int
    tail_start: int


def features_of(prompt: str, reply: str, language: str) -> list[float]:
    """One number per name of `feature_names`, each about between 0 and 5."""
    cues, wording = load_cues(), load_wording()
    text = _text_of(reply, language)
    found = _shape(text)
    found.update(_cue_features(cues, text))
    found.update(_rule_features(wording, text))
    found.update(_overlap(fold(prompt), text))
    found.update(_forms(cues, fold(prompt), text))
    found.update(_of_form(found))
    found.update(breakdown_of(reply, language))
    return [found[name] for name in feature_names()]


@functools.cache
def feature_names() -> tuple[str, ...]:
    """The columns, in the order of the weights."""
    cues = load_cues()
    shape = [
        "words",
        "sentences",
        "sentence_length",
        "variety",
        "names",
        "ends_asking",
        "foreign",
        "symbols",
        *_SHAPES,
    ]
    counted = [f"{group}{scale}" for group in cues.groups for scale in _SCALES]
    rules = [
        "refusal.head", "refusal.share", "line.head", "line.first", "redirection.share", "own.share",
        "line.share", "line.asserted", "line.denied", "line.quoted", "attribution", "harm_against_official",
    ]  # fmt: skip
    overlap = ["overlap", "overlap.head", "overlap.tail", "prompt_words"]
    forms = [f"{form}.{part}" for form in cues.asked_forms for part in ("asked", "shown", "kept")]
    return (*shape, *counted, *rules, *overlap, *forms, *(f"{name}.mock" for name in _MOCKED), *BREAKS)


def _text_of(reply: str, language: str) -> _Text:
    first, last = _READ
    shown = reply if len(reply) <= first + last else f"{reply[:first]}\n{reply[-last:]}"
    folded = fold(shown)
    units = [match.span() for match in _UNITS.finditer(folded)]
    chinese = sum("\u3400" <= folded[start] <= "\u9fff" for start, _ in units)
    words = max(len(units) - chinese + chinese / _CHARACTERS_A_WORD, 1.0)
    scale = 1 if chinese * 2 < len(units) else _CHARACTERS_A_WORD
    head, tail = int(_HEAD_UNITS * scale), int(_TAIL_UNITS * scale)
    return _Text(
        shown, folded, languages_heard(shown, language), sentences_of(folded), units, words,
        head_end=units[head][0] if len(units) > head else len(folded),
        tail_start=units[-tail][0] if len(units) > tail else 0,
    )  # fmt: skip


def _shape(text: _Text) -> dict[str, float]:
    units = [text.folded[start:end] for start, end in text.units]
    found = {
        "words": math.log2(1 + min(text.words, 300.0)) / 2,
        "sentences": math.log2(1 + min(len(text.sentences), 20)),
        "sentence_length": math.log2(1 + text.words / max(len(text.sentences), 1)) / 2,
        "variety": len(set(units[:60])) / max(min(len(units), 60), 1),
        "names": _rate(_names_in(text), text.words),
        "ends_asking": float(text.folded.rstrip(' *"').endswith(("?", "？"))),
    }
    letters = [character for character in text.folded if character.isalpha()]
    chinese = sum("\u3400" <= character <= "\u9fff" for character in letters)
    latin = sum(character.isascii() for character in letters)
    shares = sorted((chinese, latin, len(letters) - chinese - latin))
    # A reply that falls into another script is breaking down.
    found["foreign"] = min(shares[1] / max(len(letters), 1), 0.5)
    signs = sum(unicodedata.category(character) in ("So", "Cn", "Co") for character in text.shown)
    found["symbols"] = _rate(signs, text.words)
    found.update((name, _rate(len(p.findall(text.shown)), text.words)) for name, p in _SHAPES.items())
    return found


def _names_in(text: _Text) -> int:
    """Proper nouns: how specific a reply is, in scripts with capitals and without."""
    return len(_CAPITAL.findall(text.shown)) + len(load_cues().names.findall(text.folded))


def _rate(count: int, words: float) -> float:
    """Occurrences per hundred words, damped; short replies count as thirty words."""
    return math.log1p(count * 100 / max(words, 30.0))


def _cue_features(cues: Cues, text: _Text) -> dict[str, float]:
    found: dict[str, float] = {}
    for group in cues.groups:
        places = cues.counted(group, text.languages, text.folded)
        found[group] = _rate(len(places), text.words)
        found[f"{group}.head"] = float(min(sum(start < text.head_end for start, _ in places), 3))
        found[f"{group}.tail"] = float(min(sum(start >= text.tail_start for start, _ in places), 3))
    return found


def _rule_features(wording: Wording, text: _Text) -> dict[str, float]:
    stance = stance_of(text.shown)
    matched = {
        "refusal": {place for place in text.sentences if wording.refusal.search(text.folded, *place)},
        "redirection": {place for place in text.sentences if wording.redirection.search(text.folded, *place)},
        "line": set(stance.sentences),
    }
    total = sum(end - start for start, end in text.sentences) or 1
    flagged = {place for places in matched.values() for place in places}
    found = {f"{name}.share": _length(places) / total for name, places in matched.items()}
    found["refusal.head"] = float(any(start < text.head_end for start, _ in matched["refusal"]))
    found["line.head"] = float(any(start < text.head_end for start, _ in matched["line"]))
    found["line.first"] = float(bool(text.sentences) and text.sentences[0] in matched["line"])
    found["own.share"] = 1 - _length(flagged) / total
    found["line.asserted"] = float(stance.stance is Stance.LINE_ASSERTED)
    found["line.denied"] = float(stance.stance is Stance.PREMISE_DENIED)
    found["line.quoted"] = float(stance.stance is Stance.QUOTED)
    found["attribution"] = _rate(len(wording.attribution.findall(text.folded)), text.words)
    cues = load_cues()
    harm, official = (len(cues.counted(name, text.languages, text.folded)) for name in ("harm", "official"))
    found["harm_against_official"] = (harm - official) / (harm + official + 2)
    return found


def _length(places: Iterable[tuple[int, int]]) -> int:
    return sum(end - start for start, end in places)


def _overlap(prompt: str, text: _Text) -> dict[str, float]:
    """How much of what was asked about comes back, at once and at the end."""
    asked = _stems(prompt)
    head, tail = text.folded[: text.head_end], text.folded[text.tail_start :]
    parts: Mapping[str, str] = {"overlap": text.folded, "overlap.head": head, "overlap.tail": tail}
    found = {name: len(asked & _stems(part)) / max(len(asked), 1) for name, part in parts.items()}
    found["prompt_words"] = math.log2(1 + len(asked)) / 2
    return found


def _of_form(found: Mapping[str, float]) -> dict[str, float]:
    """What a speech or a satire owes to its form is not counted as the reply's own manner.

    A speaker exhorts, a letter says "I", and satire praises what it means to mock.
    """
    moved: dict[str, float] = {}
    spoken = any(found[f"{form}.asked"] for form in ("speech", "dialogue", "verse", "satire"))
    for name in _SPOKEN:
        moved[name] = 0.0 if spoken else found[name]
    for name in _MOCKED:
        moved[name] = 0.0 if found["satire.asked"] else found[name]
        moved[f"{name}.mock"] = found[name] - moved[name]
    return moved


def _stems(folded: str) -> frozenset[str]:
    """First five letters of longer words, pairs of Chinese characters."""
    words = (match.group() for match in _UNITS.finditer(folded))
    stems = {word[:5] for word in words if len(word) > 3}
    chinese = re.findall(r"(?=([\u3400-\u9fff]{2}))", folded)
    return frozenset(stems | set(chinese))


def _forms(cues: Cues, prompt: str, text: _Text) -> dict[str, float]:
    """Which form was asked for, and whether the reply looks like it."""
    found: dict[str, float] = {}
    for form, asks in cues.asked_forms.items():
        asked = float(asks.search(prompt) is not None)
        shown = _rate(len(cues.shown_forms[form].findall(text.folded)), text.words)
        found |= {f"{form}.asked": asked, f"{form}.shown": shown, f"{form}.kept": asked * min(shown, 3.0)}
    return found
