"""Hashes every byte of a model once: sha256, and git's own id where somebody recorded one.

>>> import tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "config.json"
>>> _ = path.write_bytes(b"{}")
>>> hash_file(path, with_git_sha1=True).git_sha1
'9e26dfeeb6e641a33dae4961196235bdb965b21b'
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from scanner.errors import ScanError
from scanner.manifest import FileEntry, SourceDigest, TensorIdentity
from scanner.progress import Progress, SilentProgress, Task

# Large enough that hashlib releases the interpreter lock nearly all the time, small enough to stay in cache.
BLOCK_BYTES: Final = 1024**2
# A disk and one core feed about two hashing threads; more only makes spinning disks seek.
THREADS: Final = 2


class HashingError(ScanError):
    """A file cannot be read to its end, or changed while it was read."""


class _StoppedError(Exception):
    """Another thread failed; this one has nothing more to do."""


@dataclass(frozen=True)
class FileHashes:
    """What one pass over a file yields.

    Attributes:
        size_bytes: How many bytes were hashed.
        sha256: 64 hex digits.
        git_sha1: 40 hex digits, the id git gives a blob of these bytes; None unless asked for.
    """

    size_bytes: int
    sha256: str
    git_sha1: str | None = None


@dataclass(frozen=True)
class HashedModel:
    """What one pass over all files of a model yields.

    Attributes:
        files: One entry per file, sorted by path.
        tensors: Identity of the weights in them; None when no file holds weights.
    """

    files: tuple[FileEntry, ...]
    tensors: TensorIdentity | None


class ReadModel(Protocol):
    """What turns the paths of a model into entries: `hash_model`, or for an inspection what reads less."""

    def __call__(
        self,
        root: Path,
        paths: Iterable[str],
        recorded: Mapping[str, Sequence[SourceDigest]] | None = None,
        progress: Progress | None = None,
    ) -> HashedModel:
        """The entries of these paths (relative to `root`), and the identity of the weights in them."""
        ...


def hash_file(
    path: str | os.PathLike[str],
    *,
    with_git_sha1: bool = False,
    on_bytes: Callable[[int], None] = lambda size_bytes: None,
) -> FileHashes:
    """The hashes of the file at `path`, read once; `on_bytes` hears how many bytes each step took.

    Raises:
        HashingError: when it is not a regular file, cannot be read, or its size changed meanwhile.

    Source: git blob ids are sha1("blob <size>" NUL <bytes>), Pro Git 2nd ed., section 10.2.
    """
    try:
        # Looked at before it is opened: opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise HashingError(f"{path}: not a regular file", hint="move it out of the model's folder")
        with open(path, "rb", buffering=0) as stream:
            expected_bytes = os.fstat(stream.fileno()).st_size
            sha256 = hashlib.sha256()
            git_sha1 = hashlib.sha1(b"blob %d\0" % expected_bytes, usedforsecurity=False)
            block = memoryview(bytearray(BLOCK_BYTES))
            size_bytes = 0
            while count := stream.readinto(block):
                sha256.update(block[:count])
                if with_git_sha1:
                    git_sha1.update(block[:count])
                size_bytes += count
                on_bytes(count)
    except OSError as error:
        raise HashingError(
            f"{path}: {error.strerror or error}",
            hint="make every file of the model readable; one that cannot be read cannot be judged",
        ) from error
    if size_bytes != expected_bytes:
        raise HashingError(
            f"{path}: had {expected_bytes} bytes when opened and {size_bytes} when read",
            hint="wait until nothing writes to the model any more, then scan again",
        )
    return FileHashes(size_bytes, sha256.hexdigest(), git_sha1.hexdigest() if with_git_sha1 else None)


def hash_model(
    root: Path,
    paths: Iterable[str],
    recorded: Mapping[str, Sequence[SourceDigest]] | None = None,
    progress: Progress | None = None,
) -> HashedModel:
    """The entries of these files, as of `hash_files`, and the identity of the weights in them.

    Raises:
        HashingError: when a file cannot be read, or its name is not text.
    """
    return HashedModel(hash_files(root, paths, recorded, progress), None)


def hash_files(
    root: Path,
    paths: Iterable[str],
    recorded: Mapping[str, Sequence[SourceDigest]] | None = None,
    progress: Progress | None = None,
) -> tuple[FileEntry, ...]:
    """One entry per path (relative to `root`), sorted by path, with our digests beside the recorded ones.

    Where several digests were recorded for a file, its entry shows the first that our bytes contradict,
    so that one wrong record cannot hide behind a right one.

    Raises:
        HashingError: when a file cannot be read, or its name is not text; the others are then not
            read to their end.
    """
    known = recorded or {}
    ordered = sorted(set(paths))
    for path in ordered:
        require_plain_name(path)
    total_bytes = sum(_size_bytes(root / path) for path in ordered)
    stop = threading.Event()
    with (progress or SilentProgress()).task("Hashing", total_bytes, "bytes") as task:
        report = _Reporter(task, stop)

        def entry(path: str) -> FileEntry:
            task.note(path)
            return _entry(root, path, tuple(known.get(path, ())), report)

        with ThreadPoolExecutor(THREADS, thread_name_prefix="hashing") as threads:
            try:
                return tuple(threads.map(entry, ordered))
            except BaseException:
                # Also for Ctrl-C: leaving the pool waits for its threads, and a weight file takes minutes.
                stop.set()
                threads.shutdown(wait=False, cancel_futures=True)
                raise


class _Reporter:
    """Passes byte counts on to one progress task, from several threads."""

    def __init__(self, task: Task, stop: threading.Event) -> None:
        self._task = task
        self._stop = stop
        self._lock = threading.Lock()

    def __call__(self, size_bytes: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
        with self._lock:
            self._task.advance(size_bytes)


def _entry(
    root: Path, path: str, recorded: tuple[SourceDigest, ...], on_bytes: Callable[[int], None]
) -> FileEntry:
    with_git_sha1 = any(digest.algorithm == "git-sha1" for digest in recorded)
    hashes = hash_file(root / path, with_git_sha1=with_git_sha1, on_bytes=on_bytes)
    entries = [
        FileEntry(path, hashes.size_bytes, hashes.sha256, hashes.git_sha1, digest)
        for digest in recorded or (None,)
    ]
    return next((entry for entry in entries if entry.matches_source is False), entries[0])


def require_plain_name(path: str) -> None:
    """Refuses names that no report could show, and that could forge lines of a listing of names.

    Raises:
        HashingError: when `path` has control characters or bytes that are not UTF-8.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
        raise HashingError(
            f"{path!a}: a file name with control characters or bytes that are not UTF-8",
            hint="no loader needs such a name; rename the file, and ask the publisher about it",
        )


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # hashing will name the file and say why
        return 0
