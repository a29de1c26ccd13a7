"""Reads a file of a scanned model again, only as long as it is the file that was scanned.

A model is compared after its scan: its folder may be gone by then, or hold other bytes. Both are said, never
taken for "no change".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from scanner.errors import ScanError
from scanner.manifest import FileEntry, Snapshot
from scanner.tensorfiles.gguf_header import GgufHeader, read_gguf_header

# Above this a file is told by size and digest alone; nobody reads a diff of a vocabulary.
DIFF_LIMIT_BYTES: Final = 256 * 1024
# Hashing again what is larger would take longer than the whole comparison may; its size has to match.
_HASH_LIMIT_BYTES: Final = 32 * 1024**2


class NotAtHandError(ScanError):
    """The bytes that were scanned can no longer be read where they lay."""


def require_as_scanned(snapshot: Snapshot, entry: FileEntry) -> None:
    """Makes sure that the file on disk is the one that was scanned; of large files by their size.

    Raises:
        NotAtHandError: when it is gone or another one.
    """
    if not entry.is_whole:
        raise NotAtHandError(f"of {entry.path} not every byte was read when it was inspected")
    path = snapshot.local_path(entry.path)
    try:
        is_same = path.stat().st_size == entry.size_bytes
        if is_same and entry.size_bytes <= _HASH_LIMIT_BYTES:
            is_same = hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
    except OSError as error:
        raise NotAtHandError(
            f"{entry.path} can no longer be read where it was scanned ({error.strerror or error})"
        ) from error
    if not is_same:
        raise NotAtHandError(f"{entry.path} was changed after it was scanned")


def text_of(snapshot: Snapshot, entry: FileEntry | None) -> list[str]:
    """The lines of a text file, none where there is no such file.

    Raises:
        NotAtHandError: when it is gone, another one, or no text that people read.
    """
    if entry is None:
        return []
    if entry.size_bytes > DIFF_LIMIT_BYTES:
        raise NotAtHandError(f"{entry.path} is longer than {DIFF_LIMIT_BYTES} bytes")
    require_as_scanned(snapshot, entry)
    content = snapshot.local_path(entry.path).read_bytes()
    if b"\0" in content:
        raise NotAtHandError(f"{entry.path} is no text")
    return content.decode("utf-8", "replace").splitlines()


def gguf_headers(snapshot: Snapshot) -> Iterator[tuple[FileEntry, GgufHeader]]:
    """The header of every GGUF file.

    Raises:
        NotAtHandError: when one is gone or another one.
        GgufError: when one is no GGUF file.
    """
    for entry in snapshot.files:
        if PurePosixPath(entry.path.lower()).suffix == ".gguf":
            require_as_scanned(snapshot, entry)
            yield entry, read_gguf_header(snapshot.local_path(entry.path))
