"""Which lists of US public procurement name a supplier, and by which names its models can be told.

>>> [row.list for row in supplier_lists().rows if row.entity == "Tencent"]
['section-1260h']
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
from scanner.origins.tables import read_table

_COLUMNS: Final = (
    "list", "title", "entity", "hub_orgs", "words", "listed", "source", "retrieved", "confidence",
)  # fmt: skip
_ID: Final = re.compile(r"[a-z][a-z0-9-]*")


class SupplierListError(ScanError):
    """The shipped table of suppliers is broken."""


class Reading(enum.Enum):
    """How a row is known."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    RECALLED = "recalled"

    @property
    def wording(self) -> str:
        """The grade in words."""
        return {
            Reading.PRIMARY: "official text read",
            Reading.SECONDARY: "known from others' accounts",
            Reading.RECALLED: "from memory, to be checked",
        }[self]


@dataclass(frozen=True)
class ListedSupplier:
    """One supplier on one list.

    Attributes:
        list: Id of the list, "section-1260h".
        title: How people cite it.
        entity: The supplier's name.
        hub_orgs: Its organisations on the hub.
        words: Words of its models' names, in lower case.
        listed: The day on which it was put on the list, or the rule was made.
        source: Where this was read.
        retrieved: When.
        confidence: How it is known.
    """

    list: str
    title: str
    entity: str
    hub_orgs: tuple[str, ...]
    words: frozenset[str]
    listed: datetime.date
    source: str
    retrieved: datetime.date
    confidence: Reading

    def is_org(self, org: str) -> bool:
        """Whether this name on the hub is the supplier's own."""
        return org.casefold() in map(str.casefold, self.hub_orgs)


@dataclass(frozen=True)
class SupplierLists:
    """Every row, in the order of the file."""

    version: str
    rows: tuple[ListedSupplier, ...]


@functools.cache
def supplier_lists() -> SupplierLists:
    """The table that ships with Weighbridge.

    Raises:
        SupplierListError: when it is broken; the message names the row.
    """
    path = importlib.resources.files("scanner") / "data" / "supplier_lists.csv"
    return parse_supplier_lists(path.read_text(encoding="utf-8"))


def parse_supplier_lists(text: str) -> SupplierLists:
    """The table written in this CSV, whose head of # lines names schema and version.

    Raises:
        SupplierListError: when the head, a column or a row is wrong.
    """
    version, found = read_table(text, "supplier_lists.csv", "supplier-lists", _COLUMNS, SupplierListError)
    rows = tuple(_row(row) for row in found)
    keys = [(row.list, row.entity) for row in rows]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise SupplierListError(f"supplier_lists.csv: {twice[1]} stands twice on {twice[0]}")
    return SupplierLists(version, rows)


def _row(cells: Mapping[str, str]) -> ListedSupplier:
    try:
        if not (_ID.fullmatch(cells["list"]) and cells["title"] and cells["entity"]):
            raise ValueError("list (a token), title and entity are required")
        if not cells["source"].startswith("https://"):
            raise ValueError(f"source is '{cells['source']}'; expected an address that begins with https://")
        if not (cells["hub_orgs"] or cells["words"]):
            raise ValueError("hub_orgs or words are required, else nothing can match")
        return ListedSupplier(
            list=cells["list"],
            title=cells["title"],
            entity=cells["entity"],
            hub_orgs=tuple(org for org in cells["hub_orgs"].split(";") if org),
            words=frozenset(word.casefold() for word in cells["words"].split(";") if word),
            listed=datetime.date.fromisoformat(cells["listed"]),
            source=cells["source"],
            retrieved=datetime.date.fromisoformat(cells["retrieved"]),
            confidence=Reading(cells["confidence"]),
        )
    except ValueError as error:
        raise SupplierListError(
            f"supplier_lists.csv, row '{cells['list']}, {cells['entity']}': {error}"
        ) from error
