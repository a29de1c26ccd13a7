"""What can go wrong with the store, and what each driver error means to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scanner.errors import InvalidValueError, ScanError


class StoreError(ScanError):
    """The store cannot be opened, read or written; what it held stays as it was."""

    stops_midway = True


class BadUrlError(StoreError):
    """The URL names no database that can be used here."""

    stops_midway = False


class UnknownScanError(StoreError):
    """There is no such scan, or the beginning of an id fits several."""

    stops_midway = False


class BrokenChainError(StoreError):
    """A decision was changed, moved or removed after it was recorded."""


_MEANINGS = (
    ("append-only", "record another decision: a later one corrects or ends an earlier one"),
    ("database is locked", "another process is writing; try again"),
    ("readonly database", "the database file or its folder is read-only; choose another with --db"),
    ("disk is full", "free some disk space and try again; nothing was lost"),
    ("disk I/O error", "look at the disk; nothing was changed"),
    ("file is not a database", "the file is something else; choose another with --db"),
    ("malformed", "the database is damaged; restore it from a backup or choose another with --db"),
    ("FOREIGN KEY", "the scan it belongs to is not in this store"),
    ("foreign key", "the scan it belongs to is not in this store"),
    ("UNIQUE", "another scan has this id; stored scans are never changed"),
    ("duplicate key", "another scan has this id; stored scans are never changed"),
    ("unable to open database file", "the folder is missing or not writable; choose another with --db"),
)


@contextmanager
def as_store_errors(where: str) -> Iterator[None]:
    """Turns what SQLAlchemy and the drivers raise into one StoreError that says what to do."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        hint = next((hint for sign, hint in _MEANINGS if sign in said), "")
        raise StoreError(f"store {where}: {said}", hint=hint) from error
    except InvalidValueError as error:
        raise StoreError(
            f"store {where}: a stored document cannot be read ({error})",
            hint="it was damaged or written by another version; restore it from a backup, or scan again",
        ) from error
