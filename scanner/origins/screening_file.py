"""Reads the Consolidated Screening List as the US government publishes it: a JSON or CSV file of all lists.

The file is somebody else's: its size is bounded, a row that is broken is counted and named, and a file that
is not this list is refused rather than read as an empty one.

Source: International Trade Administration, https://www.trade.gov/consolidated-screening-list, "Consolidated
Screening List" as JSON (an object with `results`) and CSV, fields of https://developer.trade.gov.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import msgspec

from scanner.errors import ScanError

# The file has some 30 to 60 MB and is held in memory; several times that is not this list.
LIMIT_BYTES: Final = 256 * 1024**2
_LONGEST_CELL: Final = 4 * 1024**2
_LONGEST_TEXT: Final = 500
_MOST_ALIASES: Final = 500
# One row in a hundred may be broken; more of them, and it is another kind of file.
_MOST_BROKEN_SHARE: Final = 0.01
_SHOWN: Final = 5
_NEEDED: Final = frozenset({"name", "source"})
_SUCCESSORS: Final = re.compile(r",? and any successor,? sub-?units?,? or subsidiar(?:y|ies) thereof", re.I)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class ScreeningFileError(ScanError):
    """A file is not the Consolidated Screening List, or cannot be read."""


class ScreenedParty(msgspec.Struct, frozen=True, omit_defaults=True):
    """One party on one of the lists in the file.

    Attributes:
        name: As the list has it.
        source: The list: "Entity List (EL) - Bureau of Industry and Security".
        aliases: Other names that the list gives.
        kind: "Entity", "Individual", "Vessel", "Aircraft", or "" where the list does not tell.
        number: Of the entry, or "".
        start: First day, ISO, or "".
        end: Last day, ISO, or "".
        cite: The Federal Register notice, or "".
        programs: Sanctions programmes, or none.
        url: Where the list itself is published, or "".
    """

    name: str
    source: str
    aliases: tuple[str, ...] = ()
    kind: str = ""
    number: str = ""
    start: str = ""
    end: str = ""
    cite: str = ""
    programs: tuple[str, ...] = ()
    url: str = ""

    def counts_on(self, day: datetime.date) -> bool:
        """Whether the file has it on its list on that day; days that cannot be read do not take it off."""
        shown = day.isoformat()
        begins = self.start if _DAY.fullmatch(self.start) else ""
        ends = self.end if _DAY.fullmatch(self.end) else ""
        return begins <= shown and (not ends or shown <= ends)


@dataclass(frozen=True)
class ScreeningFile:
    """What a file holds.

    Attributes:
        parties: In the order of the file.
        sha256: Of the file's bytes.
        kind: "json" or "csv".
        broken: Rows that could not be read, as "row 12: no name"; the first few.
        broken_count: How many there were.
        newest_entry: The latest first day of an entry, or "".
    """

    parties: tuple[ScreenedParty, ...]
    sha256: str
    kind: str
    broken: tuple[str, ...]
    broken_count: int
    newest_entry: str


def read_screening_file(path: Path) -> ScreeningFile:
    """The parties in a downloaded file, JSON or CSV by its first bytes.

    Raises:
        ScreeningFileError: when it cannot be read, is too large, or is something else.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or not 0 < size <= LIMIT_BYTES:
            got = f"{size} bytes" if path.is_file() else "no file"
            raise ScreeningFileError(
                f"{path}: {got}; expected a file of 1 byte to {LIMIT_BYTES // 1024**2} MB",
                hint="download consolidated.json or consolidated.csv from trade.gov",
            )
        return _read(path, path.read_bytes())
    except OSError as error:
        raise ScreeningFileError(f"{path}: {error.strerror or error}") from error


def _read(path: Path, data: bytes) -> ScreeningFile:
    sha256 = hashlib.sha256(data).hexdigest()
    is_json = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
    collected = _Collected()
    try:
        for number, cells in _json_rows(data) if is_json else _csv_rows(path):
            collected.take(number, cells)
    except (msgspec.DecodeError, csv.Error, UnicodeDecodeError, ValueError, RecursionError) as error:
        kind = "JSON" if is_json else "CSV"
        raise _not_this_list(path, f"as {kind}: {_line(str(error))}") from error
    total = len(collected.parties) + collected.broken_count
    if not collected.parties or collected.broken_count > max(1.0, total * _MOST_BROKEN_SHARE):
        first = "; ".join(collected.broken) or "it holds no rows"
        raise _not_this_list(path, f"{collected.broken_count} of {total} rows cannot be read ({first})")
    newest = max((one.start for one in collected.parties if _DAY.fullmatch(one.start)), default="")
    return ScreeningFile(
        tuple(collected.parties),
        sha256,
        "json" if is_json else "csv",
        tuple(collected.broken),
        collected.broken_count,
        newest,
    )


