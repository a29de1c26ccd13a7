"""Models in a local folder: Hugging Face layout, a hub cache snapshot, or any folder with weights in it.

Links that lead out of the folder are never followed: they are reported in the snapshot instead. The one
exception is the hub's own cache, whose snapshots are links into the `blobs` folder beside them. A folder
that is an OCI image layout is read as what is packed in it.

Facts it puts into `Snapshot.source`: "link_outside" (path -> target), "link_to_folder", "left_out",
"digest_unreadable", "commit_origin", "commits_mixed".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from scanner.hashing import HashingError, ReadModel, hash_model, require_plain_name
from scanner.inspection.files import read_heads
from scanner.manifest import Snapshot, is_weight_file
from scanner.oci.layout import is_layout
from scanner.path_patterns import is_taken
from scanner.recorded_digests import (
    BLOB_ORIGIN,
    HUB_METADATA_FOLDER,
    RecordedDigests,
    digest_of_etag,
    hub_blob,
    hub_commit,
    listed_but_absent,
    recorded_digests,
)
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError
from scanner.sources.oci_layout import LayoutSource

# Tool folders, not parts of a model; what they hold is counted in the snapshot, not scanned.
_LEFT_OUT: Final = str(HUB_METADATA_FOLDER.parent)
_MODEL_MARKS: Final = ("config.json", "adapter_config.json", "model_index.json")


class DirectorySource(Source):
    """Reads a folder on this machine; nothing is copied."""

    scheme: ClassVar[str] = "directory"

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of the folder `ref.location`.

        Raises:
            SourceError: when it does not exist, is empty, holds no model, or has unreadable files.
        """
        return self._snapshot(ref, options, hash_model)

    def inspect(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The same with weight files read no further than their headers.

        Raises:
            SourceError: as in `fetch`.
        """
        if is_layout(_existing_folder(ref.location)):
            return LayoutSource().inspect(ref, options)
        return self._snapshot(ref, options, read_heads)

    def _snapshot(self, ref: ModelRef, options: FetchOptions, read: ReadModel) -> Snapshot:
        root = _existing_folder(ref.location)
        if is_layout(root):
            return LayoutSource().fetch(ref, options)
        _refuse_cache(root)
        listing = _Listing(root)
        try:
            listing.walk()
            _require_model(root, listing)
            recorded = recorded_digests(root, listing.files)
            for path, blob in listing.blobs.items():
                if digest := digest_of_etag(blob, BLOB_ORIGIN):
                    recorded.add(path, digest)
            taken = [path for path in listing.files if is_taken(path, options.allow, options.ignore)]
            hashed = read(root, taken, recorded.digests, options.progress)
        except HashingError as error:
            raise SourceError(str(error), hint=error.hint) from error
        absent = {*listing.broken, *listed_but_absent(recorded, listing.files)}
        missing = sorted(path for path in absent if is_taken(path, options.allow, options.ignore))
        commit, facts = _commit_of(root, recorded)
        facts += [("left_out", path) for path in sorted(set(listing.files).difference(taken))]
        facts += listing.facts + [("digest_unreadable", problem) for problem in recorded.unreadable]
        return Snapshot(
            ref, commit, str(root), hashed.files, tuple(missing), tuple(facts), hashed.tensors, hashed.weights
        )


@dataclass
class _Listing:
    """What a folder holds, told apart without opening anything."""

    root: Path
    files: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)
    facts: list[tuple[str, str]] = field(default_factory=list)

    def walk(self) -> None:
        for folder, subfolders, names in os.walk(self.root, onerror=_refuse):
            subfolders.sort()
            for name in list(subfolders):
                if self._skips_folder(Path(folder, name)):
                    subfolders.remove(name)
            for name in sorted(names):
                self._add(Path(folder, name))

    def _skips_folder(self, path: Path) -> bool:
        shown = self._shown(path)
        if path.is_symlink():
            kind = "link_to_folder" if self._is_inside(path) else "link_outside"
            self.facts.append((kind, f"{shown} -> {os.path.realpath(path)}"))
            return True
        if path.name == ".git" or shown == _LEFT_OUT:
            self.facts.append(("left_out", f"{shown}/ ({_file_count(path)} files)"))
            return True
        return False

    def _add(self, path: Path) -> None:
        shown = self._shown(path)
        if path.is_symlink() and not path.exists():
            self.broken.append(shown)
        elif path.is_symlink() and (blob := hub_blob(path)):
            self.blobs[shown] = blob
            self.files.append(shown)
        elif path.is_symlink() and not self._is_inside(path):
            self.facts.append(("link_outside", f"{shown} -> {os.path.realpath(path)}"))
        elif not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"{path}: not a regular file", hint="move it out of the model's folder")
        else:
            self.files.append(shown)

    def _shown(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        require_plain_name(name)
        return name

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)


def _existing_folder(location: str) -> Path:
    # realpath, so that a root reached through a link compares with the targets of links inside it.
    root = Path(os.path.realpath(location))
    if not root.exists():
        raise SourceError(
            f"{location}: no such folder",
            hint="name an existing folder, a .gguf file, hf://org/name or demo",
        )
    if not root.is_dir():
        raise SourceError(
            f"{location}: a file that is not GGUF",
            hint="name the folder that the file is in, so that its config and licence are scanned with it",
        )
    return root


def _require_model(root: Path, listing: _Listing) -> None:
    names = [
        *listing.files,
        *listing.broken,
        *(value for key, value in listing.facts if key == "link_outside"),
    ]
    if not names:
        raise SourceError(f"{root}: the folder is empty", hint="fetch the model first")
    if any(is_weight_file(path) for path in (*listing.files, *listing.broken)):
        return
    if any(path in _MODEL_MARKS for path in listing.files):
        return
    raise SourceError(
        f"{root}: not a model: neither weights nor config.json among its {len(names)} files",
        hint="name the folder that holds the weights",
    )


def _refuse_cache(root: Path) -> None:
    """A hub cache, or one repository in it, holds several models or commits and every file twice."""
    if any((root / mark).is_file() for mark in _MODEL_MARKS):
        return
    inside = [root] if root.name.startswith("models--") else root.glob("models--*")
    commits = sorted(commit for repository in inside for commit in repository.glob("snapshots/*"))
    if commits:
        raise SourceError(
            f"{root}: a hub cache with {len(commits)} commits, not one model",
            hint=f"name the folder of one commit, such as {_current(commits)}",
        )


def _current(commits: Sequence[Path]) -> Path:
    """The first of these snapshots that the main branch points to, else the first."""
    mains = (commit.parent.parent / "refs" / "main" for commit in commits)
    pairs = zip(commits, mains, strict=True)
    return next(
        (each for each, main in pairs if main.is_file() and main.read_bytes() == each.name.encode()),
        commits[0],
    )


def _commit_of(root: Path, recorded: RecordedDigests) -> tuple[str | None, list[tuple[str, str]]]:
    """The commit that the folder says it is of, and who says so; nobody has proven it."""
    if len(recorded.commits) == 1:
        return next(iter(recorded.commits)), [("commit_origin", "hub download metadata in the folder")]
    if recorded.commits:
        return None, [("commits_mixed", ", ".join(sorted(recorded.commits)))]
    if commit := hub_commit(root):
        return commit, [("commit_origin", "name of the folder in the hub cache")]
    return None, []


def _refuse(error: OSError) -> None:
    raise SourceError(
        f"{error.filename}: {error.strerror or error}",
        hint="make every folder of the model readable; what cannot be read cannot be judged",
    )


def _file_count(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


SOURCE = DirectorySource()
