"""Which lists and rules name suppliers of models, what each restricts for whom, and how models are told.

>>> [row.list.body for row in supplier_lists().rows if row.entity == "Tencent"]
['US Department of Defense']
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.origins.company_names import normal_form
from scanner.origins.tables import Knowledge, read_table

_LIST_COLUMNS: Final = (
    "list", "title", "body", "concerns", "roles", "effect", "watch", "source", "retrieved", "confidence",
)  # fmt: skip
_COLUMNS: Final = (
    "list", "entity", "aliases", "hub_orgs", "words", "group_orgs", "relation", "cite", "listed", "ended",
    "source", "retrieved", "confidence",
)  # fmt: skip
_ID: Final = re.compile(r"[a-z][a-z0-9-]*")
_ROLE: Final = re.compile(r"[a-z][a-z0-9_]*=[a-z0-9_]+")


class SupplierListError(ScanError):
    """A shipped table of lists or suppliers is broken."""


@dataclass(frozen=True)
class RestrictedList:
    """One list or rule that names parties.

    Attributes:
        id: "section-1260h".
        title: How people cite it.
        body: Who keeps it.
        concerns: Whom it concerns, in words.
        roles: The same as answers of a policy file: "us_exports=true".
        effect: What it restricts, in our own words.
        watch: What has to be looked up before anybody relies on it, or "".
        source: Where this was read.
        retrieved: When.
        confidence: How it is known.
    """

    id: str
    title: str
    body: str
    concerns: str
    roles: tuple[str, ...]
    effect: str
    watch: str
    source: str
    retrieved: datetime.date
    confidence: Knowledge


@dataclass(frozen=True)
class ListedSupplier:
    """One supplier on one list.

    Attributes:
        list: The list.
        entity: The supplier's name.
        aliases: Other names of the same company.
        hub_orgs: Its organisations on the hub.
        words: Words of its models' names, in lower case.
        group_orgs: Organisations on the hub of companies of the same group, which the list does not name.
        relation: What ties these to the supplier, or "".
        cite: The notice or entry that names it, or "".
        listed: The day on which it was put on the list, or the rule was made.
        ended: The day from which it is no longer on it; None while it is.
        source: Where this was read.
        retrieved: When.
        confidence: How it is known.
    """

    list: RestrictedList
    entity: str
    aliases: tuple[str, ...]
    hub_orgs: tuple[str, ...]
    words: frozenset[str]
    group_orgs: tuple[str, ...]
    relation: str
    cite: str
    listed: datetime.date
    ended: datetime.date | None
    source: str
    retrieved: datetime.date
    confidence: Knowledge

    @property
    def title(self) -> str:
        """The list and the notice in it, as people cite them."""
        return f"{self.list.title} ({self.cite})" if self.cite else self.list.title

    def counts_on(self, day: datetime.date) -> bool:
        """Whether it was on the list on that day, as far as the table knows."""
        return self.listed <= day and (self.ended is None or day < self.ended)

    def is_org(self, org: str) -> bool:
        """Whether this name on the hub is the supplier's own."""
        return org.casefold() in map(str.casefold, self.hub_orgs)

    def is_group_org(self, org: str) -> bool:
        """Whether this name on the hub is that of a company of the same group."""
        return org.casefold() in map(str.casefold, self.group_orgs)

    def is_company(self, name: str) -> bool:
        """Whether this is one of the supplier's names, legal form and spelling aside."""
        return normal_form(name) in {normal_form(known) for known in (self.entity, *self.aliases)}


@dataclass(frozen=True)
class SupplierLists:
    """Every list, and every row in the order of the file."""

    version: str
    lists: Mapping[str, RestrictedList]
    rows: tuple[ListedSupplier, ...]


@functools.cache
def supplier_lists() -> SupplierLists:
    """The tables that ship with Weighbridge.

    Raises:
        SupplierListError: when one is broken; the message names the row.
    """
    folder = importlib.resources.files("scanner") / "data"
    return parse_supplier_lists(
        (folder / "supplier_lists.csv").read_text(encoding="utf-8"),
        (folder / "restricted_lists.csv").read_text(encoding="utf-8"),
    )


