"""Reads every byte of a model once, several files at a time, and says what they are and what weighs in them.

>>> import tempfile, pathlib
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> _ = (folder / "config.json").write_bytes(b"{}")
>>> hash_model(folder, ["config.json"]).files[0].sha256[:8]
'44136fa3'
"""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from scanner.file_hashing import FileHashes, HashingError, hash_file
from scanner.manifest import FileEntry, LeftOut, SourceDigest, TensorIdentity
from scanner.progress import Progress, SilentProgress, Task
from scanner.tensor_identity import digest_of, identity_of
from scanner.tensorfiles.extent import TensorExtent, UnmappedError
from scanner.tensorfiles.mapping import map_tensors
from scanner.weight_values import WeightValues

__all__ = [
    "FileHashes",
    "HashedModel",
    "HashingError",
    "ReadModel",
    "hash_file",
    "hash_model",
    "require_plain_name",
]

# More threads than this only make disks seek.
_THREADS_MOST: Final = 16
# A file that one thread hashes in less than three seconds is not worth a second, which costs a tenth more of
# processor time to take a third off.
_SECOND_THREAD_BYTES: Final = 4 * 1024**3


class _StoppedError(Exception):
    """Another thread failed; this one has nothing more to do."""


@dataclass(frozen=True)
class HashedModel:
    """What one pass over all files of a model yields.

    Attributes:
        files: One entry per file, sorted by path.
        tensors: Identity of the weights in them; None when no file holds weights.
        weights: What the numbers in them are like; None when no tensors could be told apart.
    """

    files: tuple[FileEntry, ...]
    tensors: TensorIdentity | None
    weights: WeightValues | None = None


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
            # The largest first, so that no thread is left with one at the end; a large file that is more
            # than the share of a thread gets a second one.
            largest_first = sorted(ordered, key=lambda path: -sizes[path])
            share_bytes = max(total_bytes / threads_count, _SECOND_THREAD_BYTES)
            jobs = [
                threads.submit(reader.read, path, is_large=sizes[path] > share_bytes)
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
            {each.entry.path: each.hashes.tensors for each in read if each.hashes.tensors},
            [each.left_out for each in read if each.left_out],
        ),
        _weights_of(read),
    )


@dataclass(frozen=True)
class _Read:
    """A file that was read."""

    entry: FileEntry
    hashes: FileHashes
    left_out: LeftOut | None


def _weights_of(read: Sequence[_Read]) -> WeightValues | None:
    mapped = {each.entry.path: each.hashes for each in read if each.hashes.tensors}
    if not mapped:
        return None
    from scanner.weights.odd import weight_values

    return weight_values({path: (hashes.tensors, hashes.values) for path, hashes in mapped.items()})


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
            uses_two_threads=is_large and _has_idle_core(),
            on_bytes=self._tell,
        )
        tensor_digest = digest_of(hashes.tensors) if hashes.tensors else None
        entries = [
            FileEntry(path, hashes.size_bytes, hashes.sha256, hashes.git_sha1, digest, tensor_digest)
            for digest in recorded or (None,)
        ]
        entry = next((entry for entry in entries if entry.matches_source is False), entries[0])
        return _Read(entry, hashes, left_out)

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


def _has_idle_core() -> bool:
    """Whether a second thread would have a core of its own; where there is none, it only costs."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return busy <= _cores() - 1


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
