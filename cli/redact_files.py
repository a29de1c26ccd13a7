"""Texts in and out of `weighbridge redact`: read in parts, written whole or not at all."""

from __future__ import annotations

import codecs
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from scanner.errors import ScanError
from scanner.progress import Task

# A line may be longer than memory should hold at once.
_BLOCK_BYTES: Final = 1 << 20


class TextError(ScanError):
    """The text cannot be read, and nothing has been written yet."""


class TextBrokenError(ScanError):
    """The text turned out unreadable, or the result unwritable, on the way."""

    stops_midway = True


def open_text(name: str) -> Iterator[str]:
    """The lines of a file, "-" for standard input; lines longer than 1 MiB come in pieces.

    Raises:
        TextError: when the file cannot be opened or begins like a binary file.
        TextBrokenError: while reading, when it is not UTF-8 to its end.
    """
    where = "standard input" if name == "-" else name
    try:
        # Whoever takes the lines closes it.
        stream: BinaryIO = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115
        first = stream.readline(_BLOCK_BYTES)
    except OSError as error:
        raise TextError(
            f"{where}: {error.strerror or error}", hint="name a text file, or - for stdin"
        ) from error
    if b"\0" in first:
        raise TextError(
            f"{where}: not text: a zero byte in its first line, expected UTF-8",
            hint="extract the text first; UTF-16 becomes UTF-8 by `iconv -f UTF-16 -t UTF-8`",
        )
    return _decoded(stream, first, where)


def text_row(line: str, field: str, where: str) -> dict[str, Any]:
    """A JSON line that holds a text in a field.

    Raises:
        TextBrokenError: when it is no JSON object, or the field is no text.
    """
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TextBrokenError(
            f"{where}: not JSON: {error}", hint="every line must be one JSON object"
        ) from error
    if not isinstance(row, dict) or not isinstance(row.get(field), str):
        got = f"fields {', '.join(row)}" if isinstance(row, dict) else type(row).__name__
        raise TextBrokenError(
            f"{where}, field '{field}': no text in it, got {got}", hint="name another field with --field"
        )
    return row


def size_bytes(name: str) -> int:
    """How large the file is; 0 for standard input."""
    return 0 if name == "-" else Path(name).stat().st_size


def counted(lines: Iterator[str], task: Task) -> Iterator[str]:
    """The lines, each counted when it is read."""
    for line in lines:
        task.advance(len(line.encode()))
        yield line


def write_pieces(pieces: Iterable[str], file: Path | None) -> None:
    """Writes the pieces as they come to standard output, or into a file that is there whole or not at all.

    Raises:
        TextBrokenError: when the file cannot be written; an older file of this name stays as it was.
    """
    if file is None:
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            out.writelines(pieces)
        os.replace(partial, file)
    except OSError as error:
        raise TextBrokenError(
            f"{file}: {error.strerror or error}", hint="choose another file with --output"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _decoded(stream: BinaryIO, first: bytes, where: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    read, block = 0, first
    with stream:
        while True:
            waiting = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise TextBrokenError(
                    f"{where}: byte {read - waiting + error.start} is not UTF-8; what came before it is done",
                    hint="convert it first, for example by `iconv -f LATIN1 -t UTF-8`",
                ) from error
            if text:
                yield text
            if not block:
                return
            read += len(block)
            block = stream.readline(_BLOCK_BYTES)
