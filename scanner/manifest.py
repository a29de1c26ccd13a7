"""What was fetched: every file with its size and digests, under one resolved commit.

>>> entry = FileEntry("config.json", 2, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
>>> Snapshot(ModelRef.parse("demo"), None, "/models/demo", (entry,)).digest[:8]
'f0c39c91'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from scanner.parts import Parts
from scanner.references import ModelRef
from scanner.weight_values import WeightValues

WEIGHT_SUFFIXES = frozenset(
    {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".onnx", ".msgpack", ".npz"}
)


@dataclass(frozen=True)
class SourceDigest:
    """A digest that somebody else recorded for a file, to hold our own against.

    Attributes:
        algorithm: "sha256" or "git-sha1" (the id git gives the file).
        value: Lower-case hex digits.
        origin: Who says so: "hub tree at 0123abc", "SHA256SUMS".
    """

    algorithm: str
    value: str
    origin: str


@dataclass(frozen=True)
class FileEntry:
    """One file of a snapshot.

    Attributes:
        path: Path inside the snapshot, with forward slashes.
        size_bytes: Size on disk.
        sha256: Computed by us over every byte, 64 hex digits; "" when only parts of the file were read.
        git_sha1: Computed by us when a git-sha1 was recorded for the file, else None.
        source_digest: What the source says the file should be, or None when it says nothing.
        tensor_digest: Computed by us over the file's tensors, whatever container they lie in; None for
            files that hold none, or whose tensors could not be told apart.
        parts: What was read of a file that was not read whole, else None.
    """

    path: str
    size_bytes: int
    sha256: str
    git_sha1: str | None = None
    source_digest: SourceDigest | None = None
    tensor_digest: str | None = None
    parts: Parts | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every byte was read; of others, `Snapshot.open` gives what was."""
        return self.sha256 != ""

    @property
    def bytes_read(self) -> int:
        """How many of its bytes were read."""
        if self.is_whole:
            return self.size_bytes
        return self.parts.size_bytes if self.parts else 0

    @property
    def matches_source(self) -> bool | None:
        """Whether our digest equals the source's; None when the source recorded none, or we have none."""
        if self.source_digest is None or not self.is_whole:
            return None
        own = self.sha256 if self.source_digest.algorithm == "sha256" else self.git_sha1
        return own == self.source_digest.value


@dataclass(frozen=True)
class LeftOut:
    """A weight file whose tensors could not be told apart, and why: a clause."""

    path: str
    reason: str


@dataclass(frozen=True)
class TensorIdentity:
    """The weights as such: the same for the same tensors in other shards, containers or file order.

    Attributes:
        algorithm: Name and version of how the digests are made.
        digest: Over names, number formats, shapes and values; lower-case hex digits, "" when no tensor
            could be told apart.
        count: How many tensors went in.
        size_bytes: Size of their values together.
        left_out: Weight files that the digests do not cover.
        values_digest: The same without the names: equal also where another format renames tensors.
    """

    algorithm: str
    digest: str
    count: int
    size_bytes: int
    left_out: tuple[LeftOut, ...] = ()
    values_digest: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every weight file is covered, so that equal digests mean equal weights."""
        return self.digest != "" and not self.left_out


@dataclass(frozen=True)
class Snapshot:
    """The bytes that are scanned.

    Attributes:
        ref: What was asked for.
        commit: 40-hex commit the source resolved the revision to; None for sources without commits.
        root: Absolute path of the local folder that holds the files.
        files: Every file, sorted by path.
        missing: Paths that the source lists and the folder lacks.
        source: What the source told about the model beside its files ("gated": "false").
        tensors: Identity of the weights whatever their files; None when no file holds weights.
        weights: What the numbers in them are like; None when no tensors were read.
    """

    ref: ModelRef
    commit: str | None
    root: str
    files: tuple[FileEntry, ...]
    missing: tuple[str, ...] = ()
    source: tuple[tuple[str, str], ...] = ()
    tensors: TensorIdentity | None = None
    weights: WeightValues | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every byte of every file was read."""
        return all(entry.is_whole for entry in self.files)

    @property
    def digest(self) -> str:
        """sha256 over the sorted (sha256, path) list: the identity of everything scanned."""
        return _digest_of(self.files)

    @property
    def weights_digest(self) -> str:
        """The same over the weight files only; over all files when none is a weight file."""
        weights = tuple(entry for entry in self.files if is_weight_file(entry.path))
        return _digest_of(weights or self.files)

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(entry.size_bytes for entry in self.files)

    @property
    def bytes_read(self) -> int:
        """How many bytes of all files were read."""
        return sum(entry.bytes_read for entry in self.files)

    def local_path(self, path: str) -> Path:
        """Where the file of this snapshot path lies on disk, whole.

        Raises:
            PartlyReadError: when only parts of it were read; `open` gives these.
        """
        if entry := self.partly_read.get(path):
            raise _parts_of(entry).refusal(path)
        return Path(self.root) / path

    def open(self, path: str) -> BinaryIO:
        """The file of this snapshot path, to be read as far as it was read.

        Reading other bytes of a file that was read in part raises a PartlyReadError.

        Raises:
            OSError: when it cannot be opened.
        """
        kept = Path(self.root) / path
        if entry := self.partly_read.get(path):
            return _parts_of(entry).reader(path, entry.size_bytes, lambda: kept.open("rb"))
        return kept.open("rb")

    @cached_property
    def partly_read(self) -> Mapping[str, FileEntry]:
        """The files that were not read whole, by path."""
        return {entry.path: entry for entry in self.files if not entry.is_whole}

    def find(self, path: str) -> FileEntry | None:
        """The entry with this path, or None."""
        return next((entry for entry in self.files if entry.path == path), None)

    def with_suffix(self, *suffixes: str) -> Iterator[FileEntry]:
        """Entries whose name ends in one of `suffixes` (lower case, with the dot)."""
        return (entry for entry in self.files if entry.path.lower().endswith(suffixes))


def is_weight_file(path: str) -> bool:
    """Whether a file of this name holds weights, by its suffix."""
    return PurePosixPath(path).suffix.lower() in WEIGHT_SUFFIXES


def _parts_of(entry: FileEntry) -> Parts:
    return entry.parts or Parts((), hashlib.sha256().hexdigest(), "nothing of it was read")


def _digest_of(files: tuple[FileEntry, ...]) -> str:
    # What stands for a file that was read in part is no digest of it, and is never taken for one.
    listing = "".join(
        f"{entry.sha256 or f'parts {_parts_of(entry).sha256}'}  {entry.path}\n"
        for entry in sorted(files, key=lambda e: e.path)
    )
    return hashlib.sha256(listing.encode()).hexdigest()
