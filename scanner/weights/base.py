"""Finds the model that another one was made from: named by the user, or declared and already fetched.

Nothing is fetched here: what is declared by the model under test decides no request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.errors import NotAvailableError, ScanError
from scanner.manifest import FileEntry, Snapshot
from scanner.origins.reading import OriginReading
from scanner.records import decode
from scanner.references import ModelRef

SNAPSHOT_SETTING: Final = "base.snapshot"
MODELS_SETTING: Final = "base.models"
_SNAPSHOT_LIMIT_BYTES: Final = 64 * 1024**2
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_FILES_LIMIT: Final = 10_000
# What stands for a digest of files that were fetched, and hashed, earlier; nothing is held against it.
_EARLIER: Final = "0" * 64


@dataclass(frozen=True)
class Base:
    """A model that another one is compared with.

    Attributes:
        snapshot: Its files.
        name: What it is called: a reference, or the name that was declared.
        is_declared: Whether the model under test itself names it.
        found: How it came to be compared, a clause.
    """

    snapshot: Snapshot
    name: str
    is_declared: bool
    found: str


def find_base(settings: Mapping[str, str], reading: OriginReading) -> Base:
    """The base to compare with.

    Raises:
        NotAvailableError: when none was named, and none is declared or here.
    """
    declared = [link.name for link in reading.chain().bases]
    if path := settings.get(SNAPSHOT_SETTING):
        kept = _kept(Path(path))
        name = kept.ref.text
        is_declared = any(each.casefold() in name.casefold() for each in declared)
        return Base(kept, name, is_declared, "named with --base")
    if not declared:
        raise NotAvailableError("no base is declared and none was named", hint="name it with --base MODEL")
    folder = settings.get(MODELS_SETTING)
    for name in declared if folder else ():
        snapshot = _fetched(Path(str(folder)) / "hub" / name.replace("/", "--"), name)
        if snapshot is not None:
            return Base(snapshot, name, True, f"declared, and fetched earlier at {str(snapshot.commit)[:12]}")
    raise NotAvailableError(
        f"the declared base {declared[0]} is not on this machine", hint="name it with --base MODEL"
    )


def _kept(path: Path) -> Snapshot:
    try:
        with path.open("rb") as stream:
            return decode(stream.read(_SNAPSHOT_LIMIT_BYTES), Snapshot)
    except (OSError, ScanError) as error:
        raise NotAvailableError(
            f"{path}: what was kept of the base cannot be read ({error})", hint="name it with --base again"
        ) from error


def _fetched(folder: Path, name: str) -> Snapshot | None:
    """The files of the commit that was fetched last, None when there is none."""
    try:
        commits = [
            each for each in folder.iterdir() if _COMMIT.fullmatch(each.name) and not each.is_symlink()
        ]
    except OSError:
        return None
    for commit in sorted(commits, key=lambda each: each.stat().st_mtime, reverse=True):
        files = tuple(sorted(_files(commit), key=lambda entry: entry.path))
        if files:
            return Snapshot(ModelRef.parse(f"hf://{name}"), commit.name, str(commit.resolve()), files)
    return None


def _files(root: Path) -> Iterator[FileEntry]:
    for number, path in enumerate(root.rglob("*")):
        if number >= _FILES_LIMIT:
            return
        if path.is_file() and not path.is_symlink():
            yield FileEntry(path.relative_to(root).as_posix(), path.stat().st_size, _EARLIER)
