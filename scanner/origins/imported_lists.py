"""The lists of restricted parties that a user imported: kept as rows, and searched by names of companies.

>>> import pathlib, tempfile
>>> read_imports(pathlib.Path(tempfile.mkdtemp()))
()
"""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from scanner.errors import ScanError
from scanner.origins.company_names import loose_form, loose_of, normal_form
from scanner.origins.screened_parties import LAYOUTS, ScreenedParty
from scanner.origins.screening_file import ScreeningFile
from scanner.whole_files import write_whole

# The lists change several times a month.
OLD_AFTER_DAYS: Final = 30
SETTING: Final = "lists.imported"
_SCHEMA: Final = "weighbridge.screening-list/1"
_LIMIT_BYTES: Final = 512 * 1024**2
# Shorter names are equal by chance too often.
_SHORTEST_NAME: Final = 4
_SHORTEST_FUZZY: Final = 8
_LEAST_LIKENESS: Final = 93.0
_NOT_COMPANIES: Final = frozenset({"individual", "vessel", "aircraft"})
_MOST_HITS: Final = 5


class ImportedListError(ScanError):
    """What was imported cannot be read any more, or cannot be written."""


class ImportHead(msgspec.Struct, frozen=True):
    """Where the rows come from; the first line of the file.

    Attributes:
        schema: "weighbridge.screening-list/1".
        list: Which list it is: "consolidated-screening-list".
        title: As people call it.
        file: Name of the file that was imported.
        file_sha256: Of its bytes.
        rows_sha256: Of the rows below this line.
        imported: The day of the import.
        published: The day of the file, as it or the user tells it, or "".
        newest_entry: The latest first day of an entry in it, or "".
        rows: How many there are.
        broken: How many rows of the file could not be read.
        by_source: Rows per list.
    """

    schema: str
    list: str
    title: str
    file: str
    file_sha256: str
    rows_sha256: str
    imported: str
    published: str
    newest_entry: str
    rows: int
    broken: int
    by_source: dict[str, int]

    @property
    def day(self) -> datetime.date:
        """As of which day the rows hold: that of the file, else that of the import."""
        return datetime.date.fromisoformat(self.published or self.imported)

    @property
    def as_told(self) -> str:
        """File, day and digest, for people."""
        day = f"of {self.published}" if self.published else f"imported {self.imported}, its own day not told"
        return f"{self.title} {day} (sha256 {self.file_sha256[:16]})"

    def age_days(self, today: datetime.date) -> int:
        """Days since the day of the rows."""
        return (today - self.day).days


@dataclass(frozen=True)
class ListHit:
    """A party whose name is, or is like, that of a company.

    Attributes:
        party: On the list.
        matched: The name of the party that matched: its own or an alias.
        is_exact: Whether the names are the same but for case, punctuation and legal form, and have more
            than one word.
    """

    party: ScreenedParty
    matched: str
    is_exact: bool


@dataclass(frozen=True)
class ImportedList:
    """An import, ready to be searched."""

    head: ImportHead
    parties: tuple[ScreenedParty, ...]

    def find(self, company: str, day: datetime.date) -> list[ListHit]:
        """The parties that may be this company on that day: exact ones, else a few that are like it."""
        form = normal_form(company)
        if len(form) < _SHORTEST_NAME:
            return []
        # Many companies share a name of one word: alone it is a hint.
        is_telling = " " in form
        exact = [ListHit(party, name, is_telling) for party, name in self._by_form.get(form, ())]
        hits = exact or [ListHit(party, name, False) for party, name in self._alike(company, form)]
        # A party stands once per list; several of its names may match.
        once = {(hit.party.source, hit.party.number, hit.party.name): hit for hit in reversed(hits)}
        return [hit for hit in reversed(once.values()) if hit.party.counts_on(day)][:_MOST_HITS]

    def _alike(self, company: str, form: str) -> Iterator[tuple[ScreenedParty, str]]:
        from rapidfuzz import fuzz, process  # only a scan with an import needs it

        loose = loose_form(company)
        if len(loose) < _SHORTEST_FUZZY:
            return
        found = process.extract(
            form, self._forms, scorer=fuzz.token_sort_ratio, score_cutoff=_LEAST_LIKENESS, limit=_MOST_HITS
        )
        for known, _score, _index in found:
            yield from self._by_form[known]
        for known in self._by_loose.get(loose, ()):
            yield from self._by_form[known]

    @cached_property
    def _by_form(self) -> Mapping[str, list[tuple[ScreenedParty, str]]]:
        forms: dict[str, list[tuple[ScreenedParty, str]]] = {}
        for party in self.parties:
            if party.kind.casefold() in _NOT_COMPANIES:
                continue
            for name in (party.name, *party.aliases):
                forms.setdefault(normal_form(name), []).append((party, name))
        return forms

    @cached_property
    def _forms(self) -> list[str]:
        return [form for form in self._by_form if len(form) >= _SHORTEST_FUZZY]

    @cached_property
    def _by_loose(self) -> Mapping[str, list[str]]:
        loose: dict[str, list[str]] = {}
        for form in self._by_form:
            loose.setdefault(loose_of(form), []).append(form)
        return loose


