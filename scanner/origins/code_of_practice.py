"""Which providers are known to have signed the General-Purpose AI Code of Practice, with source and day.

>>> signatories().find("mistralai").chapters
'all'
>>> signatories().find("somebody") is None
True
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.origins.tables import Knowledge, read_table

_COLUMNS: Final = ("signatory", "hub_orgs", "chapters", "known_since", "source", "retrieved", "confidence")


class CodeOfPracticeError(ScanError):
    """The shipped table of signatories is broken."""


@dataclass(frozen=True)
class Signatory:
    """One provider that signed; see the head of code_of_practice.csv."""

    name: str
    hub_orgs: tuple[str, ...]
    chapters: str
    known_since: datetime.date
    source: str
    retrieved: datetime.date
    confidence: Knowledge


@dataclass(frozen=True)
class Signatories:
    """Everybody who is known to have signed."""

    version: str
    rows: tuple[Signatory, ...]

    def find(self, org: str) -> Signatory | None:
        """The signatory behind this organisation on the hub."""
        folded = org.casefold()
        return next((row for row in self.rows if folded in map(str.casefold, row.hub_orgs)), None)


@functools.cache
def signatories() -> Signatories:
    """The table that ships with Weighbridge.

    Raises:
        CodeOfPracticeError: when it is broken; the message names the row.
    """
    path = importlib.resources.files("scanner") / "data" / "code_of_practice.csv"
    return parse_signatories(path.read_text(encoding="utf-8"))


def parse_signatories(text: str) -> Signatories:
    """The table written in this CSV, whose head of # lines names schema and version.

    Raises:
        CodeOfPracticeError: when the head, a column or a row is wrong.
    """
    name = "code_of_practice.csv"
    version, rows = read_table(text, name, "code-of-practice", _COLUMNS, CodeOfPracticeError)
    return Signatories(version, tuple(_row(row) for row in rows))


def _row(cells: Mapping[str, str]) -> Signatory:
    try:
        if not (cells["signatory"] and cells["chapters"] and cells["source"].startswith("https://")):
            raise ValueError("signatory, chapters and a source that begins with https:// are required")
        return Signatory(
            name=cells["signatory"],
            hub_orgs=tuple(org for org in cells["hub_orgs"].split(";") if org),
            chapters=cells["chapters"],
            known_since=datetime.date.fromisoformat(cells["known_since"]),
            source=cells["source"],
            retrieved=datetime.date.fromisoformat(cells["retrieved"]),
            confidence=Knowledge(cells["confidence"]),
        )
    except ValueError as error:
        raise CodeOfPracticeError(f"code_of_practice.csv, row '{cells['signatory']}': {error}") from error
