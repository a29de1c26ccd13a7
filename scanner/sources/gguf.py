"""Models in one GGUF file, with the other parts of it when it is split.

Files beside it are not part of the model; of them only recorded digests (SHA256SUMS, `*.sha256`, hub
download metadata) are read, to hold our own against.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from scanner.hashing import HashingError, ReadModel, hash_model
from scanner.inspection.files import read_heads
from scanner.manifest import Snapshot
from scanner.recorded_digests import BLOB_ORIGIN, digest_of_etag, hub_blob, hub_commit, recorded_digests
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError
from scanner.tensorfiles.gguf_header import MAGIC
from scanner.tensorfiles.shard_names import shard_names


class GgufSource(Source):
    """Reads one GGUF file on this machine; nothing is copied."""

    scheme: ClassVar[str] = "gguf"

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of the file `ref.location`.

        Raises:
            SourceError: when it does not exist, cannot be read, or is not GGUF.
        """
        return self._snapshot(ref, options, hash_model)

    def inspect(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The same with its files read no further than their headers.

        Raises:
            SourceError: as in `fetch`.
        """
        return self._snapshot(ref, options, read_heads)

    def _snapshot(self, ref: ModelRef, options: FetchOptions, read: ReadModel) -> Snapshot:
        path = Path(os.path.abspath(ref.location))
        _require_gguf(path, ref.location)
        names = shard_names(path.name)
        present = [name for name in names if (path.parent / name).is_file()]
        recorded = recorded_digests(path.parent, _sums_beside(path.parent))
        folder = Path(os.path.realpath(path.parent))
        for name in present:
            if digest := digest_of_etag(hub_blob(folder / name), BLOB_ORIGIN):
                recorded.add(name, digest)
        digests = {name: recorded.digests[name] for name in present if name in recorded.digests}
        try:
            hashed = read(path.parent, present, digests, options.progress)
        except HashingError as error:
            raise SourceError(str(error), hint=error.hint) from error
        missing = tuple(name for name in names if name not in present)
        facts = [("digest_unreadable", problem) for problem in recorded.unreadable]
        if path.is_symlink():
            facts.append(("link_named", f"{path.name} -> {os.path.realpath(path)}"))
        commit = hub_commit(folder)
        if commit:
            facts.append(("commit_origin", "name of the folder in the hub cache"))
        return Snapshot(
            ref, commit, str(path.parent), hashed.files, missing, tuple(facts), hashed.tensors, hashed.weights
        )


def _require_gguf(path: Path, shown: str) -> None:
    if not path.exists():
        raise SourceError(f"{shown}: no such file", hint="name an existing .gguf file")
    if not path.is_file():
        raise SourceError(f"{shown}: not a regular file", hint="name a .gguf file")
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(MAGIC))
    except OSError as error:
        raise SourceError(f"{shown}: {error.strerror or error}", hint="make the file readable") from error
    if magic != MAGIC:
        raise SourceError(
            f"{shown}: starts with {magic!r}, a GGUF file starts with {MAGIC!r}",
            hint="fetch the file again; a large-file pointer or an error page may have been saved instead",
        )


def _sums_beside(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
    except OSError:  # a folder that may be entered and not listed: the file itself is still readable
        return []


SOURCE = GgufSource()
