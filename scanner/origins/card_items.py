r"""Which documentation items of the AI Act's annexes a model's public files show, and where.

>>> from scanner.model_files import ModelCard
>>> card = ModelCard({"license": "mit"}, "# Training data\n\n[More Information Needed]\n", "README.md")
>>> shown = Documentation(card, config={}, gguf={}, files={})
>>> by_id = {result.item.id: result for result in examine(card_items()[0], shown)}
>>> by_id["xi-1-f"].is_present, by_id["xi-2-c"].is_present
(True, False)
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.findings import Location
from scanner.model_files import ModelCard

_SCHEMA: Final = "weighbridge.card-items/1"
_MIN_WORDS: Final = 3
_FENCE: Final = re.compile(r"^\s*(?:```|~~~)")
_HEADING: Final = re.compile(r"^(#{1,6})\s+(\S.*)$")
# Nobody writes longer lines by hand, and expressions must end on those that nobody wrote by hand.
_LONGEST_LINE: Final = 20_000
# What templates leave behind when nobody fills them in.
_PLACEHOLDER: Final = re.compile(
    r"\b(?:more information needed|to be (?:added|announced|completed|filled)|todo|tbd|n/a|coming soon)\b",
    re.IGNORECASE,
)
_TEMPLATE_LABEL: Final = re.compile(r"^\s*[-*]?\s*\*\*[^*]+?:?\*\*:?\s*$")


class CardItemsError(ScanError):
    """The shipped list of documentation items is broken."""


class ItemPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing an item asks for, and every place where it may be shown; see card_items.yaml."""

    name: str
    headings: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    front_matter: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    gguf: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class CardItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of an annex, in our own words."""

    id: str
    title: str
    article: str
    parts: tuple[ItemPart, ...]


class Annex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One annex: its items and the name of the measurement that counts them."""

    id: str
    label: str
    measure: str
    items: tuple[CardItem, ...]


@dataclass(frozen=True)
class Documentation:
    """Everything public that may show an item.

    Attributes:
        card: The model card.
        config: Keys of config.json.
        gguf: Keys of the first GGUF header; arrays left out.
        files: "licence", "use_policy" or "tensors" -> path of a file of that kind.
    """

    card: ModelCard
    config: Mapping[str, object]
    gguf: Mapping[str, object]
    files: Mapping[str, str]


@dataclass(frozen=True)
class PartResult:
    """One part of an item: where it was found, or None."""

    name: str
    place: Location | None


