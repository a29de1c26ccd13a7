"""Reads every byte of a model once: sha256, git's own id where somebody recorded one, digests of tensors.

>>> import tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "config.json"
>>> _ = path.write_bytes(b"{}")
>>> hash_file(path, with_git_sha1=True).git_sha1
'9e26dfeeb6e641a33dae4961196235bdb965b21b'
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from scanner.blocks import blocks_of
from scanner.errors import ScanError
from scanner.manifest import FileEntry, LeftOut, SourceDigest, TensorIdentity
from scanner.progress import Progress, SilentProgress, Task
from scanner.tensor_identity import digest_of, identity_of
from scanner.tensorfiles.digests import TensorDigest, TensorHasher
from scanner.tensorfiles.extent import TensorExtent, UnmappedError
from scanner.tensorfiles.mapping import map_tensors

# More threads than this only make disks seek.
_THREADS_MOST: Final = 16


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
        tensors: A digest for each tensor asked for, in the same order.
    """

    size_bytes: int
    sha256: str
    git_sha1: str | None = None
    tensors: tuple[TensorDigest, ...] = ()


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
    extents: Sequence[TensorExtent] = (),
    uses_two_threads: bool = False,
    on_bytes: Callable[[int], None] = lambda size_bytes: None,
) -> FileHashes:
    """The hashes of the file at `path`, read once.

    Args:
        path: Of a regular file.
        with_git_sha1: Whether to compute git's id as well.
        extents: Places of the tensors to digest, of which no two overlap in part.
        uses_two_threads: Whether to digest the tensors beside the file, for a file that is hashed alone.
        on_bytes: Hears how many bytes each step took.

    Raises:
        HashingError: when it is not a regular file, cannot be read, or its size changed meanwhile.

    Source: git blob ids are sha1("blob <size>" NUL <bytes>), Pro Git 2nd ed., section 10.2.
    """
    tensors = TensorHasher(extents)
    try:
        # Looked at before it is opened: opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise HashingError(f"{path}: not a regular file", hint="move it out of the model's folder")
        with open(path, "rb", buffering=0) as stream:
            expected_bytes = os.fstat(stream.fileno()).st_size
            sha256 = hashlib.sha256()
            git_sha1 = hashlib.sha1(b"blob %d\0" % expected_bytes, usedforsecurity=False)
            hashes: list[Callable[[memoryview], None]] = [sha256.update]
            if with_git_sha1:
                hashes.append(git_sha1.update)
            size_bytes = 0
            beside = tensors.update if extents and uses_two_threads else None
            if extents and not uses_two_threads:
                hashes.append(tensors.update)
            with contextlib.closing(blocks_of(stream, beside)) as blocks:
                for block in blocks:
                    for update in hashes:
                        update(block)
                    size_bytes += len(block)
                    on_bytes(len(block))
    except OSError as error:
        raise HashingError(
            f"{path}: {error.strerror or error}",
            hint="make every file of the model readable; one that cannot be read cannot be judged",
        ) from error
    needed_bytes = max((extent.end for extent in extents), default=0)
    if size_bytes != expected_bytes or size_bytes < needed_bytes:
        raise HashingError(
            f"{path}: had {max(expected_bytes, needed_bytes)} bytes when opened and {size_bytes} when read",
            hint="wait until nothing writes to the model any more, then scan again",
        )
    return FileHashes(
        size_bytes, sha256.hexdigest(), git_sha1.hexdigest() if with_git_sha1 else None, tensors.digests()
    )


def hash_model(
    root: Path,
    paths: Iterable[str],
    recorded: Mapping[str, Sequence[SourceDigest]] | None = None,
    progress: Progress | None = None,
) -> HashedModel:
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
    sizes = {path: _size_bytes(root / path) for path in ordered}
    total_bytes = sum(sizes.values())
    threads_count = min(_cores(), _THREADS_MOST)
    stop = threading.Event()
    with (progress or SilentProgress()).task("Hashing", total_bytes, "bytes") as task:
        reader = _Reader(root, known, task, stop)
        with ThreadPoolExecutor(threads_count, thread_name_prefix="hashing") as threads:
            # The largest first, so that no thread is left with one at the end; a file that is more than
            # the share of a thread gets a second one.
            largest_first = sorted(ordered, key=lambda path: -sizes[path])
            jobs = [
                threads.submit(reader.read, path, is_large=sizes[path] * threads_count > total_bytes)
                for path in largest_first
            ]
            try:
                read = [job.result() for job in as_completed(jobs)]
            except BaseException:
                # Also for Ctrl-C: leaving the pool waits for its threads, and a weight file takes minutes.
                stop.set()
                threads.shutdown(wait=False, cancel_futures=True)
                raise
    read.sort(key=lambda each: each.entry.path)
    return HashedModel(
        tuple(each.entry for each in read),
        identity_of(
            {each.entry.path: each.tensors for each in read if each.tensors},
            [each.left_out for each in read if each.left_out],
        ),
    )


@dataclass(frozen=True)
class _Read:
    """A file that was read."""

    entry: FileEntry
    tensors: tuple[TensorDigest, ...]
    left_out: LeftOut | None


class _Reader:
    """Reads files for one progress task, from several threads."""

    def __init__(
        self, root: Path, recorded: Mapping[str, Sequence[SourceDigest]], task: Task, stop: threading.Event
    ) -> None:
        self._root = root
        self._recorded = recorded
        self._task = task
        self._stop = stop
        self._telling = threading.Lock()
        # Headers are read one at a time: they take more memory than all the blocks together.
        self._mapping = threading.Lock()

    def read(self, path: str, *, is_large: bool) -> _Read:
        """Reads one file, its tensors by the way.

        Raises:
            HashingError: when it cannot be read.
        """
        self._task.note(path)
        recorded = tuple(self._recorded.get(path, ()))
        extents, left_out = self._extents(path)
        hashes = hash_file(
            self._root / path,
            with_git_sha1=any(digest.algorithm == "git-sha1" for digest in recorded),
            extents=extents,
            uses_two_threads=is_large and _cores() > 1,
            on_bytes=self._tell,
        )
        tensor_digest = digest_of(hashes.tensors) if hashes.tensors else None
        entries = [
            FileEntry(path, hashes.size_bytes, hashes.sha256, hashes.git_sha1, digest, tensor_digest)
            for digest in recorded or (None,)
        ]
        entry = next((entry for entry in entries if entry.matches_source is False), entries[0])
        return _Read(entry, hashes.tensors, left_out)

    def _extents(self, path: str) -> tuple[tuple[TensorExtent, ...], LeftOut | None]:
        try:
            with self._mapping:
                return map_tensors(self._root / path, path) or (), None
        except UnmappedError as error:
            return (), LeftOut(path, str(error))
        except OSError:  # hashing will name the file and say why
            return (), None

    def _tell(self, size_bytes: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
        with self._telling:
            self._task.advance(size_bytes)


def _cores() -> int:
    """How many cores this process may use: of a container, its own."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
