"""What a hub repository holds at one commit, kept beside the fetched files so that offline scans know it.

>>> import tempfile, pathlib
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> keep_listing(folder, "main", HubListing("org/name", "0" * 40, ()))
>>> kept_listing(folder, "org/name", None).commit[:4]
'0000'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, Self
from urllib.parse import quote

from scanner.errors import InvalidValueError
from scanner.file_names import leads_out, too_long
from scanner.recorded_digests import digest_of_etag
from scanner.records import decode, encode_pretty
from scanner.source import SourceError
from scanner.whole_files import write_whole

COMMIT: Final = re.compile(r"[0-9a-f]{40}")
# 1 PiB: a thousand times the largest repository known.
_MOST_BYTES: Final = 1024**5


class _LargeFile(Protocol):
    size: int
    sha256: str


class _TreeEntry(Protocol):
    """A file as the hub's client describes it (RepoFile); the hub may have put anything in its fields."""

    path: str
    size: int
    blob_id: str
    xet_hash: str | None

    @property
    def lfs(self) -> _LargeFile | None: ...


@dataclass(frozen=True)
class HubFile:
    """One file of the tree.

    Attributes:
        path: Path in the repository; never one that leads out of the folder it is put into.
        size_bytes: As the hub says.
        algorithm: "sha256" for large files, "git-sha1" for others, "" when the hub gives no digest.
        digest: Hex digits, or "".
        is_xet: Whether the hub offers the file through Xet as well.
    """

    path: str
    size_bytes: int
    algorithm: str
    digest: str
    is_xet: bool = False

    def __post_init__(self) -> None:
        if leads_out(self.path):
            raise InvalidValueError(f"a file {self.path[:200]!a}, which would lie outside the model's folder")
        if too_long(self.path):
            raise InvalidValueError(f"a file {self.path[:60]!a}..., whose name is too long for any disk")
        if not 0 <= self.size_bytes <= _MOST_BYTES:
            raise InvalidValueError(f"{self.path!a} with a size that no file can have")

    @classmethod
    def of(cls, entry: _TreeEntry) -> Self:
        """The file that a tree entry describes.

        Raises:
            InvalidValueError: when its path leads out, no file can have its size, or its sizes differ.
            TypeError: when a field is not of its type.
        """
        etag = entry.lfs.sha256 if entry.lfs else entry.blob_id
        for value, kind in ((entry.path, str), (entry.size, int), (etag, str)):
            if not isinstance(value, kind) or isinstance(value, bool):
                raise TypeError(f"{type(value).__name__} where {kind.__name__} is due")
        if entry.lfs and entry.lfs.size != entry.size:
            raise InvalidValueError(f"{entry.path[:200]!a} with two sizes")
        named = digest_of_etag(etag, "")
        digest = (named.algorithm, named.value) if named else ("", "")
        return cls(entry.path, entry.size, *digest, is_xet=bool(entry.xet_hash))


def require_sound_tree(files: Iterable[HubFile]) -> None:
    """Refuses trees that no folder can hold.

    Raises:
        InvalidValueError: when a path is listed twice, or is a file and a folder at once.
    """
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise InvalidValueError(f"{file.path!a} twice")
        seen.add(file.path)
    for path in sorted(seen):
        for parent in PurePosixPath(path).parents:
            if str(parent) in seen:
                raise InvalidValueError(f"{str(parent)!a} as a file and as the folder of {path!a}")


@dataclass(frozen=True)
class HubListing:
    """A repository at one commit.

    Attributes:
        repository: "org/name".
        commit: 40 hex digits.
        files: Sorted by path.
        facts: What the hub told besides, as in `Snapshot.source`.
    """

    repository: str
    commit: str
    files: tuple[HubFile, ...]
    facts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not COMMIT.fullmatch(self.commit):
            raise InvalidValueError(f"{self.repository}: '{self.commit}' is not a commit of 40 hex digits")


def keep_listing(folder: Path, revision: str | None, listing: HubListing) -> None:
    """Keeps the listing in `folder`, and that `revision` (None: main) is now its commit.

    Raises:
        SourceError: when the folder cannot be written.
    """
    try:
        (folder / "revisions").mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{listing.commit}.json", encode_pretty(listing))
        write_whole(_revision_file(folder, revision), listing.commit.encode())
    except OSError as error:
        raise SourceError(
            f"{folder}: {error.strerror or error}",
            hint="free some disk space or choose another folder with --data-dir",
        ) from error


def kept_listing(folder: Path, repository: str, revision: str | None) -> HubListing:
    """The listing that an earlier fetch of this revision of `repository` kept in `folder`.

    Raises:
        SourceError: when there is none, or it was damaged.
    """
    try:
        commit = revision or ""
        if not COMMIT.fullmatch(commit):
            commit = _revision_file(folder, revision).read_text().strip()
        listing = decode((folder / f"{commit}.json").read_bytes(), HubListing)
    except OSError as error:
        raise SourceError(
            f"hf://{repository}: revision '{revision or 'main'}' is not in the cache",
            hint="fetch it once without offline mode, or name the commit that was fetched",
        ) from error
    except InvalidValueError as error:
        raise SourceError(
            f"{folder / commit}.json: {error}", hint="remove this folder and fetch the model again"
        ) from error
    fact = ("resolved_from_cache", f"{revision or 'main'} was {listing.commit} when it was last fetched")
    return replace(listing, facts=(*listing.facts, fact))


def _revision_file(folder: Path, revision: str | None) -> Path:
    return folder / "revisions" / quote(revision or "main", safe="")