@dataclass
class _Collected:
    parties: list[ScreenedParty] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    broken_count: int = 0

    def take(self, number: int, cells: Mapping[str, object] | str) -> None:
        why = cells if isinstance(cells, str) else ""
        if not isinstance(cells, str):
            party = _party(cells)
            if party is not None:
                self.parties.append(party)
                return
            why = "no name or no source"
        self.broken_count += 1
        if len(self.broken) < _SHOWN:
            self.broken.append(f"row {number}: {why}")


class _Results(msgspec.Struct):
    results: list[msgspec.Raw]


def _json_rows(data: bytes) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    """The objects under `results`, or of a bare list; each is decoded when its turn comes."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"[":
        raws = msgspec.json.decode(text, type=list[msgspec.Raw])
    else:
        raws = msgspec.json.decode(text, type=_Results).results
    for number, raw in enumerate(raws, start=1):
        yield number, _fields(raw)


def _fields(raw: msgspec.Raw) -> Mapping[str, object] | str:
    try:
        return _ROW.decode(raw)
    except msgspec.ValidationError as error:
        return _line(str(error))


_ROW: Final = msgspec.json.Decoder(dict[str, object])


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object] | str]]:
    """The rows of the CSV by their columns."""
    # One cell holds all addresses of a party; the module's own limit is 128 KB.
    earlier = csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(_lines(stream))
            columns = {name.strip().casefold() for name in reader.fieldnames or ()}
            if not columns >= _NEEDED:
                raise ValueError(f"no columns {' and '.join(sorted(_NEEDED - columns))}")
            for number, row in enumerate(reader, start=1):
                yield number, {str(key).strip().casefold(): cell for key, cell in row.items() if cell}
    finally:
        csv.field_size_limit(earlier)


def _lines(stream: TextIO) -> Iterator[str]:
    """The lines of a text, none longer than a row may be: a file without line ends must not fill memory."""
    while line := stream.readline(_LONGEST_CELL + 1):
        if len(line) > _LONGEST_CELL:
            raise ValueError(f"a line is longer than {_LONGEST_CELL} characters")
        yield line


def _party(cells: Mapping[str, object]) -> ScreenedParty | None:
    name, source = _SUCCESSORS.sub("", _text(cells.get("name"))), _text(cells.get("source"))
    if not name or not source:
        return None
    return ScreenedParty(
        name=name,
        source=source,
        aliases=tuple(alias for alias in _texts(cells.get("alt_names")) if alias != name),
        kind=_text(cells.get("type")),
        number=_text(cells.get("entity_number")) or _text(cells.get("id")) or _text(cells.get("_id")),
        start=_text(cells.get("start_date")),
        end=_text(cells.get("end_date")),
        cite=_text(cells.get("federal_register_notice")),
        programs=_texts(cells.get("programs"))[:20],
        url=_text(cells.get("source_list_url")) or _text(cells.get("source_information_url")),
    )


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts, or one text whose parts stand between semicolons, as the CSV has it."""
    whole: Iterable[object] = value if isinstance(value, list) else (value,)
    parts = (part.strip() for each in whole if isinstance(each, str) for part in each.split(";"))
    return tuple(dict.fromkeys(_line(_SUCCESSORS.sub("", part)) for part in parts if part))[:_MOST_ALIASES]


def _text(value: object) -> str:
    return _line(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _line(text: str) -> str:
    """One printable line of bounded length."""
    joined = " ".join(text[: _LONGEST_TEXT * 4].split())
    return "".join(char for char in joined if char.isprintable())[:_LONGEST_TEXT]


def _not_this_list(path: Path, why: str) -> ScreeningFileError:
    return ScreeningFileError(
        f"{path}: is not the Consolidated Screening List: {why}; expected JSON with 'results', or CSV, "
        "whose rows have a name and a source",
        hint="download consolidated.json or consolidated.csv from trade.gov; nothing was imported",
    )
