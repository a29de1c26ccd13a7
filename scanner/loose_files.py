"""Files as they lie on this machine, made into a snapshot without being a model: no source, no store.

What cannot be opened, or must not be, is told beside the snapshot: links that lead out of what was named,
pipes and devices, names that no report could show.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.errors import ScanError
from scanner.hashing import HashingError, hash_file, require_plain_name
from scanner.manifest import FileEntry, Snapshot
from scanner.progress import Progress
from scanner.recorded_digests import HUB_METADATA_FOLDER, hub_blob
from scanner.references import ModelRef

# Folders of tools, not parts of a model.
_GIT: Final = (".git",)
_HUB_METADATA: Final = HUB_METADATA_FOLDER.parent.parts
_THREADS: Final = 2


class LooseFilesError(ScanError):
    """There is nothing to look at."""


@dataclass(frozen=True)
class Refused:
    """Something that was not opened.

    Attributes:
        path: Below the root, safe to print.
        rule: A code: "link-outside", "link-broken", "not-a-file", "name", "unreadable".
        reason: Why, a clause.
    """

    path: str
    rule: str
    reason: str


@dataclass(frozen=True)
class LooseFiles:
    """What was named.

    Attributes:
        snapshot: The files that can be read, hashed; its root is the folder that holds all of them.
        refused: What was not opened, sorted by path.
        left_out: Folders of tools that were not looked into, below the root.
    """

    snapshot: Snapshot
    refused: tuple[Refused, ...]
    left_out: tuple[str, ...]


def loose_files(paths: Sequence[Path], progress: Progress) -> LooseFiles:
    """The files and folders named, with everything below the folders; links to folders are not followed.

    Raises:
        LooseFilesError: when one does not exist, or none holds a file.
    """
    roots = [_existing(path) for path in paths]
    root = roots[0] if len(roots) == 1 and roots[0].is_dir() else _common_folder(roots)
    listing = _Listing(root)
    for each in roots:
        listing.add(each)
    if not listing.files and not listing.refused:
        raise LooseFilesError(
            f"{', '.join(map(str, paths))}: no files", hint="name files, or a folder that has some"
        )
    entries = _hashed(root, listing, progress)
    snapshot = Snapshot(ModelRef.parse(str(root)), None, str(root), tuple(entries))
    refused = sorted(listing.refused.values(), key=lambda each: each.path)
    return LooseFiles(snapshot, tuple(refused), tuple(sorted(set(listing.left_out))))


def _existing(path: Path) -> Path:
    """Where the path leads; one that the user named may be a link."""
    real = Path(os.path.realpath(path))
    if not real.exists():
        raise LooseFilesError(f"{path}: no such file or folder", hint="name existing files or folders")
    return real


def _common_folder(roots: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([root if root.is_dir() else root.parent for root in roots]))


class _Listing:
    """What lies below the roots, told apart without opening anything."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: set[str] = set()
        self.refused: dict[str, Refused] = {}
        self.left_out: list[str] = []

    def add(self, named: Path) -> None:
        """A file, or a folder with everything below it."""
        if not named.is_dir():
            self._file(named, named.parent)
            return
        for folder, subfolders, names in os.walk(named, onerror=self._unlisted):
            subfolders[:] = sorted(each for each in subfolders if self._enters(Path(folder, each), named))
            for name in sorted(names):
                self._file(Path(folder, name), named)

    def _enters(self, path: Path, named: Path) -> bool:
        if path.is_symlink():
            if not _is_inside(path, named):
                self.refuse(path, "link-outside", f"a link to a folder elsewhere, {os.path.realpath(path)}")
            return False  # what it leads to inside is looked at where it lies
        is_left_out = path.parts[-1:] == _GIT or path.parts[-2:] == _HUB_METADATA
        if is_left_out:
            self.left_out.append(_shown(self._below(path)))
        return not is_left_out

    def _file(self, path: Path, named: Path) -> None:
        below = self._below(path)
        try:
            require_plain_name(below)
            status = os.stat(path)
        except HashingError:
            self.refuse(path, "name", "its name holds control characters, or bytes that are no text")
            return
        except OSError as error:
            rule = "link-broken" if path.is_symlink() else "unreadable"
            self.refuse(path, rule, error.strerror or str(error))
            return
        if path.is_symlink() and not _is_inside(path, named) and not hub_blob(path):
            self.refuse(path, "link-outside", f"a link to a file elsewhere, {os.path.realpath(path)}")
        elif not stat.S_ISREG(status.st_mode):
            self.refuse(path, "not-a-file", "a pipe, a socket or a device, which was not opened")
        else:
            self.files.add(below)

    def refuse(self, path: Path, rule: str, reason: str) -> None:
        """Notes what is not opened; names and targets are escaped where they could not be shown."""
        shown = _shown(self._below(path))
        self.refused[shown] = Refused(shown, rule, _shown(reason))

    def _unlisted(self, error: OSError) -> None:
        self.refuse(Path(error.filename), "unreadable", f"a folder that cannot be listed: {error.strerror}")

    def _below(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _is_inside(link: Path, named: Path) -> bool:
    return Path(os.path.realpath(link)).is_relative_to(named)


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _hashed(root: Path, listing: _Listing, progress: Progress) -> Iterator[FileEntry]:
    ordered = sorted(listing.files)
    with progress.task("Hashing", len(ordered), "files") as task, ThreadPoolExecutor(_THREADS) as threads:
        for below, result in zip(ordered, threads.map(lambda each: _hash(root / each), ordered), strict=True):
            task.advance()
            if isinstance(result, str):
                listing.refuse(root / below, "unreadable", result)
            else:
                yield FileEntry(below, *result)


def _hash(path: Path) -> tuple[int, str] | str:
    """Size and sha256 of a file, or why it cannot be read."""
    try:
        hashes = hash_file(path)
    except HashingError as error:
        return str(error)
    return hashes.size_bytes, hashes.sha256
