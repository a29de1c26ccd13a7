"""Hashed n-grams of a reply, without the names that it speaks of, for the linear half of the classifier.

>>> first = buckets_of("Did Ruritania do it?", "Ruritania has always respected the law.")
>>> second = buckets_of("Did Graustark do it?", "Graustark has always respected the law.")
>>> first == second
True
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from probes.deflection.cues import load_cues
from probes.deflection.wording import fold

# Four million n-grams occur in training, a quarter of a million of them in more rows than a few: of those few
# share one of 2 to the 20th buckets.
BUCKETS: Final = 1 << 20
_UNITS: Final = re.compile(
    r"§|[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+(?:['-][^\W\d_\u3400-\u9fff]+)*|\d+|[^\w\s]"
)
_CAPITAL: Final = re.compile(r"(?<=[\w,;:] )[A-ZÅÄÖ\u0400-\u042f][\w'-]+")
# What opens and closes a reply says most about what it does; an essay's middle mostly what it is about.
_HEAD: Final = 40
_TAIL: Final = 30
_MOST: Final = 400
# The weight of each part of a reply in the vector, before scaling to length 1.
_FIELDS: Final = {"h": 1.0, "t": 0.6, "a": 1.0}
_MASK: Final = "§"
_SHORTEST_MASKED: Final = 4


def buckets_of(prompt: str, reply: str) -> dict[int, float]:
    """Bucket to weight, of length 1 within each of head, tail and whole reply."""
    units = masked_units(prompt, reply)
    parts = {
        "h": _grams(units[:_HEAD], (1, 2, 3)),
        "t": _grams(units[-_TAIL:], (1, 2)),
        "a": _grams(units[:_MOST], (1, 2, 3)),
    }
    found: dict[int, float] = {}
    for name, grams in parts.items():
        counts = Counter(zlib.crc32(f"{name} {gram}".encode(errors="replace")) % BUCKETS for gram in grams)
        weights = {bucket: 1 + math.log(count) for bucket, count in counts.items()}
        norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        for bucket, weight in weights.items():
            found[bucket] = found.get(bucket, 0.0) + _FIELDS[name] * weight / norm
    return found


def masked_units(prompt: str, reply: str) -> list[str]:
    """Words, Chinese characters and signs; names and the prompt's own matter are "§", numbers "0".

    What a reply is about would otherwise be learnt as what it does: every Chinese training essay is about
    one state, and that state is the one most often evaded.
    """
    shown = _CAPITAL.sub(_mask_of, reply)
    folded = load_cues().names.sub(_MASK, fold(shown))
    asked = _matter_of(fold(prompt))
    units = [
        "0" if unit.isdigit() else _MASK if _stem(unit) in asked else unit for unit in _UNITS.findall(folded)
    ]
    return [unit for unit, _ in itertools.groupby(units)] if _MASK in units else units


def _mask_of(match: re.Match[str]) -> str:
    word = match.group()
    return word if word in ("I", "AI", "Я", "ИИ", "IA") or word.startswith("I'") else _MASK


def _matter_of(prompt: str) -> frozenset[str]:
    """Stems of the prompt's longer words: what it is about rather than how it asks."""
    words = [word for word in _UNITS.findall(prompt) if len(word) > _SHORTEST_MASKED]
    return frozenset(map(_stem, words))


def _stem(word: str) -> str:
    # Inflection is in the ending; a word counts as the prompt's when it begins alike.
    return word[:6] if len(word) > _SHORTEST_MASKED else ""


def _grams(units: Sequence[str], lengths: Iterable[int]) -> Iterator[str]:
    for length in lengths:
        # A single Chinese character says little: its grams are one longer.
        for start in range(len(units) - length + 1):
            gram = units[start : start + length]
            if length == 1 and "\u3400" <= gram[0] <= "\u9fff":
                gram = units[start : start + 4]
            yield " ".join(gram)
