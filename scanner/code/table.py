"""The table of calls, methods and texts that code which comes with a model has to explain.

>>> danger_of("os.system").sentence
'names os.system, which starts a program'
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.code.phases import Phase
from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError
from scanner.findings import Severity

_FILE: Final = "python_calls.yaml"
# Some patterns take time by the square of a text, so a long one is searched piece by piece. What a pattern
# matches has at most 450 characters, so that the overlap holds all of it.
_PIECE: Final = 4000
_OVERLAP: Final = 500


class PythonCallsError(ScanError):
    """The table of dangerous calls cannot be read."""


@dataclass(frozen=True)
class CallSite:
    """One place where the source does something that needs an explanation.

    Attributes:
        line: 1-based.
        kind: One of the table's kinds ("process", "network", ...), "obfuscation", "import" or "exfiltration".
        call: Full name: "subprocess.run".
        sentence: "calls subprocess.run, which starts a program".
        severity: How bad it is in code that loading runs, at this phase.
        tags: CWE ids.
        phase: When it runs.
    """

    line: int
    kind: str
    call: str
    sentence: str
    severity: Severity
    tags: tuple[str, ...]
    phase: Phase = Phase.IMPORT


class Kind(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What calls of one kind do, and how bad that is by when it happens.

    Attributes:
        at_import: Severity of what runs when the file is imported.
        at_construction: Of what runs when an object is made.
        at_call: Of what runs when it is called.
        tags: CWE ids.
        means: "starts a program".
    """

    at_import: Severity
    at_construction: Severity
    at_call: Severity
    tags: tuple[str, ...]
    means: str

    def severity(self, phase: Phase) -> Severity:
        """How bad it is at this phase."""
        by_phase = {Phase.IMPORT: self.at_import, Phase.CONSTRUCTION: self.at_construction}
        return by_phase.get(phase, self.at_call)


class Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One call, or a module with everything below it; `only_*` and `unless*` ask for certain arguments."""

    call: str
    kind: str
    below: bool = False
    unless: dict[str, bool] = {}
    only_if: dict[str, bool] = {}
    only_with: tuple[str, ...] = ()
    unless_argument: tuple[str, ...] = ()
    only_text: str = ""
    positions: dict[str, int] = {}

    @property
    def is_conditional(self) -> bool:
        """Whether it holds for some arguments only."""
        return bool(self.unless or self.only_if or self.only_with or self.unless_argument or self.only_text)


class Method(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A method whose object cannot be resolved from the source; `tk.eval` is the `eval` of a `tk`."""

    name: str
    kind: str
    only_text: str = ""


class Text(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Text in a string that gives away what the code is for."""

    pattern: str
    kind: str


class Table(DataTable, frozen=True):
    """The whole table, as its file has it."""

    kinds: dict[str, Kind]
    calls: list[Row]
    methods: list[Method]
    texts: list[Text]


def danger_of(path: str) -> CallSite | None:
    """What calling the full name `path` would do, or None when the table does not know it."""
    rows = rows_for(path)
    return site(0, rows[0].kind, path, "names", Phase.IMPORT) if rows else None


def site(line: int, kind: str, path: str, verb: str, phase: Phase) -> CallSite:
    """A place that does what calls of `kind` do.

    Raises:
        PythonCallsError: when the table that comes with Weighbridge is broken.
    """
    return _site(line, kind, path.removeprefix("builtins.")[:120], verb, phase)


def told_by(text: str, line: int, verb: str, phase: Phase) -> Iterator[CallSite]:
    """A place for everything in a text that gives away what it is for.

    Raises:
        PythonCallsError: when the table that comes with Weighbridge is broken.
    """
    for pattern, kind in _texts():
        match = _first(pattern, text)
        if match is not None:
            yield _site(line, kind, ascii(match[0][:60]), verb, phase)


def _first(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    for start in range(0, max(1, len(text) - _OVERLAP), _PIECE - _OVERLAP):
        end = min(start + _PIECE, len(text))
        match = pattern.search(text, start, end)
        # What ends with a piece is found again in the next, where it may go on.
        if match is not None and (match.end() < end or end == len(text)):
            return match
    return None


def _site(line: int, kind: str, shown: str, verb: str, phase: Phase) -> CallSite:
    meaning = table().kinds[kind]
    sentence = f"{verb} {shown}, which {meaning.means}"
    return CallSite(line, kind, shown, sentence, meaning.severity(phase), meaning.tags, phase)


def hidden(
    line: int, call: str, message: str, phase: Phase, tags: tuple[str, ...], kind: str = "obfuscation"
) -> CallSite:
    """A place that hides what it does, or what it takes: as bad as anything, whenever it runs."""
    return CallSite(line, kind, call, message, Severity.CRITICAL, tags, phase)


def rows_for(path: str) -> list[Row]:
    """The rows that a full name falls under, the most exact first: one may hold for some arguments only."""
    exact, trees = _rows()
    parts = path.split(".")
    heads = (".".join(parts[:number]) for number in range(len(parts) - 1, 0, -1))
    return [*exact.get(path, ()), *(trees[head] for head in heads if head in trees)]


@functools.cache
def methods() -> Mapping[str, Method]:
    """Methods by their names."""
    return {method.name: method for method in table().methods}


@functools.cache
def _texts() -> tuple[tuple[re.Pattern[str], str], ...]:
    """(pattern, kind) of every text."""
    return tuple((re.compile(row.pattern, re.IGNORECASE), row.kind) for row in table().texts)


@functools.cache
def _rows() -> tuple[Mapping[str, list[Row]], Mapping[str, Row]]:
    exact: dict[str, list[Row]] = {}
    for row in table().calls:
        if not row.below or "." in row.call:
            exact.setdefault(row.call, []).append(row)
    return exact, {row.call: row for row in table().calls if row.below}


def _kind_of(row: Row | Method | Text) -> str:
    return row.kind


@functools.cache
def table() -> Table:
    """The table that comes with Weighbridge.

    Raises:
        PythonCallsError: when it is broken.
    """
    read = decoded(data_text(_FILE), _FILE, Table, PythonCallsError)
    try:
        rows: tuple[Row | Method, ...] = (*read.calls, *read.methods)
        for pattern in (*(row.pattern for row in read.texts), *(row.only_text for row in rows)):
            re.compile(pattern)
    except re.error as error:
        raise PythonCallsError(f"data file {_FILE}: {error}", hint="reinstall Weighbridge") from error
    used = {kind for rows in (read.calls, read.methods, read.texts) for kind in map(_kind_of, rows)}
    if unknown := used - read.kinds.keys():
        raise PythonCallsError(f"data file {_FILE}: unknown kinds {sorted(unknown)}")
    return read
