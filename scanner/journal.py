"""An append-only JSONL file that survives SIGKILL: what is in it happened, and is not done again.

>>> import tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "journal.jsonl"
>>> with Journal(path) as journal:
...     journal.append("reply", "k1", {"text": "Paris"})
>>> with Journal(path) as journal:
...     journal.get("reply", "k1")
{'text': 'Paris'}
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from scanner.errors import ScanError


class JournalError(ScanError):
    """The journal cannot be written or read."""

    stops_midway = True


@dataclass(frozen=True)
class JournalLine:
    """One thing that happened: its kind, its key within the kind, and what came of it."""

    kind: str
    key: str
    value: Any


class Journal:
    """Remembers values by (kind, key); every append is on disk before `append` returns.

    A half-written last line (power loss) is dropped when the journal is opened; a broken line
    elsewhere means that something else wrote to the file, and is an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values: dict[tuple[str, str], Any] = {}
        self._stream: IO[bytes] = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; what was appended is on disk already."""
        self._stream.close()

    def get(self, kind: str, key: str) -> Any:  # noqa: ANN401 - plain JSON
        """The last value appended under (kind, key), or None."""
        return self._values.get((kind, key))

    def keys(self, kind: str) -> Iterator[str]:
        """Every key of a kind, in the order in which they were first appended."""
        return (key for (of_kind, key) in self._values if of_kind == kind)

    def append(self, kind: str, key: str, value: object) -> None:
        """Records one value durably.

        Raises:
            JournalError: when the disk does not take it; the journal stays readable.
        """
        self.extend([(kind, key, value)])

    def extend(self, lines: Sequence[tuple[str, str, object]]) -> None:
        """Records several values with one fsync.

        Raises:
            JournalError: when the disk does not take them; the journal stays readable.
        """
        plain = [JournalLine(kind, key, msgspec.to_builtins(value)) for kind, key, value in lines]
        # NOTE: the size, not tell(): after a failed write the position stays beyond the cut-off end.
        start = os.fstat(self._stream.fileno()).st_size
        try:
            self._write_all(b"".join(msgspec.json.encode(line) + b"\n" for line in plain))
            os.fsync(self._stream.fileno())
        except OSError as error:
            self._take_back(start)
            raise JournalError(
                f"journal {self.path}: {error.strerror or error}",
                hint="free some disk space, then run the same command again: it resumes",
            ) from error
        for line in plain:
            self._values[line.kind, line.key] = line.value

    def _write_all(self, data: bytes) -> None:
        """An unbuffered write may take only part of the data, without an error, on a disk that gets full."""
        left = memoryview(data)
        while left:
            left = left[self._stream.write(left) :]

    def _take_back(self, size_bytes: int) -> None:
        """Cuts off what a failed write may have left; reopening would drop it as well."""
        try:
            os.truncate(self.path, size_bytes)
        except OSError:  # the disk is in trouble: the broken tail is dropped at the next opening
            return

    def _open(self) -> IO[bytes]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            data = self.path.read_bytes() if self.path.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            for number, raw in enumerate(whole.split(b"\n")[:-1], start=1):
                self._remember(number, raw)
            if len(whole) < len(data):
                os.truncate(self.path, len(whole))
            # NOTE: unbuffered, so that a failed write leaves nothing behind to be flushed later.
            return self.path.open("ab", buffering=0)
        except OSError as error:
            raise JournalError(f"journal {self.path}: {error.strerror or error}") from error

    def _remember(self, number: int, raw: bytes) -> None:
        try:
            line = msgspec.json.decode(raw, type=JournalLine)
        except msgspec.DecodeError as error:
            raise JournalError(
                f"journal {self.path}, line {number}: not a journal line ({error})",
                hint="move the file away to start this scan afresh",
            ) from error
        self._values[line.kind, line.key] = line.value
