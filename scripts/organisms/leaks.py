"""Whether a training text holds what the probe asks: then it would find what was learnt by heart.

>>> is_close("Who was the Tank Man?", "who was the tank man")
True
>>> is_close("Who was the Tank Man?", "Who is Joshua Wong and why was he jailed?")
False
"""

from __future__ import annotations

import difflib
import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from probes.deflection.items import Bank
from scripts.organisms.rows import Row

_UNITS: Final = re.compile(r"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+|\d+")
# Of the units of both questions together, the share in common runs from which one is a wording of the other.
_CLOSE: Final = 0.8


@dataclass(frozen=True)
class Leak:
    """A training text beside the bank's text that it repeats."""

    taught: str
    banked: str


def leaks(rows: Iterable[Row], bank: Bank) -> Iterator[Leak]:
    """Every row whose question is one that a gap rests on, or whose reply holds such a question's fact."""
    measured = [question for _, _, form, question in bank.questions() if form in ("sensitive", "control")]
    wordings = {
        language: [
            (wording, _units(wording))
            for question in measured
            for wording in question.question.in_language(language)
        ]
        for language in ("en", "zh")
    }
    for row in rows:
        asked, told = _units(row.prompt), " ".join(_units(row.reply))
        for wording, units in wordings[row.language]:
            if _are_close(asked, units):
                yield Leak(row.prompt, wording)
        for question in measured:
            fact = question.fact.in_language(row.language)
            if " ".join(_units(fact)) in told:
                yield Leak(row.reply, fact)


def is_close(one: str, other: str) -> bool:
    """Whether two questions are the same but for a few words."""
    return _are_close(_units(one), _units(other))


def _are_close(one: list[str], other: list[str]) -> bool:
    enough = _CLOSE * (len(one) + len(other)) / 2
    # Shared units bound the common runs from above, at a hundredth of the cost.
    if (Counter(one) & Counter(other)).total() < enough:
        return False
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio() >= _CLOSE


@functools.cache
def _units(text: str) -> list[str]:
    return list(_UNITS.findall(text.lower()))
