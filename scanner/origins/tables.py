r"""Reads the CSV tables of scanner/data: lines of # with schema and version, the columns, then the rows.

>>> text = "# schema: weighbridge.seats/1; version: 2026.1; licence: CC0-1.0\norg,seat\nacme,US\n"
>>> read_table(text, "seats.csv", "seats", ("org", "seat"), ScanError)
('2026.1', ({'org': 'acme', 'seat': 'US'},))
"""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Mapping, Sequence

from scanner.errors import ScanError


class Knowledge(enum.Enum):
    """How a row of a table is known, surest first."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    RECALLED = "recalled"

    @property
    def wording(self) -> str:
        """The grade in words."""
        return {
            Knowledge.PRIMARY: "read in the original text",
            Knowledge.SECONDARY: "known from others' accounts",
            Knowledge.RECALLED: "from general knowledge, to be checked",
        }[self]


def read_table(
    text: str, name: str, schema: str, columns: Sequence[str], error: type[ScanError]
) -> tuple[str, tuple[Mapping[str, str], ...]]:
    """The version in the head of a table, and its rows by column; a cell that is left out is "".

    Args:
        text: The file.
        name: Of the file, for errors.
        schema: "publishers" for "weighbridge.publishers/1".
        columns: All of them, in their order.
        error: What is raised.

    Raises:
        ScanError: of the type given, when the head or the columns are not these.
    """
    lines = text.splitlines()
    marked = re.compile(rf"schema: weighbridge\.{re.escape(schema)}/1; version: (?P<version>[\w.]+);")
    head = marked.search("\n".join(line for line in lines if line.startswith("#")))
    if head is None:
        raise error(f"{name}: no line '# schema: weighbridge.{schema}/1; version: ...'")
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    if tuple(reader.fieldnames or ()) != tuple(columns):
        raise error(f"{name}: columns are {reader.fieldnames}; expected {list(columns)}")
    rows = ({column: row.get(column) or "" for column in columns} for row in reader)
    return head["version"], tuple(rows)
