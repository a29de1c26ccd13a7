"""Who publishes under which organisation name on the hub, and which legal entity stands behind it.

>>> table = publisher_table()
>>> table.find("qwen").entity
'Alibaba Cloud'
>>> table.lookalike("deepseek-a1").publisher.org
'deepseek-ai'
"""

from __future__ import annotations

import datetime
import enum
import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.origins.lookalikes import Likeness, likeness
from scanner.origins.tables import Knowledge, read_table

_COLUMNS: Final = (
    "org", "aliases", "kind", "entity", "seat", "parent", "source", "checked", "confidence",
)  # fmt: skip
_SEAT: Final = re.compile(r"[A-Z]{2}(?:/[A-Z]{2})*")


class PublisherDataError(ScanError):
    """The shipped table of publishers, hosts or model families is broken."""


class PublisherKind(enum.Enum):
    """What an organisation on the hub does there."""

    DEVELOPER = "developer"
    CONSORTIUM = "consortium"
    COMMUNITY = "community"
    REUPLOADER = "re-uploader"

    @property
    def is_developer(self) -> bool:
        """Whether it makes the models that it publishes; others repackage or keep what somebody made."""
        return self in (PublisherKind.DEVELOPER, PublisherKind.CONSORTIUM)


@dataclass(frozen=True)
class Publisher:
    """One organisation.

    Attributes:
        org: Its name on the hub.
        aliases: Other names on the hub that are its own.
        kind: Whether it develops or repackages.
        entity: The legal entity.
        seat: Country codes of its seat, joined by a slash; "" when not known.
        parent: What owns it, or "".
        source: Addresses where this was read, joined by blanks; "" for general knowledge.
        checked: When.
        confidence: How entity and seat are known, the weaker of the two.
    """

    org: str
    aliases: tuple[str, ...]
    kind: PublisherKind
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

    @property
    def shown_seat(self) -> str:
        """The seat for people."""
        return f"seat {self.seat}" if self.seat else "seat not known"


@dataclass(frozen=True)
class Lookalike:
    """A known publisher whose name another one could be mistaken for, and by what."""

    publisher: Publisher
    name: str
    likeness: Likeness


@dataclass(frozen=True)
class PublisherTable:
    """Every known organisation."""

    version: str
    publishers: tuple[Publisher, ...]

    def find(self, org: str) -> Publisher | None:
        """The publisher with this hub name; names on the hub differ in more than case."""
        folded = org.casefold()
        return next((row for row in self.publishers if folded in map(str.casefold, row.names)), None)

    def lookalike(self, org: str) -> Lookalike | None:
        """The publisher whose name this unknown one could be mistaken for; None for known names."""
        if self.find(org) is not None:
            return None
        found = (
            Lookalike(row, name, kind)
            for row in self.publishers
            for name in row.names
            if (kind := likeness(org, name)) is not None
        )
        return min(found, key=lambda each: each.likeness.rank, default=None)

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
        kind, confidence = PublisherKind(row["kind"]), Knowledge(row["confidence"])
        if not (org and row["entity"]):
            raise ValueError("org and entity are required")
        require_seat(row["seat"], may_be_unknown=not kind.is_developer)
        require_source(row["source"], confidence)
        return Publisher(
            org=org,
            aliases=tuple(alias for alias in row["aliases"].split(";") if alias),
            kind=kind,
            entity=row["entity"],
            seat=row["seat"],
            parent=row["parent"],
            source=row["source"],
            checked=datetime.date.fromisoformat(row["checked"]),
            confidence=confidence,
        )
    except ValueError as error:
        raise PublisherDataError(f"publishers.csv, row '{org}': {error}") from error


def require_seat(seat: str, *, may_be_unknown: bool) -> None:
    """Refuses what is no list of country codes.

    Raises:
        ValueError: when it is none, or missing where it must be known.
    """
    if not (_SEAT.fullmatch(seat) or (may_be_unknown and not seat)):
        raise ValueError(f"seat is '{seat}'; expected country codes such as US or US/IE")


def require_source(source: str, confidence: Knowledge) -> None:
    """Refuses a grade without a source, and a source that is no address.

    Raises:
        ValueError: when addresses and grade do not fit.
    """
    addresses = source.split()
    if bool(addresses) == (confidence is Knowledge.RECALLED):
        raise ValueError(f"confidence is '{confidence.value}' with {len(addresses)} sources")
    if not all(address.startswith("https://") for address in addresses):
        raise ValueError(f"source is '{source}'; expected addresses that begin with https://")
