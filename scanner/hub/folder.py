"""Where the files of a hub repository lie on this machine; no link in there is ever followed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scanner.hub.listing import HubFile
from scanner.remote.downloads import require_space
from scanner.source import SourceError


@dataclass(frozen=True)
class HubFolder:
    """Where the files of one repository lie.

    Attributes:
        path: The repository's folder: listings, parts, and a folder per commit.
        commit: 40 hex digits.
    """

    path: Path
    commit: str

    @property
    def root(self) -> Path:
        """The folder of the commit's files."""
        return self.path / self.commit

    @property
    def parts(self) -> Path:
        """The folder of files that are not whole yet."""
        return self.path / "parts"

    def part(self, file: HubFile) -> Path:
        """Where the file lies until it is whole; the same for the same bytes at the same path."""
        identity = f"{file.path}\0{file.digest or self.commit}\0{file.size_bytes}"
        return self.parts / f"{hashlib.sha256(identity.encode()).hexdigest()}.part"

    def is_whole(self, file: HubFile) -> bool:
        """Whether a file of the right size lies in its place; its bytes are hashed in any case.

        Raises:
            SourceError: when a link lies on the way to it, or in its place.
        """
        status = plain_status(self.root, file.path)
        return status is not None and status.st_size == file.size_bytes

    def prepare(self) -> None:
        """Makes the folders.

        Raises:
            SourceError: when they cannot be made, or a link lies in their place.
        """
        for each in (self.path, self.parts, self.root):
            if each.is_symlink():
                raise _in_the_way(each, "is a link")
            try:
                each.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SourceError(
                    f"{each}: {error.strerror or error}", hint="choose another folder with --data-dir"
                ) from error

    @property
    def ignores_case(self) -> bool:
        """Whether letter case counts for nothing on the disk of this folder, which `prepare` has made."""
        other = self.path.with_name(self.path.name.swapcase())
        return other.exists() and other.samefile(self.path)

    def require_space(self, files: Sequence[HubFile]) -> None:
        """Refuses to begin what the disk cannot hold.

        Raises:
            SourceError: when what is missing of `files` is more than what is free.
        """
        needed_bytes = sum(file.size_bytes - self._part_bytes(file) for file in files)
        require_space(self.root, needed_bytes)

    def _part_bytes(self, file: HubFile) -> int:
        try:
            return min(self.part(file).lstat().st_size, file.size_bytes)
        except OSError:
            return 0


def plain_status(root: Path, path: str) -> os.stat_result | None:
    """What lies at `path` below `root`, None when nothing does.

    Raises:
        SourceError: when a link lies on the way or there, or something that is no regular file.
    """
    place = root
    status = None
    for name in ("", *path.split("/")):
        if status is not None and not stat.S_ISDIR(status.st_mode):
            raise _in_the_way(place, "is no folder")
        place = place / name
        try:
            status = place.lstat()
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(status.st_mode):
            raise _in_the_way(place, "is a link")
    if status is None or not stat.S_ISREG(status.st_mode):
        raise _in_the_way(place, "is no regular file")
    return status


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits until nobody else fetches into `folder`, then keeps others waiting."""
    from filelock import FileLock

    with FileLock(folder / "fetching.lock"):
        yield


@contextlib.contextmanager
def opened_part(part: Path) -> Iterator[BinaryIO]:
    """The file of a part, made when it is not there; what is written goes to its end.

    Raises:
        SourceError: when a link lies in its place, or it cannot be opened.
    """
    # O_NOFOLLOW and O_BINARY exist on some systems only, and the other systems need them not.
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    if part.is_symlink():
        raise _in_the_way(part, "is a link")
    try:
        stream = open(os.open(part, flags, 0o666), "ab+", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise SourceError(f"{part}: {error.strerror or error}", hint="remove it and fetch again") from error
    with stream:
        yield stream


def emptied(stream: BinaryIO) -> None:
    """Takes everything out of a part."""
    stream.truncate(0)
    stream.seek(0)


def _in_the_way(place: Path, problem: str) -> SourceError:
    return SourceError(
        f"{place}: {problem}, and the fetched model would lie elsewhere",
        hint="find out who put it there; remove it and fetch again",
    )
