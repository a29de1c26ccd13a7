"""Finds digests that others recorded beside a local model: hub download metadata, SHA256SUMS, blob names.

A record in the folder only shows that the bytes are still those of the day it was written: whoever can
change the weights can usually change the record as well. The origin travels with each digest for that.

>>> import tempfile, pathlib
>>> root = pathlib.Path(tempfile.mkdtemp())
>>> _ = (root / "SHA256SUMS").write_text(f"{'0123' * 16}  a.json")
>>> recorded_digests(root, ["SHA256SUMS"]).digests["a.json"][0].origin
'SHA256SUMS'
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from scanner.manifest import SourceDigest

BLOB_ORIGIN: Final = "name of the blob in the hub cache"
HUB_METADATA_FOLDER: Final = PurePosixPath(".cache/huggingface/download")
_SUM_NAMES: Final = frozenset(
    {"sha256sums", "sha256sums.txt", "sha256sum", "sha256sum.txt", "checksums.txt", "checksum.txt"}
)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SHA1: Final = re.compile(r"[0-9a-f]{40}")
# Coreutils' and BSD's way of writing a line; "*" marks a file that was read as binary.
_GNU_LINE: Final = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")
_BSD_LINE: Final = re.compile(r"SHA256 ?\((.+)\) ?= ?([0-9a-fA-F]{64})")
_BARE_LINE: Final = re.compile(r"[0-9a-fA-F]{64}")
_LIMIT_BYTES: Final = 4 * 1024**2


@dataclass
class RecordedDigests:
    """What is on record for the files of one folder.

    Attributes:
        digests: By path inside the folder, every digest on record.
        commits: The commits that hub download metadata names; more than one means a mixed folder.
        unreadable: Records that could not be read, one sentence each.
    """

    digests: dict[str, list[SourceDigest]] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)

    def add(self, path: str, digest: SourceDigest) -> None:
        """Puts one digest on record."""
        self.digests.setdefault(path, []).append(digest)


def recorded_digests(root: Path, paths: Iterable[str]) -> RecordedDigests:
    """The digests recorded inside `root`, among them those in the listed files `paths`."""
    recorded = RecordedDigests()
    _read_hub_metadata(root, recorded)
    for path in sorted(paths):
        name = PurePosixPath(path).name.lower()
        if name in _SUM_NAMES or name.endswith((".sha256", ".sha256sum")):
            _read_sums(root, path, recorded)
    return recorded


def hub_blob(link: Path) -> str:
    """The name of the blob that `link` leads to when it lies in a snapshot of a hub cache, else "".

    Such a snapshot is `models--org--name/snapshots/<commit>`, and its files are links to `blobs` beside it.
    """
    target = Path(os.path.realpath(link))
    for folder in link.parents:
        repository = folder.parent.parent
        if folder.parent.name == "snapshots" and repository.name.startswith("models--"):
            return target.name if target.parent == repository / "blobs" else ""
    return ""


def hub_commit(folder: Path) -> str | None:
    """The commit whose snapshot in a hub cache `folder` is, or lies in, by name; else None."""
    for each in (folder, *folder.parents):
        if each.parent.name == "snapshots" and _SHA1.fullmatch(each.name):
            return each.name
    return None


def digest_of_etag(etag: str, origin: str) -> SourceDigest | None:
    """The digest that a hub ETag or blob name is: sha256 of large files, git's id of others; else None."""
    if _SHA256.fullmatch(etag):
        return SourceDigest("sha256", etag, origin)
    if _SHA1.fullmatch(etag):
        return SourceDigest("git-sha1", etag, origin)
    return None


def _read_hub_metadata(root: Path, recorded: RecordedDigests) -> None:
    """Reads what huggingface_hub leaves beside each file of a `local_dir`: commit, ETag, time.

    Source: huggingface_hub 2.4.0, _local_folder.py, read_download_metadata.
    """
    folder = root / HUB_METADATA_FOLDER
    for file in sorted(folder.rglob("*.metadata")):
        path = file.relative_to(folder).as_posix().removesuffix(".metadata")
        lines = _lines(file, f"{HUB_METADATA_FOLDER}/{path}.metadata", recorded)
        if not lines:
            continue
        origin = f"hub download metadata, commit {lines[0][:12]}"
        digest = digest_of_etag(lines[1].strip('"'), origin) if len(lines) >= 2 else None
        if digest is None or not _SHA1.fullmatch(lines[0]):
            recorded.unreadable.append(f"{path}: its hub download metadata holds no commit and digest")
            continue
        recorded.commits.add(lines[0])
        recorded.add(path, digest)


def _read_sums(root: Path, path: str, recorded: RecordedDigests) -> None:
    for number, line in enumerate(_lines(root / path, path, recorded), start=1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        named = _named_digest(line, PurePosixPath(path).name)
        target = None if named is None else _inside(PurePosixPath(path).parent, named[0])
        if named is None or target is None:
            recorded.unreadable.append(f"{path}, line {number}: not a sha256 and a path inside the folder")
        else:
            recorded.add(target, SourceDigest("sha256", named[1].lower(), path))


def _named_digest(line: str, sums_name: str) -> tuple[str, str] | None:
    """The file name and hex digest in one line; a bare digest in `x.sha256` is that of `x`."""
    text = line.strip().removeprefix("\\")
    if match := _GNU_LINE.fullmatch(text):
        return match[2], match[1]
    if match := _BSD_LINE.fullmatch(text):
        return match[1], match[2]
    if _BARE_LINE.fullmatch(text) and sums_name.lower().endswith(".sha256"):
        return sums_name[: -len(".sha256")], text
    return None


def _inside(folder: PurePosixPath, name: str) -> str | None:
    """`name` as a path inside the snapshot, None when it leads out of it."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or not name.isprintable():
        return None
    return (folder / PurePosixPath(*parts)).as_posix()


def _lines(file: Path, shown: str, recorded: RecordedDigests) -> Sequence[str]:
    if not file.is_file():  # a named pipe would wait for ever
        recorded.unreadable.append(f"{shown}: not a regular file")
        return ()
    try:
        with file.open("rb") as stream:
            data = stream.read(_LIMIT_BYTES + 1)
        if len(data) > _LIMIT_BYTES:
            recorded.unreadable.append(f"{shown}: longer than {_LIMIT_BYTES} bytes")
            return ()
        return data.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        recorded.unreadable.append(f"{shown}: {error}")
        return ()


def listed_but_absent(recorded: RecordedDigests, present: Iterable[str]) -> Iterator[str]:
    """Paths that have a digest on record and no file, sorted."""
    yield from sorted(set(recorded.digests) - set(present))
