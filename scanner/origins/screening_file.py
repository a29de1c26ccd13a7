"""Reads a downloaded list of restricted parties: the US file as JSON or CSV, the EU's and the UK's as CSV.

The file is somebody else's: its size is bounded, a row that is broken is counted and named, and a file that
is none of these lists is refused rather than read as an empty one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import msgspec

from scanner.errors import ScanError
from scanner.origins.screened_parties import (
    LAYOUTS,
    US,
    Layout,
    ScreenedParty,
    grouped,
    is_day,
    iso_day,
    one_line,
    text_of,
)

# The files have 20 to 60 MB and are held in memory; several times that is none of them.
LIMIT_BYTES: Final = 256 * 1024**2
LONGEST_LINE: Final = 4 * 1024**2
# One row in a hundred may be broken; more of them, and it is another kind of file.
_MOST_BROKEN_SHARE: Final = 0.01
_SHOWN: Final = 5
# The UK's file begins with a line that tells its day; nobody writes more than a few before the columns.
_MOST_LINES_ABOVE: Final = 5
_REPORT_DAY: Final = re.compile(r"report date:?[\s,;]*(?P<day>[\w/ -]{8,20})", re.IGNORECASE)
_HINT: Final = (
    "download the Consolidated Screening List (JSON or CSV) from trade.gov, the EU's list (CSV 1.1) from "
    "data.europa.eu, or the UK Sanctions List (CSV) from gov.uk; nothing was imported"
)


class ScreeningFileError(ScanError):
    """A file is none of the lists, or cannot be read."""


@dataclass(frozen=True)
class ScreeningFile:
    """What a file holds.

    Attributes:
        layout: Which list it is.
        parties: In the order of the file.
        sha256: Of the file's bytes.
        published: The day that the file itself tells, ISO, or "".
        broken: Rows that could not be read, as "row 12: no name"; the first few.
        broken_count: How many there were.
        newest_entry: The latest first day of an entry, or "".
    """

    layout: Layout
    parties: tuple[ScreenedParty, ...]
    sha256: str
    published: str = ""
    broken: tuple[str, ...] = ()
    broken_count: int = 0
    newest_entry: str = ""


def read_screening_file(path: Path) -> ScreeningFile:
    """The parties in a downloaded file; which list it is follows from its bytes, not from its name.

    Raises:
        ScreeningFileError: when it cannot be read, is too large, or is something else.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or not 0 < size <= LIMIT_BYTES:
            got = f"{size} bytes" if path.is_file() else "no file"
            raise ScreeningFileError(
                f"{path}: {got}; expected a file of 1 byte to {LIMIT_BYTES // 1024**2} MB", hint=_HINT
            )
        return _read(path, path.read_bytes())
    except OSError as error:
        raise ScreeningFileError(f"{path}: {error.strerror or error}") from error


def _read(path: Path, data: bytes) -> ScreeningFile:
    is_json = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
    try:
        found = _of_json(data) if is_json else _of_csv(data)
    except (msgspec.DecodeError, csv.Error, ValueError, RecursionError) as error:
        kind = "JSON" if is_json else "CSV"
        raise _none_of_them(path, f"as {kind}: {one_line(str(error))}") from error
    total = len(found.parties) + found.broken_count
    if not found.parties or found.broken_count > max(1.0, total * _MOST_BROKEN_SHARE):
        first = "; ".join(found.broken) or "it holds no rows"
        raise _none_of_them(path, f"{found.broken_count} of {total} rows cannot be read ({first})")
    parties = tuple(grouped(found.parties) if found.layout.is_grouped else found.parties)
    if not parties:
        raise _none_of_them(path, "no row has a name")
    return ScreeningFile(
        layout=found.layout,
        parties=parties,
        sha256=hashlib.sha256(data).hexdigest(),
        published=found.published if is_day(found.published) else "",
        broken=tuple(found.broken),
        broken_count=found.broken_count,
        newest_entry=max((one.start for one in parties if is_day(one.start)), default=""),
    )


@dataclass
class _Found:
    layout: Layout
    published: str = ""
    parties: list[ScreenedParty] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    broken_count: int = 0

    def take(self, number: int, cells: Mapping[str, object] | str) -> None:
        """Keeps the party of a row, or why there is none."""
        party = None if isinstance(cells, str) else self.layout.party(cells)
        if party is not None:
            self.parties.append(party)
            return
        self.broken_count += 1
        if len(self.broken) < _SHOWN:
            needed = "no number" if self.layout.is_grouped else "no name or no source"
            self.broken.append(f"row {number}: {cells if isinstance(cells, str) else needed}")


class _Results(msgspec.Struct):
    results: list[msgspec.Raw]


_ROW: Final = msgspec.json.Decoder(dict[str, object])


def _of_json(data: bytes) -> _Found:
    """The objects under `results`, or of a bare list; each is decoded when its turn comes."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"[":
        raws = msgspec.json.decode(text, type=list[msgspec.Raw])
    else:
        raws = msgspec.json.decode(text, type=_Results).results
    found = _Found(US)
    for number, raw in enumerate(raws, start=1):
        try:
            found.take(number, _ROW.decode(raw))
        except msgspec.ValidationError as error:
            found.take(number, one_line(str(error)))
    return found


def _of_csv(data: bytes) -> _Found:
    # One cell holds all addresses of a party; the module's own limit is 128 KB.
    earlier = csv.field_size_limit(LONGEST_LINE)
    try:
        # Of the bytes that were hashed, not of a file that may have changed since.
        with io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="") as stream:
            lines = _lines(stream)
            layout, header, above = _header(lines)
            found = _Found(layout, _day_above(above))
            reader = csv.reader(itertools.chain([header], lines), delimiter=layout.delimiter)
            columns = [name.strip().casefold() for name in next(reader)]
            for number, row in enumerate((row for row in reader if any(row)), start=1):
                cells = dict(zip(columns, row, strict=False))
                found.published = found.published or iso_day(text_of(cells.get("filegenerationdate")))
                found.take(number, cells)
    finally:
        csv.field_size_limit(earlier)
    return found


def _header(lines: Iterator[str]) -> tuple[Layout, str, list[str]]:
    """The layout whose columns one of the first lines names, that line, and those above it."""
    above: list[str] = []
    for line in itertools.islice(lines, _MOST_LINES_ABOVE):
        for layout in LAYOUTS:
            columns = {
                name.strip().casefold() for name in next(csv.reader([line], delimiter=layout.delimiter), [])
            }
            if columns >= layout.needed:
                return layout, line, above
        above.append(line)
    raise ValueError(f"none of the first lines names the columns {', '.join(sorted(US.needed))}")


def _day_above(above: list[str]) -> str:
    match = next((found for line in above if (found := _REPORT_DAY.search(line))), None)
    return iso_day(match["day"].strip()) if match else ""


def _lines(stream: TextIO) -> Iterator[str]:
    """The lines of a text, none longer than a row may be: a file without line ends must not fill memory."""
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"a line is longer than {LONGEST_LINE} characters")
        yield line


def _none_of_them(path: Path, why: str) -> ScreeningFileError:
    titles = ", ".join(layout.title for layout in LAYOUTS)
    return ScreeningFileError(
        f"{path}: is none of the lists that can be imported ({titles}): {why}", hint=_HINT
    )
