"""Who publishes under which organisation name, and which names only look like one of them.

>>> table = publisher_table()
>>> table.find("qwen").entity
'Alibaba Cloud'
>>> table.lookalike("deepseek-a1").org
'deepseek-ai'
"""

from __future__ import annotations

import datetime
import enum
import functools
import importlib.resources
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.origins.tables import read_table

_COLUMNS: Final = ("org", "aliases", "entity", "seat", "parent", "source", "checked", "confidence")
_SEAT: Final = re.compile(r"[A-Z]{2}(?:/[A-Z]{2})*")
# Shorter names differ by one letter by chance: "Qwen" and "Owen".
_MIN_LENGTH_FOR_DISTANCE: Final = 6
# Signs that are read as one another. Source: Unicode TR39 confusables, the part that occurs in names.
_CONFUSABLE: Final = {
    "0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "8": "b", "vv": "w", "rn": "m",
    "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "х": "x", "у": "y", "ѕ": "s", "і": "l", "ӏ": "l",
    "к": "k", "м": "m", "т": "t", "н": "h", "в": "b", "ԁ": "d", "ɡ": "g", "ο": "o", "α": "a", "ν": "v",
}  # fmt: skip


class PublisherDataError(ScanError):
    """The shipped publisher table is broken."""


class Knowledge(enum.Enum):
    """How a row of the table is known."""

    LICENCE_TEXT = "licence-text"
    UNVERIFIED = "unverified"

    @property
    def wording(self) -> str:
        """The grade in words."""
        if self is Knowledge.LICENCE_TEXT:
            return "entity named in its own licence text, seat from general knowledge"
        return "from general knowledge, to be verified"


@dataclass(frozen=True)
class Publisher:
    """One organisation.

    Attributes:
        org: Its name on the hub.
        aliases: Other names on the hub that are its own.
        entity: The legal entity.
        seat: Country codes of its seat, joined by a slash.
        parent: What owns it, or "".
        source: Where this was read.
        checked: When.
        confidence: How it is known.
    """

    org: str
    aliases: tuple[str, ...]
    entity: str
    seat: str
    parent: str
    source: str
    checked: datetime.date
    confidence: Knowledge

    @property
    def names(self) -> tuple[str, ...]:
        """Every hub name that is its own."""
        return (self.org, *self.aliases)


@dataclass(frozen=True)
class PublisherTable:
    """Every known organisation."""

    version: str
    publishers: tuple[Publisher, ...]

    def find(self, org: str) -> Publisher | None:
        """The publisher with this hub name; names on the hub differ in more than case."""
        folded = org.casefold()
        return next((row for row in self.publishers if folded in map(str.casefold, row.names)), None)

    def lookalike(self, org: str) -> Publisher | None:
        """The publisher whose name this unknown one could be mistaken for."""
        if self.find(org) is not None:
            return None
        for row in self.publishers:
            if any(_looks_like(org, name) for name in row.names):
                return row
        return None

    def contained(self, org: str) -> Publisher | None:
        """The publisher whose name is one of the words of this unknown one ("google-bert")."""
        words = re.split(r"[-_.]", org.casefold())
        return next((row for row in self.publishers if row.org.casefold() in words), None)


@functools.cache
def publisher_table() -> PublisherTable:
    """The table that ships with Weighbridge.

    Raises:
        PublisherDataError: when it is broken; the message names the row.
    """
    path = importlib.resources.files("scanner") / "data" / "publishers.csv"
    return parse_publishers(path.read_text(encoding="utf-8"))


def parse_publishers(text: str) -> PublisherTable:
    """The table written in this CSV, whose head of # lines names schema and version.

    Raises:
        PublisherDataError: when the head, a column or a row is wrong.
    """
    version, found = read_table(text, "publishers.csv", "publishers", _COLUMNS, PublisherDataError)
    rows = tuple(_publisher(row) for row in found)
    names = [name.casefold() for row in rows for name in row.names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PublisherDataError(f"publishers.csv: the name '{twice}' stands in two rows")
    return PublisherTable(version, rows)


def _publisher(row: Mapping[str, str]) -> Publisher:
    org = row["org"]
    try:
        if not (org and row["entity"] and row["source"] and _SEAT.fullmatch(row["seat"])):
            raise ValueError("org, entity, seat (country codes) and source are required")
        return Publisher(
            org=org,
            aliases=tuple(alias for alias in row["aliases"].split(";") if alias),
            entity=row["entity"],
            seat=row["seat"],
            parent=row["parent"],
            source=row["source"],
            checked=datetime.date.fromisoformat(row["checked"]),
            confidence=Knowledge(row["confidence"]),
        )
    except ValueError as error:
        raise PublisherDataError(f"publishers.csv, row '{org}': {error}") from error


def _looks_like(name: str, known: str) -> bool:
    one, other = _skeleton(name), _skeleton(known)
    if one == other:
        return True
    return len(other) >= _MIN_LENGTH_FOR_DISTANCE and _is_one_edit_apart(one, other)


def _skeleton(name: str) -> str:
    """The name as a hasty reader sees it: no case, no separators, confusable signs as one."""
    folded = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())
    for sign, seen in _CONFUSABLE.items():
        folded = folded.replace(sign, seen)
    return folded


def _is_one_edit_apart(one: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours turns one into the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    return other in _one_edit_from(one, other)


def _one_edit_from(one: str, other: str) -> Iterator[str]:
    """The single edits of `one` at the first place where it differs from `other`."""
    at = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    yield one[:at] + one[at + 1 :]
    yield one[:at] + other[at : at + 1] + one[at:]
    yield one[:at] + other[at : at + 1] + one[at + 1 :]
    yield one[:at] + one[at + 1 : at + 2] + one[at : at + 1] + one[at + 2 :]