@dataclass(frozen=True)
class ItemResult:
    """One item: present when every part was found."""

    item: CardItem
    parts: tuple[PartResult, ...]

    @property
    def is_present(self) -> bool:
        """Whether every part was found."""
        return all(part.place is not None for part in self.parts)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the parts that were not found."""
        return tuple(part.name for part in self.parts if part.place is None)


@dataclass(frozen=True)
class _Section:
    heading: str
    line: int
    words: int


class _File(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    version: str
    source: str
    retrieved: datetime.date
    licence: str
    parts: dict[str, ItemPart]
    annexes: tuple[Annex, ...]


@functools.cache
def card_items() -> tuple[Annex, ...]:
    """The annexes whose items are looked for.

    Raises:
        CardItemsError: when the shipped list is broken.
    """
    path = importlib.resources.files("scanner") / "data" / "card_items.yaml"
    return parse_items(path.read_text(encoding="utf-8"))


def parse_items(text: str) -> tuple[Annex, ...]:
    """The annexes written in this YAML.

    Raises:
        CardItemsError: when it is not such a list, an expression is broken, or an id stands twice.
    """
    try:
        file = msgspec.convert(yaml.safe_load(text), _File)
        if file.schema != _SCHEMA:
            raise ValueError(f"schema is '{file.schema}'; expected '{_SCHEMA}'")
        items = [item for annex in file.annexes for item in annex.items]
        if len({item.id for item in items}) < len(items):
            raise ValueError("an item id stands twice")
        for item in items:
            _check_item(item)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError) as error:
        raise CardItemsError(f"card_items.yaml: {error}") from error
    return file.annexes


def _check_item(item: CardItem) -> None:
    for part in item.parts:
        if not any((part.headings, part.text, part.front_matter, part.config, part.gguf, part.files)):
            raise ValueError(f"item {item.id}, part '{part.name}': nowhere to look")
        for pattern in (*part.headings, *part.text):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"item {item.id}, part '{part.name}', '{pattern}': {error}") from error


def examine(annex: Annex, shown: Documentation) -> tuple[ItemResult, ...]:
    """One result per item of the annex, in its order."""
    lines = _meaningful_lines(shown.card.text)
    sections = _sections(lines)
    return tuple(
        ItemResult(
            item, tuple(PartResult(part.name, _find(part, shown, lines, sections)) for part in item.parts)
        )
        for item in annex.items
    )


def _find(
    part: ItemPart, shown: Documentation, lines: list[str], sections: list[_Section]
) -> Location | None:
    return next(_places(part, shown, lines, sections), None)


def _places(
    part: ItemPart, shown: Documentation, lines: list[str], sections: list[_Section]
) -> Iterator[Location]:
    path = shown.card.path
    for key in part.front_matter:
        if shown.card.front_matter.get(key):
            yield Location(path, detail=f"key {key}")
    for pattern in part.headings:
        expression = re.compile(pattern, re.IGNORECASE)
        for section in sections:
            if section.words >= _MIN_WORDS and expression.search(section.heading):
                yield Location(path, section.line, f"section {section.heading[:60]}")
    for pattern in part.text:
        expression = re.compile(pattern, re.IGNORECASE)
        for number, line in enumerate(lines, start=1):
            if not _HEADING.match(line) and expression.search(line):
                yield Location(path, number)
    yield from _metadata_places(part, shown)


def _metadata_places(part: ItemPart, shown: Documentation) -> Iterator[Location]:
    for key in part.config:
        if shown.config.get(key) not in (None, "", [], {}):
            yield Location("config.json", detail=f"key {key}")
    architecture = shown.gguf.get("general.architecture")
    for key in part.gguf:
        named = key.replace("*", str(architecture))
        if shown.gguf.get(named) not in (None, ""):
            yield Location(shown.files.get("gguf", "GGUF header"), detail=f"key {named}")
    for kind in part.files:
        if kind in shown.files:
            yield Location(shown.files[kind])


def _meaningful_lines(text: str) -> list[str]:
    """The card's lines with comments, placeholders and unfilled template labels blanked out."""
    lines = [_PLACEHOLDER.sub(" ", line[:_LONGEST_LINE]) for line in _without_comments(text).splitlines()]
    return ["" if _TEMPLATE_LABEL.match(line) else line for line in lines]


def _without_comments(text: str) -> str:
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        kept.append(text[at:start] + "\n" * text.count("\n", start, end))
        at = end + 3
    return "".join(kept) + text[at:]


def _sections(lines: list[str]) -> list[_Section]:
    """Every heading with the number of words below it, down to the next heading of its own rank."""
    found: list[tuple[int, str, int]] = []
    counts: list[int] = []
    is_code = False
    for number, line in enumerate(lines, start=1):
        is_code ^= bool(_FENCE.match(line))
        heading = None if is_code else _HEADING.match(line)
        if heading:
            found.append((len(heading[1]), heading[2].strip(" #"), number))
            counts.append(0)
        elif counts:
            counts[-1] += len(line.split())
    return [
        _Section(text, line, _words_below(index, found, counts))
        for index, (_, text, line) in enumerate(found)
    ]


def _words_below(index: int, found: list[tuple[int, str, int]], counts: list[int]) -> int:
    rank, total = found[index][0], counts[index]
    for (deeper, _, _), words in zip(found[index + 1 :], counts[index + 1 :], strict=True):
        if deeper <= rank:
            break
        total += words
    return total
