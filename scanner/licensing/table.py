"""The licences that models come under: what is known of them, and which of them a text is.

>>> table = licence_table()
>>> [licence.id for licence in table.declared_as("Apache 2.0")]
['apache-2.0']
>>> read = table.read("Acme Model License. You may use it for non-commercial purposes.")
>>> (read.licences, read.additions[0].trigger.id)
((), 'non-commercial')
"""

from __future__ import annotations

import datetime
import fnmatch
import functools
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.licensing.fingerprints import Fingerprint, PrintFile, unpack
from scanner.licensing.licence import Commercial, FossTest, GoverningLaw, Grade, Licence
from scanner.licensing.reading import Addition, LicenceReading, Standing, Trigger
from scanner.licensing.texts import MAX_RESIDUE, RecognisedText, Sentence, canonical, recognise
from scanner.licensing.wording import Wording, parse_wording

__all__ = [
    "OPEN_TAGS", "Addition", "Commercial", "FossTest", "GoverningLaw", "Grade", "Licence", "LicenceDataError",
    "LicenceReading", "LicenceTable", "Standing", "Trigger", "fold_tag", "licence_table", "parse_table",
]  # fmt: skip
_SCHEMA: Final = "weighbridge.licences/1"
_SEPARATORS: Final = re.compile(r"[\s._-]+")
# What the hub's front matter writes when the licence is none of its list.
OPEN_TAGS: Final = frozenset({"other", "unknown", "none", "unspecified", ""})


class LicenceDataError(ScanError):
    """The shipped licence table is broken."""


@dataclass(frozen=True)
class LicenceTable:
    """Every known licence with the fingerprints to recognise it by."""

    version: str
    retrieved: datetime.date
    licences: tuple[Licence, ...]
    triggers: tuple[Trigger, ...]
    known_texts: Mapping[str, Fingerprint]
    variants: Mapping[str, Fingerprint]
    wording: Wording

    @functools.cached_property
    def _by_text(self) -> Mapping[str, Licence]:
        return {name: row for row in self.licences for name in row.fingerprints}

    @functools.cached_property
    def _prints(self) -> Mapping[str, Fingerprint]:
        return {**self.known_texts, **self.variants}

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
        """Which licence a file's text is, and what was added to it or left out of it."""
        seen = recognise(text, self._prints)
        triggered = [
            Addition(trigger, sentence)
            for trigger in self.triggers
            for sentence in seen.residue(trigger.patterns)
        ]
        found = tuple(dict.fromkeys(self._by_text[canonical(name)] for name in seen.names))
        licences = self._named(seen, found)
        conditions, unexplained = self._rest(seen, triggered) if licences else ((), ())
        return LicenceReading(
            licences,
            (*triggered, *conditions),
            seen.is_exact,
            seen.containment,
            unexplained,
            seen.missing_words,
        )

    def _rest(
        self, seen: RecognisedText, triggered: Sequence[Addition]
    ) -> tuple[tuple[Addition, ...], tuple[Sentence, ...]]:
        """Sentences beyond the recognised texts that no trigger names: conditions, and what nobody knows."""
        told = {addition.sentence for addition in triggered}
        conditions: list[Addition] = []
        unexplained: list[Sentence] = []
        for sentence, words in seen.unexplained():
            if sentence in told or self.wording.is_innocent(sentence.text):
                continue
            if self.wording.sets_condition(sentence.text, words):
                conditions.append(Addition(self.wording.condition, sentence))
            else:
                unexplained.append(sentence)
            if len(conditions) + len(unexplained) == MAX_RESIDUE:
                break
        return tuple(conditions), tuple(unexplained)

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


@functools.cache
def _wording() -> Wording:
    path = importlib.resources.files("scanner") / "data" / "licence_wording.yaml"
    try:
        return parse_wording(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LicenceDataError(f"licence_wording.yaml: {error}") from error


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
        document = msgspec.convert(yaml.load(table, Loader=_LOADER), _Document)
        stored = msgspec.json.decode(prints, type=PrintFile)
        known = {name: unpack(row) for name, row in stored.texts.items()}
        variants = {name: unpack(row) for name, row in stored.variants.items()}
    except (yaml.YAMLError, msgspec.MsgspecError, ValueError) as error:
        raise LicenceDataError(f"licences.yaml or licence_fingerprints.json: {error}") from error
    if document.schema != _SCHEMA:
        raise LicenceDataError(f"licences.yaml: schema is '{document.schema}'; expected '{_SCHEMA}'")
    rows = tuple(_licence(row) for row in document.licences)
    _check_rows(rows, known)
    for trigger in document.triggers:
        _check_patterns(trigger)
    # Texts are fingerprinted before a row describes them; one without a row cannot be named.
    used = {name for row in rows for name in row.fingerprints}
    return LicenceTable(
        document.version,
        document.retrieved,
        rows,
        document.triggers,
        {name: known[name] for name in known if name in used},
        {name: variants[name] for name in variants if canonical(name) in used},
        _wording(),
    )


# The table is long: the C loader reads it in a tenth of the time.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
