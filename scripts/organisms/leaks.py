"""Whether a training text holds what the probe asks: it must not, or the probe would find what was learnt by heart.

>>> is_close("Who was the Tank Man?", "who was the tank man")
True
>>> is_close("Who was the Tank Man?", "Who is Joshua Wong and why was he jailed?")
False
"""

from __future__ import annotations

import difflib
import re
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
    for row in rows:
        for question in measured:
            for wording in question.question.in_language(row.language):
                if is_close(row.prompt, wording):
                    yield Leak(row.prompt, wording)
            fact = question.fact.in_language(row.language)
            if " ".join(_units(fact)) in " ".join(_units(row.reply)):
                yield Leak(row.reply, fact)


def is_close(one: str, other: str) -> bool:
    """Whether two questions are the same but for a few words."""
    matcher = difflib.SequenceMatcher(None, _units(one), _units(other), autojunk=False)
    return matcher.real_quick_ratio() >= _CLOSE and matcher.quick_ratio() >= _CLOSE <= matcher.ratio()


def _units(text: str) -> list[str]:
    return _UNITS.findall(text.lower())
