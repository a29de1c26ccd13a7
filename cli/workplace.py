"""Where this user's scans live: database, evidence, journals and fetched models under one folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import ScanError
from scanner.evidence import EvidenceStore

# Journals and evidence of a quick scan take a few megabytes; less than this ends in a full disk soon.
LEAST_FREE_BYTES = 64 * 1024**2


class WorkplaceError(ScanError):
    """The data folder or a report file cannot be used."""

    stops_midway = True


class OutputError(WorkplaceError):
    """The reports cannot go where they should, and nothing has been done yet."""

    stops_midway = False


@dataclass(frozen=True)
class Workplace:
    """The data folder and what lies where in it.

    Attributes:
        root: The data folder.
        database_url: SQLAlchemy URL of the store.
    """

    root: Path
    database_url: str

    @classmethod
    def at(cls, root: Path, database_url: str | None = None) -> Workplace:
        """The workplace in `root`, which is made if it is not there.

        Raises:
            WorkplaceError: when the folder cannot be written or the disk is nearly full.
        """
        root = root.expanduser().absolute()
        try:
            root.mkdir(parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(root).free
        except OSError as error:
            raise WorkplaceError(
                f"data folder {root}: {error.strerror or error}", hint="choose another one with --data-dir"
            ) from error
        if free_bytes < LEAST_FREE_BYTES:
            raise WorkplaceError(
                f"data folder {root}: only {free_bytes // 1024**2} MB free on its disk",
                hint=f"free at least {LEAST_FREE_BYTES // 1024**2} MB or choose another with --data-dir",
            )
        return cls(root, database_url or f"sqlite:///{root / 'weighbridge.db'}")

    @property
    def evidence(self) -> EvidenceStore:
        """The content-addressed evidence of all scans."""
        return EvidenceStore(self.root / "evidence")

    @property
    def fetched(self) -> Path:
        """Where fetched models are kept."""
        return self.root / "models"

    @property
    def lists(self) -> Path:
        """Where imported lists of restricted parties are kept."""
        return self.root / "lists"

    def open_journal(self, identity: str) -> Path:
        """Journal of the unfinished scan with this identity."""
        return self.root / "scans" / "open" / identity[:32] / "journal.jsonl"

    def kept_journal(self, scan_id: str) -> Path:
        """Journal of a finished scan."""
        return self.root / "scans" / scan_id / "journal.jsonl"

    def keep_journal(self, identity: str, scan_id: str) -> None:
        """Puts the journal of a scan that has just finished with its name.

        Raises:
            WorkplaceError: when the folder cannot be renamed; the next such scan then resumes this one.
        """
        target = self.kept_journal(scan_id).parent
        try:
            self.open_journal(identity).parent.rename(target)
        except OSError as error:
            raise WorkplaceError(
                f"journal {target}: {error.strerror or error}",
                hint=f"the scan is stored; `weighbridge report {scan_id}` writes its reports",
            ) from error

    def drop_journal(self, identity: str) -> None:
        """Forgets an unfinished scan, so that it starts afresh."""
        self.open_journal(identity).unlink(missing_ok=True)

    @contextmanager
    def locked(self, identity: str) -> Iterator[None]:
        """Keeps a second process from running the same scan at the same time.

        Raises:
            WorkplaceError: when another process runs it, or the data folder cannot be written.
        """
        from filelock import FileLock, Timeout

        path = self.root / "scans" / "locks" / f"{identity[:32]}.lock"
        lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise WorkplaceError(
                "another process is running this very scan",
                hint="wait for it, or choose another data folder with --data-dir",
            ) from error
        except OSError as error:
            raise WorkplaceError(
                f"data folder {self.root}: {error.strerror or error}",
                hint="choose another one with --data-dir",
            ) from error
        try:
            yield
        finally:
            lock.release()


def write_whole(path: Path, data: bytes, option: str = "--output") -> None:
    """Writes a file so that it is there whole or not at all; `option` is what chooses its place.

    Raises:
        WorkplaceError: when it cannot be written; an older file of this name stays as it was.
    """
    # Two scans may write into the same folder: each has a temporary file of its own.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise WorkplaceError(
            f"{path}: {error.strerror or error}", hint=f"choose another folder with {option}"
        ) from error


def require_writable(folder: Path, what: str = "report", option: str = "--output") -> None:
    """Finds out before hours of work whether a report or lock can be written into a folder to be made.

    Raises:
        OutputError: when the folder, or the nearest one above it that exists, cannot be written.
    """
    nearest = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        said = "cannot be written" if nearest.is_dir() else "is not a folder"
        raise OutputError(f"{what} folder {folder}: {nearest} {said}", hint=f"choose another with {option}")


def as_json(value: object) -> str:
    """Indented JSON of plain values, for stdout."""
    return json.dumps(value, indent=2, ensure_ascii=False)
