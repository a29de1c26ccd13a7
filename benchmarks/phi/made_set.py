"""The made set: sentences with labelled personal data and near-misses, the same ones at every run.

>>> made = make_set()
>>> len(made) >= 2000 and all(each.text[s.start:s.end] for each in made for s in each.spans)
True
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from benchmarks.phi.values import MadeValues

FILLS: Final = 4
_SEED: Final = 20261126
_VALUE: Final = re.compile(r"\{(?:([A-R]):)?([a-z]\w*)\}")


@dataclass(frozen=True)
class Labelled:
    """A stretch of a sentence, and the Safe Harbor letter of what stands there."""

    start: int
    end: int
    letter: str


@dataclass(frozen=True)
class MadeSentence:
    """One sentence.

    Attributes:
        template: Block, language and line it was made from, such as "A/en/3".
        language: en, es, de, fr or zh.
        held_out: Whether its template is in the half that nobody tunes on.
        text: The sentence; it may hold line breaks.
        spans: What in it is personal data, in order.
    """

    template: str
    language: str
    held_out: bool
    text: str
    spans: tuple[Labelled, ...]


@functools.cache
def make_set(fills: int = FILLS) -> tuple[MadeSentence, ...]:
    """Every template filled so many times."""
    return tuple(sentence for index in range(fills) for sentence in _filled_once(index))


def _filled_once(index: int) -> Iterator[MadeSentence]:
    file = Path(__file__).with_name("templates.yaml")
    for block, by_language in yaml.safe_load(file.read_text(encoding="utf-8")).items():
        for language, lines in by_language.items():
            for number, template in enumerate(lines.splitlines()):
                name, held_out = f"{block}/{language}/{number}", number % 2 == 1
                # A seed of its own keeps a sentence the same when other templates change.
                values = MadeValues(random.Random(f"{_SEED}/{name}/{index}"), held_out=held_out)
                text, spans = _fill(template.replace("\\n", "\n").replace("\\t", "\t"), values)
                yield MadeSentence(name, language, held_out, text, spans)


def _fill(template: str, values: MadeValues) -> tuple[str, tuple[Labelled, ...]]:
    text, place = "", 0
    spans: list[Labelled] = []
    for found in _VALUE.finditer(template):
        text += template[place : found.start()]
        value = values.make(found[2])
        if found[1]:
            spans.append(Labelled(len(text), len(text) + len(value), found[1]))
        text += value
        place = found.end()
    return text + template[place:], tuple(spans)
