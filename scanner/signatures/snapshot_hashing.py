"""Lets OpenSSF's verification use the digests that the snapshot has already, instead of reading all again.

The library takes any subclass of its hashing configuration. Signatures over whole files by sha256, which
is its default, need no second reading. Those over shards or by BLAKE are hashed by the library from the
files of the snapshot: those digests cannot be derived from ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final

from model_signing import hashing
from model_signing._hashing.hashing import Digest
from model_signing.manifest import FileManifestItem, Manifest, SerializationType

from scanner.manifest import FileEntry, Snapshot
from scanner.signatures.bundle import Bundle

# As the library: what belongs to git, not to the model. A file that was signed counts all the same.
GIT_PATHS: Final = (".git", ".gitattributes", ".github", ".gitignore")


class SnapshotHashing(hashing.Config):
    """Digests of a snapshot, as far as a signature is over its files.

    Attributes:
        actual: What was hashed; None until the library asks, which it does once the signature is genuine.
    """

    def __init__(self, snapshot: Snapshot, bundle: Bundle, not_signed: Iterable[str]) -> None:
        """For one bundle.

        Args:
            snapshot: The files.
            bundle: What the signature claims; says how files are hashed.
            not_signed: Files that are signatures themselves and so cannot be signed by this one.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._snapshot = snapshot
        self._signed_paths = bundle.signed_paths
        self._method = bundle.method
        self._not_signed = frozenset(not_signed)
        files = [entry.path for entry in snapshot.files if entry.path not in self._not_signed]
        # A model of one file was signed as that file, and then the library calls it ".".
        self._only = files[0] if self._signed_paths == {"."} and len(files) == 1 else ""
        self.add_ignored_paths(model_path=snapshot.root, paths=bundle.method.get("ignore_paths", ()))
        self.actual: Manifest | None = None

    def included(self) -> list[FileEntry]:
        """The files that the signature should be over: every signed one, every other that is not ignored."""
        return [
            entry
            for entry in self._snapshot.files
            if self.is_signed(entry.path) or not self.is_ignored(entry.path)
        ]

    def is_signed(self, path: str) -> bool:
        """Whether the signature says that it is over this file."""
        return path in self._signed_paths or (path == self._only and path != "")

    def by_path(self, pieces: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        """The same with the only file of a model by its name."""
        return {self._only or path: found for path, found in pieces.items()}

    def is_ignored(self, path: str) -> bool:
        """Whether signatures pass over this file: git's own, signatures, and what this one names itself."""
        folders = [*GIT_PATHS, *map(str, self._ignored_paths)]
        pure = PurePosixPath(path)
        return path in self._not_signed or any(pure.is_relative_to(folder) for folder in folders)

    def hash(
        self, model_path: hashing.PathLike, *, files_to_hash: Iterable[hashing.PathLike] | None = None
    ) -> Manifest:
        """The digests of the files that should be signed; the arguments are the library's."""
        if self._method["method"] == "files" and self._method["hash_type"] == "sha256":
            self.actual = self._from_snapshot()
        else:
            self.actual = self._from_files()
        return self.actual

    def _from_snapshot(self) -> Manifest:
        kind = SerializationType.from_args({"method": "files", "hash_type": "sha256", "allow_symlinks": True})
        items = [
            FileManifestItem(path=PurePosixPath("." if self._only else entry.path), digest=_digest(entry))
            for entry in self.included()
        ]
        return Manifest("snapshot", items, kind)

    def _from_files(self) -> Manifest:
        # NOTE: the library writes "blake2b" and reads "blake2" (model_signing 1.1.1).
        algorithm = {"blake2b": "blake2"}.get(self._method["hash_type"], self._method["hash_type"])
        method: dict[str, Any] = {"hashing_algorithm": algorithm, "allow_symlinks": True}
        plain = hashing.Config()  # type: ignore[no-untyped-call]
        plain.set_ignored_paths(paths=[], ignore_git_paths=False)
        plain.set_allow_symlinks(True)
        if self._method["method"] == "shards":
            plain.use_shard_serialization(shard_size=self._method["shard_size"], **method)
        else:
            plain.use_file_serialization(**method)
        root = Path(self._snapshot.root)
        if self._only:
            return plain.hash(root / self._only)
        return plain.hash(root, files_to_hash=[root / entry.path for entry in self.included()])


def _digest(entry: FileEntry) -> Digest:
    return Digest("sha256", bytes.fromhex(entry.sha256))
