"""The licences that models come under: what is known of them, and which of them a text is.

>>> table = licence_table()
>>> [licence.id for licence in table.declared_as("Apache 2.0")]
['apache-2.0']
>>> read = table.read("Acme Model License. You may use it for non-commercial purposes.")
>>> (read.licences, read.additions[0].trigger.id)
((), 'non-commercial')
"""

from __future__ import annotations

import base64
import binascii
import datetime
import fnmatch
import functools
import importlib.resources
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.findings import Severity
from scanner.licensing.licence import Commercial, FossTest, GoverningLaw, Grade, Licence
from scanner.licensing.texts import HASH_BYTES, Fingerprint, RecognisedText, Sentence, recognise

__all__ = [
    "OPEN_TAGS", "Addition", "Commercial", "FossTest", "GoverningLaw", "Grade", "Licence", "LicenceDataError",
    "LicenceReading", "LicenceTable", "Trigger", "fold_tag", "licence_table", "parse_table",
]  # fmt: skip
_SCHEMA: Final = "weighbridge.licences/1"
_SEPARATORS: Final = re.compile(r"[\s._-]+")
# What the hub's front matter writes when the licence is none of its list.
OPEN_TAGS: Final = frozenset({"other", "unknown", "none", "unspecified", ""})


class LicenceDataError(ScanError):
    """The shipped licence table is broken."""


@dataclass(frozen=True)
class Trigger:
    """Words that narrow a grant: expressions over folded words, and how bad it is to miss them."""

    id: str
    title: str
    severity: Severity
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Addition:
    """A sentence that no known licence text explains, and the trigger in it."""

    trigger: Trigger
    sentence: Sentence


@dataclass(frozen=True)
class LicenceReading:
    """What a licence file says.

    Attributes:
        licences: Recognised licences, the governing one first; () when the text is not recognised.
        additions: Sentences beyond the recognised texts that narrow the grant.
        is_exact: Whether the words are exactly those of a known text.
        containment: Share of the known text that was found, in [0, 1]; 0 when recognised by name only.
    """

    licences: tuple[Licence, ...]
    additions: tuple[Addition, ...]
    is_exact: bool
    containment: float


@dataclass(frozen=True)
class LicenceTable:
    """Every known licence with the fingerprints to recognise it by."""

    version: str
    retrieved: datetime.date
    licences: tuple[Licence, ...]
    triggers: tuple[Trigger, ...]
    known_texts: Mapping[str, Fingerprint]

    def declared_as(self, name: str) -> tuple[Licence, ...]:
        """The licences that a declared name may mean; () when the name is not known."""
        folded = fold_tag(name)
        return tuple(
            row for row in self.licences if folded in {fold_tag(tag) for tag in (*row.tags, row.spdx, row.id)}
        )

    def of_family(self, repository: str) -> Licence | None:
        """The licence that models of this repository ("org/name") usually come under, if the table knows."""
        for row in self.licences:
            if any(fnmatch.fnmatchcase(repository.casefold(), glob.casefold()) for glob in row.families):
                return row
        return None

    def read(self, text: str) -> LicenceReading:
        """Which licence a file's text is, and what was added to it."""
        seen = recognise(text, self.known_texts)
        additions = tuple(
            Addition(trigger, sentence)
            for trigger in self.triggers
            for sentence in seen.residue(trigger.patterns)
        )
        by_text = {name: row for row in self.licences for name in row.fingerprints}
        found = tuple(dict.fromkeys(by_text[name] for name in seen.names))
        return LicenceReading(self._named(seen, found), additions, seen.is_exact, seen.containment)

    def _named(self, seen: RecognisedText, found: tuple[Licence, ...]) -> tuple[Licence, ...]:
        """The recognised licences, sharpened by phrases: a clause added to MIT, or a title alone."""
        folded = seen.folded
        for row in self.licences:
            if row.phrases and all(phrase in folded for phrase in row.phrases):
                if not row.base and not found:
                    return (row,)
                if found and row.base == found[0].id:
                    return (row, *found[1:])
        return found


def fold_tag(name: str) -> str:
    """A declared name without case, blanks, dots, dashes and underscores."""
    return _SEPARATORS.sub("", name.casefold())


@functools.cache
def licence_table() -> LicenceTable:
    """The table that ships with Weighbridge.

    Raises:
        LicenceDataError: when it is broken; the message names the row.
    """
    folder = importlib.resources.files("scanner") / "data"
    return parse_table(
        (folder / "licences.yaml").read_text(encoding="utf-8"),
        (folder / "licence_fingerprints.json").read_text(encoding="utf-8"),
    )


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    version: str
    retrieved: datetime.date
    licence: str
    triggers: tuple[Trigger, ...]
    licences: tuple[dict[str, object], ...]


def parse_table(table: str, prints: str) -> LicenceTable:
    """The table written in these two documents (YAML and JSON).

    Raises:
        LicenceDataError: when a row is incomplete, unknown or points to a text that is not there.
    """
    try:
        document = msgspec.convert(yaml.safe_load(table), _Document)
        texts: Mapping[str, Mapping[str, str]] = json.loads(prints)["texts"]
        known = {name: _unpack(row) for name, row in texts.items()}
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, KeyError, binascii.Error) as error:
        raise LicenceDataError(f"licences.yaml or licence_fingerprints.json: {error}") from error
    if document.schema != _SCHEMA:
        raise LicenceDataError(f"licences.yaml: schema is '{document.schema}'; expected '{_SCHEMA}'")
    rows = tuple(_licence(row) for row in document.licences)
    _check_rows(rows, known)
    for trigger in document.triggers:
        _check_patterns(trigger)
    return LicenceTable(document.version, document.retrieved, rows, document.triggers, known)


def _licence(row: dict[str, object]) -> Licence:
    unknown = set(row) - set(Licence.__dataclass_fields__)
    if unknown:
        raise LicenceDataError(f"licences.yaml, row {row.get('id')}: unknown key '{min(unknown)}'")
    try:
        return msgspec.convert(row, Licence)
    except msgspec.ValidationError as error:
        raise LicenceDataError(f"licences.yaml, row {row.get('id')}: {error}") from error


def _check_rows(rows: Sequence[Licence], known: Mapping[str, Fingerprint]) -> None:
    ids = [row.id for row in rows]
    for row in rows:
        if ids.count(row.id) > 1:
            raise LicenceDataError(f"licences.yaml, row {row.id}: the id is taken")
        if row.base and row.base not in ids:
            raise LicenceDataError(f"licences.yaml, row {row.id}: base '{row.base}' is no row")
        for name in row.fingerprints:
            if name not in known:
                raise LicenceDataError(f"licences.yaml, row {row.id}: no fingerprint named '{name}'")


def _check_patterns(trigger: Trigger) -> None:
    for pattern in trigger.patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise LicenceDataError(f"licences.yaml, trigger {trigger.id}, '{pattern}': {error}") from error


def _unpack(row: Mapping[str, str]) -> Fingerprint:
    data = base64.b64decode(row["shingles"], validate=True)
    hashes = (data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES))
    return Fingerprint(row["sha256"], frozenset(int.from_bytes(value, "little") for value in hashes))
