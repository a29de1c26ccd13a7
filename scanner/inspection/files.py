"""Reads the files of a model as far as an inspection does, several at a time.

>>> import pathlib, tempfile
>>> root = pathlib.Path(tempfile.mkdtemp())
>>> _ = (root / "model.bin").write_bytes(bytes(10**7))
>>> (entry,) = read_heads(root, ["model.bin"]).files
>>> entry.is_whole, entry.bytes_read < 10**6
(False, True)
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from scanner.hashing import HashedModel, HashingError, hash_model, require_plain_name
from scanner.inspection.allowance import Allowance
from scanner.inspection.demand import FIRST_BYTES, DemandFile, LocalFile, used_up
from scanner.inspection.heads import read_beginning, read_header
from scanner.inspection.plan import Extent, extent_of
from scanner.manifest import FileEntry, SourceDigest
from scanner.parts import PartlyReadError, Parts
from scanner.progress import Progress, SilentProgress

# What one inspection reads at most. The header of a shard takes some 20 KB, a tokenizer some MB, and the
# GGUF files of thirty quantisations 6 MB each.
ALLOWANCE_BYTES: Final = 256 * 1024**2
# Each waits for answers most of the time.
_THREADS: Final = 16
_GUESS_STEP: Final = 4 * 1024
_LONGEST_GUESS: Final = 256 * 1024
_NOTHING: Final = hashlib.sha256().hexdigest()


class Supply(ABC):
    """Where the bytes of a model come from.

    Attributes:
        root: The folder that they are kept in.
    """

    root: Path

    @abstractmethod
    def bring_whole(self, path: str, size_bytes: int) -> None:
        """Sees to it that the whole file lies under the root.

        Raises:
            ScanError: when it cannot be brought.
        """

    @abstractmethod
    def on_demand(self, path: str, size_bytes: int, allowance: Allowance, first_bytes: int) -> DemandFile:
        """The file to be read piece by piece, `first_bytes` at first.

        Raises:
            ScanError: when it cannot be brought.
        """

    def stop(self) -> None:
        """Hears that nobody waits for these files any more."""
        return


class LocalSupply(Supply):
    """Files that lie on this machine; nothing is copied."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def bring_whole(self, path: str, size_bytes: int) -> None:
        """Nothing to do: it is there."""

    def on_demand(self, path: str, size_bytes: int, allowance: Allowance, first_bytes: int) -> DemandFile:
        """The file itself.

        Raises:
            OSError: when it cannot be opened.
        """
        return LocalFile(self.root, path, size_bytes, allowance, first_bytes)


def read_heads(
    root: Path,
    paths: Iterable[str],
    recorded: Mapping[str, Sequence[SourceDigest]] | None = None,
    progress: Progress | None = None,
) -> HashedModel:
    """The entries of these paths (relative to `root`); what `hash_model` is for a scan.

    Raises:
        HashingError: when a file cannot be read, or its name is not text.
    """
    ordered = sorted(set(paths))
    for path in ordered:
        require_plain_name(path)
    try:
        sizes = {path: (root / path).stat().st_size for path in ordered}
        return HashedModel(inspect_files(LocalSupply(root), sizes, recorded, progress), None)
    except OSError as error:
        raise HashingError(
            f"{error.filename or root}: {error.strerror or error}",
            hint="make every file of the model readable; one that cannot be read cannot be judged",
        ) from error


def inspect_files(
    supply: Supply,
    sizes: Mapping[str, int],
    recorded: Mapping[str, Sequence[SourceDigest]] | None = None,
    progress: Progress | None = None,
) -> tuple[FileEntry, ...]:
    """One entry per file, sorted by path: those read whole are hashed, of others it says what was read.

    Args:
        supply: Where the bytes come from.
        sizes: Of every file, in bytes, by path.
        recorded: Digests on record, by path.
        progress: Hears how many files are done.

    Raises:
        ScanError: when a file cannot be brought or read.
    """
    known = recorded or {}
    work = _Work(supply, Allowance(ALLOWANCE_BYTES), known, {})
    planned = sorted((list(Extent).index(extent_of(path, size)), size, path) for path, size in sizes.items())
    with (progress or SilentProgress()).task("Inspecting", len(planned), "files") as task:

        def inspect(item: tuple[int, int, str]) -> FileEntry | None:
            extent, size_bytes, path = item
            task.note(path)
            entry = work.entry(path, size_bytes, list(Extent)[extent])
            task.advance()
            return entry

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="inspecting") as threads:
            try:
                found = list(threads.map(inspect, planned))
            except BaseException:
                supply.stop()
                threads.shutdown(wait=False, cancel_futures=True)
                raise
    partly = [entry for entry in found if entry is not None]
    whole = sizes.keys() - {entry.path for entry in partly}
    hashed = hash_model(supply.root, whole, known, progress).files
    return tuple(sorted((*partly, *hashed), key=lambda entry: entry.path))


@dataclass(frozen=True)
class _Work:
    """What the threads share: `guesses` says how long the last header of each kind of file was."""

    supply: Supply
    allowance: Allowance
    recorded: Mapping[str, Sequence[SourceDigest]]
    guesses: dict[str, int]

    def entry(self, path: str, size_bytes: int, extent: Extent) -> FileEntry | None:
        """The entry of a file that was read in part, None for one that is now there whole."""
        if extent is Extent.NOTHING:
            return self._partly(path, size_bytes, _unread("it is long, no text, and holds no tensors"))
        if extent is Extent.WHOLE:
            if not self.allowance.take(size_bytes):
                return self._partly(path, size_bytes, _unread(used_up(self.allowance)))
            self.supply.bring_whole(path, size_bytes)
            return None
        return self._read_head(path, size_bytes, extent)

    def _read_head(self, path: str, size_bytes: int, extent: Extent) -> FileEntry | None:
        kind = PurePosixPath(path).suffix
        first_bytes = self.guesses.get(kind, FIRST_BYTES)
        with self.supply.on_demand(path, size_bytes, self.allowance, first_bytes) as file:
            reason = "only its header was read" if extent is Extent.HEADER else "only its beginning was read"
            try:
                with file.open() as stream:
                    if extent is Extent.HEADER:
                        read_header(stream, path, size_bytes)
                    else:
                        read_beginning(stream)
            except PartlyReadError as error:
                reason = str(error)
            # The shards of one model have headers of much the same length.
            steps = -(-file.furthest // _GUESS_STEP)
            self.guesses[kind] = min(max(steps, 1) * _GUESS_STEP, _LONGEST_GUESS)
            parts = None if file.is_whole else file.parts(reason)
        return self._partly(path, size_bytes, parts) if parts else None

    def _partly(self, path: str, size_bytes: int, parts: Parts) -> FileEntry:
        digest = next(iter(self.recorded.get(path, ())), None)
        return FileEntry(path, size_bytes, "", source_digest=digest, parts=parts)


def _unread(reason: str) -> Parts:
    return Parts((), _NOTHING, reason)