def write_import(
    folder: Path, read: ScreeningFile, name: str, *, today: datetime.date, published: str = ""
) -> ImportHead:
    """Keeps what was read in `folder` in place of an earlier import of the same list.

    Raises:
        ImportedListError: when the folder cannot be written.
    """
    rows = b"\n".join(msgspec.json.encode(party) for party in read.parties)
    head = ImportHead(
        schema=_SCHEMA,
        list=read.layout.id,
        title=read.layout.title,
        file=name,
        file_sha256=read.sha256,
        rows_sha256=hashlib.sha256(rows).hexdigest(),
        imported=today.isoformat(),
        published=published or read.published,
        newest_entry=read.newest_entry,
        rows=len(read.parties),
        broken=read.broken_count,
        by_source=dict(Counter(party.source for party in read.parties).most_common()),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(_path(folder, head.list), msgspec.json.encode(head) + b"\n" + rows)
    except OSError as error:
        raise ImportedListError(
            f"{folder}: {error.strerror or error}", hint="choose another data folder with --data-dir"
        ) from error
    return head


def imported_names(folder: Path) -> tuple[str, ...]:
    """Ids of the lists for which there is an import in `folder`, readable or not."""
    return tuple(layout.id for layout in LAYOUTS if _path(folder, layout.id).exists())


def read_head(folder: Path, name: str) -> ImportHead:
    """What was imported of this list, without its rows.

    Raises:
        ImportedListError: when it cannot be read.
    """
    path = _path(folder, name)
    try:
        with path.open("rb") as stream:
            return _head(path, stream.readline(1024**2))
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from error


def read_imports(folder: Path) -> tuple[ImportedList, ...]:
    """Everything that was imported into `folder`.

    Raises:
        ImportedListError: when one is there and cannot be read, or its rows were changed.
    """
    return tuple(read_import(folder, name) for name in imported_names(folder))


def read_import(folder: Path, name: str) -> ImportedList:
    """What was imported of this list.

    Raises:
        ImportedListError: when it cannot be read, or its rows were changed.
    """
    path = _path(folder, name)
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise _broken(path, f"longer than {_LIMIT_BYTES} bytes")
        first, _, rows = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from error
    head = _head(path, first)
    if hashlib.sha256(rows).hexdigest() != head.rows_sha256:
        raise _broken(path, "its rows are not those that were imported")
    try:
        parties = tuple(map(_PARTY.decode, rows.splitlines()))
    except msgspec.DecodeError as error:
        raise _broken(path, str(error)) from error
    return ImportedList(head, parties)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl"


_PARTY: Final = msgspec.json.Decoder(ScreenedParty)


def _head(path: Path, line: bytes) -> ImportHead:
    try:
        head = msgspec.json.decode(line, type=ImportHead)
        if head.schema != _SCHEMA:
            raise ValueError(f"its schema is '{head.schema}'; expected '{_SCHEMA}'")
        _ = head.day
    except (msgspec.DecodeError, ValueError) as error:
        raise _broken(path, str(error)) from error
    return head


def _broken(path: Path, why: str) -> ImportedListError:
    return ImportedListError(
        f"the imported list {path} cannot be used: {why}",
        hint="import it again with `weighbridge lists import`",
    )
