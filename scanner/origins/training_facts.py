r"""What the public texts of a model say about its making: compute, hardware, data, energy, representative.

Each fact comes with the sentence that states it and the place. Sentences are told apart by expressions in
scanner/data/training_facts.yaml; the labelled sentences of the tests measure how well.

>>> [stated.fact.id for stated in facts_in("# Training\n\nWe used 512 H800 GPUs.\n", "README.md")]
['hardware']
>>> facts_in("It runs on one H100 with vLLM.", "README.md")
()
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.findings import Location
from scanner.tensorfiles.gguf_header import GgufArray, GgufHeader

_SCHEMA: Final = "weighbridge.training-facts/1"
_LONGEST_LINE: Final = 20_000
_LONGEST_SENTENCE: Final = 1_000
_LONGEST_QUOTE: Final = 300
_MOST_PER_FACT: Final = 8
_FENCE: Final = re.compile(r"^\s*(?:```|~~~)")
_HEADING: Final = re.compile(r"^(#{1,6})\s+(\S.*)$")
# A point ends a sentence before a capital, a bracket or a quote, not inside "v0.3" or "e.g. H100".
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(\[*_])|(?<=[。！？；])|<br ?/?>")
_ABBREVIATION: Final = re.compile(r"\b(?:e\.g|i\.e|approx|ca|incl|vs|cf|Fig|No|Art|Co|Ltd|Inc)\.$", re.I)
_MARKUP: Final = re.compile(r"[*_`]{1,3}|<[^<>]{0,200}>|!?\[(?P<text>[^\[\]]{0,300})\]\([^()]{0,500}\)")


class TrainingFactsError(ScanError):
    """The shipped expressions are broken."""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told beside a sentence whose words fit an expression: a fact with its source."""

    named: str
    says: str
    source: str


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"rejects": "not"}):
    """One fact about the making of a model, and how sentences state it; see training_facts.yaml."""

    id: str
    title: str
    article: str
    says: tuple[str, ...]
    needs: tuple[str, ...] = ()
    rejects: tuple[tuple[str, ...], ...] = ()
    front_matter: tuple[str, ...] = ()
    gguf: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    def notes_on(self, named: str) -> tuple[Note, ...]:
        """The notes on these words of a sentence."""
        return tuple(note for note in self.notes if re.search(note.named, named, re.IGNORECASE))


class _File(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    version: str
    source: str
    retrieved: datetime.date
    licence: str
    shared: dict[str, tuple[str, ...]]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Stated:
    """One sentence that states a fact.

    Attributes:
        fact: What it states.
        quote: The sentence in one printable line, cut to 300 characters.
        named: The words that gave it away: "H800", "1.2 MWh".
        place: File and line, or key of the card's head.
    """

    fact: Fact
    quote: str
    named: str
    place: Location


@dataclass(frozen=True)
class FactTable:
    """Every fact that is looked for."""

    version: str
    facts: tuple[Fact, ...]


@functools.cache
def fact_table() -> FactTable:
    """The facts that ship with Weighbridge.

    Raises:
        TrainingFactsError: when the file is broken.
    """
    path = importlib.resources.files("scanner") / "data" / "training_facts.yaml"
    return parse_facts(path.read_text(encoding="utf-8"))


def parse_facts(text: str) -> FactTable:
    """The facts written in this YAML.

    Raises:
        TrainingFactsError: when it is something else, an expression is broken, or an id stands twice.
    """
    try:
        file = msgspec.convert(yaml.safe_load(text), _File)
        if file.schema != _SCHEMA:
            raise ValueError(f"schema is '{file.schema}'; expected '{_SCHEMA}'")
        if len({fact.id for fact in file.facts}) < len(file.facts):
            raise ValueError("a fact stands twice")
        for fact in file.facts:
            rejects = (one for part in fact.rejects for one in part)
            notes = (note.named for note in fact.notes)
            for pattern in (*fact.says, *fact.needs, *rejects, *fact.gguf, *notes):
                _check(fact, pattern)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError) as error:
        raise TrainingFactsError(f"training_facts.yaml: {error}") from error
    return FactTable(file.version, file.facts)


def _check(fact: Fact, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"fact {fact.id}, '{pattern}': {error}") from error


