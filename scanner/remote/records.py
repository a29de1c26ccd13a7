"""What one fetch brought, kept beside the files, so that offline scans know and later fetches can compare.

For sources that record no digests of their own: the sha256 in here is ours, of the day of the fetch.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from scanner.errors import InvalidValueError
from scanner.manifest import SourceDigest
from scanner.records import decode, encode_pretty
from scanner.source import SourceError
from scanner.whole_files import write_whole

_NAME: Final = "fetched.json"


@dataclass(frozen=True)
class KeptFile:
    """One fetched file.

    Attributes:
        path: Inside the model's folder.
        size_bytes: Its size.
        sha256: Computed here over every byte.
        identity: What the source calls these bytes (ETag, version), "" when it calls them nothing.
    """

    path: str
    size_bytes: int
    sha256: str
    identity: str = ""


@dataclass(frozen=True)
class FetchRecord:
    """One fetch.

    Attributes:
        files: What is there.
        missing: Paths that the source lists or that should be there, and are not.
        facts: As in `Snapshot.source`.
        fetched_on: Day, UTC.
    """

    files: tuple[KeptFile, ...]
    missing: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    fetched_on: datetime.date

    def find(self, path: str) -> KeptFile | None:
        """The file with this path, or None."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> Mapping[str, KeptFile]:
        return {file.path: file for file in self.files}

    def digest(self, file: KeptFile) -> SourceDigest:
        """Our own digest of that day, to hold the file against."""
        return SourceDigest("sha256", file.sha256, f"our own record of the fetch on {self.fetched_on}")


def today() -> datetime.date:
    """The day, UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def keep_record(folder: Path, record: FetchRecord) -> None:
    """Keeps the record in `folder`.

    Raises:
        SourceError: when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / _NAME, encode_pretty(record))
    except OSError as error:
        raise SourceError(
            f"{folder}: {error.strerror or error}",
            hint="free some disk space or choose another folder with --data-dir",
        ) from error


def kept_record(folder: Path) -> FetchRecord | None:
    """The record of the last fetch, None when there was none.

    Raises:
        SourceError: when it was damaged.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    try:
        return decode(path.read_bytes(), FetchRecord)
    except (OSError, InvalidValueError) as error:
        raise SourceError(f"{path}: {error}", hint="remove this folder and fetch the model again") from error


def require_record(record: FetchRecord | None, shown: str) -> FetchRecord:
    """The record.

    Raises:
        SourceError: when there is none.
    """
    if record is None:
        raise SourceError(f"{shown}: not in the cache", hint="fetch it once without offline mode")
    return record