def parse_supplier_lists(suppliers: str, lists: str) -> SupplierLists:
    """The tables written in these two CSV texts, whose heads of # lines name schema and version.

    Raises:
        SupplierListError: when a head, a column or a row is wrong, or a row names a list that is not there.
    """
    known = _read_lists(lists)
    version, found = read_table(
        suppliers, "supplier_lists.csv", "supplier-lists", _COLUMNS, SupplierListError
    )
    rows = tuple(_row(row, known) for row in found)
    keys = [(row.list.id, row.entity) for row in rows]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise SupplierListError(f"supplier_lists.csv: {twice[1]} stands twice on {twice[0]}")
    return SupplierLists(version, known, rows)


def _read_lists(text: str) -> dict[str, RestrictedList]:
    name = "restricted_lists.csv"
    _, found = read_table(text, name, "restricted-lists", _LIST_COLUMNS, SupplierListError)
    known: dict[str, RestrictedList] = {}
    for cells in found:
        try:
            one = _list(cells)
            if one.id in known:
                raise ValueError("stands twice")
        except ValueError as error:
            raise SupplierListError(f"{name}, row '{cells['list']}': {error}") from error
        known[one.id] = one
    return known


def _list(cells: Mapping[str, str]) -> RestrictedList:
    roles = _parts(cells["roles"])
    needed = ("title", "body", "concerns", "effect")
    if not _ID.fullmatch(cells["list"]) or not all(cells[key] for key in needed):
        raise ValueError(f"list (a token), {', '.join(needed)} are required")
    if not roles or not all(map(_ROLE.fullmatch, roles)):
        raise ValueError(f"roles are '{cells['roles']}'; expected question=answer, parted by semicolons")
    return RestrictedList(
        id=cells["list"],
        title=cells["title"],
        body=cells["body"],
        concerns=cells["concerns"],
        roles=roles,
        effect=cells["effect"],
        watch=cells["watch"],
        source=_address(cells["source"]),
        retrieved=datetime.date.fromisoformat(cells["retrieved"]),
        confidence=Knowledge(cells["confidence"]),
    )


def _row(cells: Mapping[str, str], lists: Mapping[str, RestrictedList]) -> ListedSupplier:
    try:
        if cells["list"] not in lists:
            raise ValueError("there is no such list in restricted_lists.csv")
        if not cells["entity"]:
            raise ValueError("entity is required")
        if not (cells["hub_orgs"] or cells["words"] or cells["group_orgs"]):
            raise ValueError("hub_orgs, words or group_orgs are required, else nothing can match")
        if bool(cells["group_orgs"]) != bool(cells["relation"]):
            raise ValueError("group_orgs and relation go together")
        row = ListedSupplier(
            list=lists[cells["list"]],
            entity=cells["entity"],
            aliases=_parts(cells["aliases"]),
            hub_orgs=_parts(cells["hub_orgs"]),
            words=frozenset(map(str.casefold, _parts(cells["words"]))),
            group_orgs=_parts(cells["group_orgs"]),
            relation=cells["relation"],
            cite=cells["cite"],
            listed=datetime.date.fromisoformat(cells["listed"]),
            ended=datetime.date.fromisoformat(cells["ended"]) if cells["ended"] else None,
            source=_address(cells["source"]),
            retrieved=datetime.date.fromisoformat(cells["retrieved"]),
            confidence=Knowledge(cells["confidence"]),
        )
        if row.ended is not None and row.ended <= row.listed:
            raise ValueError(f"it ended on {row.ended}, which is not after {row.listed}")
    except ValueError as error:
        raise SupplierListError(
            f"supplier_lists.csv, row '{cells['list']}, {cells['entity']}': {error}"
        ) from error
    return row


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _address(source: str) -> str:
    if not source.startswith("https://"):
        raise ValueError(f"source is '{source}'; expected an address that begins with https://")
    return source