def facts_in(text: str, path: str) -> tuple[Stated, ...]:
    """Every sentence of a Markdown text that states a fact, a few per fact, in its order."""
    found: list[Stated] = []
    counts: dict[str, int] = {}
    for sentence, line, headings in sentences(text):
        for fact, expressions in _expressions():
            is_full = counts.get(fact.id, 0) >= _MOST_PER_FACT
            named = "" if is_full else expressions.named(sentence, headings)
            if named:
                counts[fact.id] = counts.get(fact.id, 0) + 1
                found.append(Stated(fact, printable(sentence), named, Location(path, line)))
    return tuple(found)


def facts_in_head(front_matter: Mapping[str, object], path: str) -> tuple[Stated, ...]:
    """The facts that keys of the card's YAML head state."""
    return tuple(
        Stated(fact, printable(f"{key}: {front_matter[key]}"), key, Location(path, detail=f"key {key}"))
        for fact in fact_table().facts
        for key in fact.front_matter
        if front_matter.get(key)
    )


def facts_in_gguf(header: GgufHeader, path: str) -> tuple[Stated, ...]:
    """The facts that keys of a GGUF header state, a few per fact."""
    found: list[Stated] = []
    for fact in fact_table().facts:
        keys = (key for key in header.metadata if any(re.fullmatch(one, key) for one in fact.gguf))
        for key in itertools.islice(keys, _MOST_PER_FACT):
            value = header.metadata[key]
            shown = ", ".join(map(str, value.head)) if isinstance(value, GgufArray) else str(value)
            if shown.strip():
                place = Location(path, detail=f"key {printable(key)}")
                found.append(Stated(fact, printable(f"{key}: {shown}"), printable(key), place))
    return tuple(found)


def sentences(text: str) -> Iterator[tuple[str, int, str]]:
    """Each sentence outside of code with its line and the headings above it, in plain words."""
    headings: dict[int, str] = {}
    is_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if _FENCE.match(line):
            is_code = not is_code
            continue
        line = line[:_LONGEST_LINE]
        heading = None if is_code else _HEADING.match(line)
        if heading:
            rank = len(heading[1])
            headings = {known: words for known, words in headings.items() if known < rank}
            headings[rank] = heading[2]
        elif not is_code and line.strip():
            above = " / ".join(headings.values())
            for sentence in _split(_plain(line)):
                yield sentence[:_LONGEST_SENTENCE], number, above


def printable(text: str) -> str:
    """One printable line of bounded length."""
    joined = " ".join(text[: _LONGEST_QUOTE * 4].split())
    return "".join(char for char in joined if char.isprintable())[:_LONGEST_QUOTE]


def _split(line: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(line):
        part = line[start : end.start()]
        if _ABBREVIATION.search(part):
            continue
        if part.strip():
            yield part.strip()
        start = end.end()
    if line[start:].strip():
        yield line[start:].strip()


def _plain(line: str) -> str:
    """The line without emphasis, tags, links and list signs; a table's cells stay one sentence."""
    bare = _MARKUP.sub(lambda match: match["text"] or "", line)
    return re.sub(r"^\s*(?:[-+•]|\d+[.)]|>)\s+", "", bare).replace("|", " ")


@dataclass(frozen=True)
class _Expressions:
    says: tuple[re.Pattern[str], ...]
    needs: tuple[re.Pattern[str], ...]
    rejects: tuple[re.Pattern[str], ...]

    def named(self, sentence: str, headings: str) -> str:
        """The words of the sentence that state the fact, or ""."""
        match = next((found for one in self.says if (found := one.search(sentence))), None)
        if match is None or any(one.search(sentence) for one in self.rejects):
            return ""
        if self.needs and not any(one.search(sentence) for one in self.needs):
            # The headings speak for the sentence, unless they say something else.
            is_meant = any(one.search(headings) for one in self.needs)
            if not is_meant or any(one.search(headings) for one in self.rejects):
                return ""
        return printable(match[0])[:80]


@functools.cache
def _expressions() -> tuple[tuple[Fact, _Expressions], ...]:
    return tuple(
        (
            fact,
            _Expressions(
                _compiled(fact.says),
                _compiled(fact.needs),
                _compiled(tuple(one for part in fact.rejects for one in part)),
            ),
        )
        for fact in fact_table().facts
    )


def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
