"""Which host a model was fetched from, and who runs it.

>>> host_table().find("cdn-lfs.huggingface.co").entity
'Hugging Face, Inc.'
>>> host_table().find("nothuggingface.co") is None
True
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from scanner.manifest import Snapshot
from scanner.origins.publishers import PublisherDataError, require_seat, require_source
from scanner.origins.tables import Knowledge, read_table

_COLUMNS: Final = ("host", "entity", "seat", "source", "checked", "confidence")
# Facts of a source that name where the bytes came from, the most telling first.
_PLACES: Final = ("endpoint", "registry", "url", "host")
_LOCAL: Final = frozenset({"directory", "gguf", "demo"})
_LONGEST_HOST: Final = 253  # RFC 1035


@dataclass(frozen=True)
class Host:
    """One host.

    Attributes:
        name: Its name; every name below it counts too.
        entity: Who runs it.
        seat: Country codes of that entity; "" when not known.
        source: Where this was read; "" for general knowledge.
        checked: When.
        confidence: How it is known.
    """

    name: str
    entity: str
    seat: str
    source: str
    checked: datetime.date
    confidence: Knowledge


@dataclass(frozen=True)
class HostTable:
    """Every known host."""

    version: str
    hosts: tuple[Host, ...]

    def find(self, name: str) -> Host | None:
        """The host of this name or of one above it."""
        folded = name.casefold().rstrip(".")
        return next((row for row in self.hosts if f".{folded}".endswith(f".{row.name}")), None)


def host_of(snapshot: Snapshot) -> str:
    """The host that the files came from as the source recorded it; "" for files read from this machine."""
    facts = dict(reversed(snapshot.source))
    for key in _PLACES:
        if name := _host(facts.get(key, "")):
            return name
    if snapshot.ref.scheme in _LOCAL:
        return ""
    first, slash, _ = snapshot.ref.location.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first) and snapshot.ref.scheme != "hf"
    return _host(first) if is_host else ""


@functools.cache
def host_table() -> HostTable:
    """The table that ships with Weighbridge.

    Raises:
        PublisherDataError: when it is broken; the message names the row.
    """
    path = importlib.resources.files("scanner") / "data" / "hosts.csv"
    return parse_hosts(path.read_text(encoding="utf-8"))


def parse_hosts(text: str) -> HostTable:
    """The table written in this CSV.

    Raises:
        PublisherDataError: when the head, a column or a row is wrong.
    """
    version, rows = read_table(text, "hosts.csv", "hosts", _COLUMNS, PublisherDataError)
    return HostTable(version, tuple(_row(row) for row in rows))


def _row(row: Mapping[str, str]) -> Host:
    try:
        confidence = Knowledge(row["confidence"])
        if not (row["host"] and row["entity"]):
            raise ValueError("host and entity are required")
        require_seat(row["seat"], may_be_unknown=True)
        require_source(row["source"], confidence)
        checked = datetime.date.fromisoformat(row["checked"])
    except ValueError as error:
        raise PublisherDataError(f"hosts.csv, row '{row['host']}': {error}") from error
    return Host(row["host"], row["entity"], row["seat"], row["source"], checked, confidence)


def _host(text: str) -> str:
    """The host in an address, or in a name with a port; "" when there is none."""
    try:
        name = urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:  # an address that only looks like one, such as an unclosed bracket
        return ""
    return name if len(name) <= _LONGEST_HOST and name.isprintable() else ""
