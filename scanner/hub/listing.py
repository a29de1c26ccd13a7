"""What a hub repository holds at one commit, kept beside the fetched files so that offline scans know it.

>>> import tempfile, pathlib
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> keep_listing(folder, "main", HubListing("org/name", "0" * 40, ()))
>>> kept_listing(folder, "org/name", None).commit[:4]
'0000'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, Self
from urllib.parse import quote

from scanner.errors import InvalidValueError
from scanner.recorded_digests import digest_of_etag
from scanner.records import decode, encode_pretty
from scanner.source import SourceError

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


class _LargeFile(Protocol):
    sha256: str


class _TreeEntry(Protocol):
    """A file as the hub's client describes it (RepoFile)."""

    path: str
    size: int
    blob_id: str

    @property
    def lfs(self) -> _LargeFile | None: ...


@dataclass(frozen=True)
class HubFile:
    """One file of the tree.

    Attributes:
        path: Path in the repository.
        size_bytes: As the hub says.
        algorithm: "sha256" for large files, "git-sha1" for others, "" when the hub gives no digest.
        digest: Hex digits, or "".
    """

    path: str
    size_bytes: int
    algorithm: str
    digest: str

    @classmethod
    def of(cls, entry: _TreeEntry) -> Self:
        """The file that a tree entry describes.

        Raises:
            SourceError: when its path would lie outside the folder it is fetched into.
        """
        path = PurePosixPath(entry.path)
        leads_out = path.is_absolute() or ".." in path.parts or "\\" in entry.path
        if leads_out or str(path) != entry.path or not entry.path.isprintable():
            raise SourceError(
                f"the hub lists a file {entry.path!a}, which would lie outside the model's folder",
                hint="do not use this repository or mirror; report it to its operator",
            )
        named = digest_of_etag(entry.lfs.sha256 if entry.lfs else entry.blob_id, "")
        return cls(entry.path, entry.size, named.algorithm if named else "", named.value if named else "")


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
        if not _COMMIT.fullmatch(self.commit):
            raise InvalidValueError(f"{self.repository}: '{self.commit}' is not a commit of 40 hex digits")


def keep_listing(folder: Path, revision: str | None, listing: HubListing) -> None:
    """Keeps the listing in `folder`, and that `revision` (None: main) is now its commit.

    Raises:
        SourceError: when the folder cannot be written.
    """
    try:
        (folder / "revisions").mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{listing.commit}.json", encode_pretty(listing))
        _replace(_revision_file(folder, revision), listing.commit.encode())
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
        if not _COMMIT.fullmatch(commit):
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


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)
