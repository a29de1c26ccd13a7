"""Recorded replies as JSON lines: what `weighbridge read` takes, and where a file breaks the rules."""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from probes.deflection.labels import CLASSES, Label
from probes.deflection.rows import ReplyRow
from scanner.errors import ScanError

# Texts that were cut in the middle of an emoji: one character for one, so that places stay true.
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_GZIP: Final = b"\x1f\x8b"
_HINT: Final = (
    'every line is one JSON object such as {"prompt": "...", "response": "...", "language": "en"}; '
    "`weighbridge read --help` names the fields"
)
_NAMES: Final = {
    str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object",
    type(None): "null",
}  # fmt: skip


class RowsError(ScanError):
    """The file holds no rows that can be read."""


@dataclass(frozen=True)
class Row:
    """One line of the file.

    Attributes:
        number: Of the line, from 1.
        given: Every field, as it came.
        reply: What the reader needs of them.
    """

    number: int
    given: Mapping[str, Any]
    reply: ReplyRow


def load_rows(name: str) -> list[Row]:
    """Every row of a file, "-" for standard input; gzip is told by its first bytes.

    Raises:
        RowsError: when the file cannot be read, holds no row, or one breaks the rules; names line and field.
    """
    where = "standard input" if name == "-" else name
    rows = [_row(line, number, where) for number, line in _lines(_bytes(name, where)) if line.strip()]
    if not rows:
        raise RowsError(f"{where}: no row in it, expected at least one", hint=_HINT)
    return rows


def labels_of(rows: Sequence[Row], field: str, where: str) -> list[Label | None]:
    """The label that each row carries in a field; None without one, or for one that begins with ERROR.

    Raises:
        RowsError: when a label is none of the three classes, or no row has one.
    """
    expected = ", ".join(each.value for each in CLASSES)
    found: list[Label | None] = []
    for row in rows:
        given = row.given.get(field)
        if given is None or (isinstance(given, str) and given.upper().startswith(Label.ERROR.value)):
            found.append(None)
            continue
        label = given.upper() if isinstance(given, str) else given
        if label not in [each.value for each in CLASSES]:
            raise RowsError(
                f"{where}, line {row.number}, field '{field}': got {given!r}, expected {expected}",
                hint="map the labels of the file to these three, or leave --against out",
            )
        found.append(Label(label))
    if not any(found):
        raise RowsError(
            f"{where}, field '{field}': no row has a label in it, expected {expected}",
            hint=f"the fields are: {', '.join(rows[0].given)}",
        )
    return found


def _bytes(name: str, where: str) -> bytes:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        said = getattr(error, "strerror", None) or str(error)
        hint = "name a file of JSON lines, plain or gzip, or - for standard input"
        raise RowsError(f"{where}: cannot be read: {said}", hint=hint) from error


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines by number; only a line feed ends one, as others may stand inside JSON text."""
    return enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1)


def _row(line: bytes, number: int, where: str) -> Row:
    at = f"{where}, line {number}"
    try:
        given = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RowsError(f"{at}: got no valid JSON ({error}), expected one object", hint=_HINT) from error
    if not isinstance(given, dict):
        raise RowsError(f"{at}: got {_NAMES[type(given)]}, expected one object", hint=_HINT)
    # A reply that is null never came: the reader calls it an error, like an empty one.
    never_came = "response" in given and given["response"] is None
    reply = ReplyRow(
        prompt=_text(given, "prompt", at),
        response=_text(given, "response", at, optional=never_came),
        language=_text(given, "language", at, optional=True),
        was_cut=_text(given, "finish_reason", at, optional=True) == "length",
    )
    return Row(number, given, reply)


def _text(given: Mapping[str, Any], field: str, at: str, *, optional: bool = False) -> str:
    value = given.get(field)
    if isinstance(value, str):
        return _HALF_CHARACTER.sub("\ufffd", value)
    if optional and value is None:
        return ""
    got = _NAMES[type(value)] if field in given else "nothing"
    raise RowsError(f"{at}, field '{field}': got {got}, expected text", hint=_HINT)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")
