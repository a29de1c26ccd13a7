"""Lays an artefact out as a folder of files and holds every byte against its manifest.

Single-file layers are linked or fetched to their place. Archives are unpacked, and only when the layer has
the digest that the manifest gives it; one that has not stays packed, under `layers/`, for the check
`integrity-mismatch` to name.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from scanner.errors import InvalidValueError
from scanner.hashing import HashedModel, HashingError, hash_file, hash_model
from scanner.manifest import Snapshot, SourceDigest, is_weight_file
from scanner.oci.layers import LayerFile, layer_files
from scanner.oci.manifests import Descriptor, Manifest, annotation_facts
from scanner.oci.unpacking import Unpacked, unpack
from scanner.path_patterns import is_taken
from scanner.records import decode, encode
from scanner.references import ModelRef
from scanner.remote.downloads import require_space
from scanner.remote.failures import one_line
from scanner.remote.names import DistinctNames
from scanner.source import FetchOptions, SourceError

_UNUSABLE: Final = "free some disk space, or remove this folder and fetch the model again"


class Blobs(Protocol):
    """Where the bytes of layers come from."""

    @property
    def is_remote(self) -> bool:
        """Whether `place` copies bytes into the folder; else it links them there."""

    def place(self, blob: Descriptor, target: Path, on_bytes: Callable[[int], None]) -> bool:
        """Has the blob's bytes at `target`; False when they are not to be had."""


@dataclass(frozen=True)
class Artefact:
    """What is laid out.

    Attributes:
        manifest: Its manifest.
        digest: Of the manifest.
        facts: What the source knows besides.
    """

    manifest: Manifest
    digest: str
    facts: tuple[tuple[str, str], ...] = ()


def assemble(
    ref: ModelRef, artefact: Artefact, blobs: Blobs, folder: Path, options: FetchOptions
) -> Snapshot:
    """The snapshot of an artefact, its files laid out below `folder`.

    Raises:
        SourceError: when it holds no model, names files outside, or cannot be fetched or unpacked.
    """
    try:
        return _Assembly(artefact, blobs, folder, options).snapshot(ref)
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: {error.strerror or error}", hint=_UNUSABLE) from error


class _Assembly:
    def __init__(self, artefact: Artefact, blobs: Blobs, folder: Path, options: FetchOptions) -> None:
        self._artefact = artefact
        self._blobs = blobs
        self._folder = folder
        self._options = options
        self._root = folder / "files"
        self._origin = f"manifest {artefact.digest}"
        self._digests: dict[str, SourceDigest] = {}
        self._layers: dict[str, str] = {}
        self._names = DistinctNames()
        self._missing: list[str] = []
        self._left_out: list[str] = []

    def snapshot(self, ref: ModelRef) -> Snapshot:
        plan = layer_files(self._artefact.manifest)
        self._require_model(plan)
        singles = [layer for layer in plan if not layer.packing and self._takes(layer.path)]
        archives = [layer for layer in plan if layer.packing]
        for layer in singles:
            self._names.add(layer.path, layer.shown)
        self._fetch(singles, archives)
        hashed = self._hashed()
        if not hashed.files and not self._left_out:
            raise SourceError(
                f"{ref.text}: none of its {len(plan)} layers is there", hint="fetch it without offline mode"
            )
        kind = self._artefact.manifest.artifact_type
        facts = [
            *self._artefact.facts,
            ("manifest_digest", self._artefact.digest),
            ("artifact_type", one_line(kind) if kind else ""),
            *annotation_facts(self._artefact.manifest.annotations),
            *(("left_out", path) for path in sorted(set(self._left_out))),
        ]
        shown = tuple((key, value) for key, value in facts if value)
        missing = tuple(sorted(self._missing))
        return Snapshot(
            ref, None, str(self._root.resolve()), hashed.files, missing, shown, hashed.tensors, hashed.weights
        )

    def _require_model(self, plan: Iterable[LayerFile]) -> None:
        if not any(layer.packing or is_weight_file(layer.path) for layer in plan):
            kinds = sorted({layer.descriptor.media_type for layer in plan})
            raise SourceError(
                f"{self._origin}: no model: no weights and no archives among its layers "
                f"({one_line(', '.join(kinds)) if kinds else 'none'})",
                hint="name an artefact that holds a model",
            )

    def _takes(self, path: str) -> bool:
        is_wanted = is_taken(path, self._options.allow, self._options.ignore)
        if not is_wanted:
            self._left_out.append(path)
        return is_wanted

    def _fetch(self, singles: list[LayerFile], archives: list[LayerFile]) -> None:
        absent = {each.path: each for each in singles if not self._is_there(each)}
        packed = [each for each in archives if not self._is_unpacked(each)]
        to_copy = (*absent.values(), *packed) if self._blobs.is_remote else ()
        needed = sum(each.descriptor.size for each in to_copy)
        require_space(self._root, needed)
        with self._options.progress.task("Fetching", needed, "bytes") as task:
            for layer in singles:
                task.note(layer.path)
                target = self._root / layer.path
                if layer.path in absent and not self._blobs.place(layer.descriptor, target, task.advance):
                    self._missing.append(layer.path)
                    continue
                self._expect(layer.path, layer.descriptor.hex, layer.shown)
            for layer in archives:
                task.note(layer.shown)
                self._add_archive(layer, task.advance)

    def _is_there(self, layer: LayerFile) -> bool:
        """Whether an earlier fetch left the file; its bytes are hashed in any case."""
        target = self._root / layer.path
        if not self._blobs.is_remote:
            return False
        if self._doubt(layer.descriptor.hex).is_file() and not self._options.offline:
            target.unlink(missing_ok=True)
            self._doubt(layer.descriptor.hex).unlink()
        return target.is_file() and target.stat().st_size == layer.descriptor.size

    def _is_unpacked(self, layer: LayerFile) -> bool:
        """Whether an earlier fetch left what the archive holds; if part of it is gone or changed, not."""
        record = self._record(layer)
        if not record.is_file():
            return False
        files = _recorded(record)
        is_sound = all(
            (self._root / file.path).is_file() and not self._doubt(file.sha256).is_file() for file in files
        )
        if is_sound or self._options.offline:
            return True
        record.unlink()
        for file in files:
            self._doubt(file.sha256).unlink(missing_ok=True)
        return False

    def _add_archive(self, layer: LayerFile, on_bytes: Callable[[int], None]) -> None:
        record = self._record(layer)
        if not record.is_file():
            blob = self._folder / "blobs" / layer.descriptor.hex
            blob.parent.mkdir(parents=True, exist_ok=True)
            if not self._blobs.place(layer.descriptor, blob, on_bytes):
                self._missing.append(layer.path)
                return
            if not self._unpack(blob, layer, record):
                return
        for file in _recorded(record):
            if not self._takes(file.path):
                continue
            if (self._root / file.path).is_file():
                self._expect(file.path, file.sha256, layer.shown)
            else:
                self._missing.append(file.path)

    def _unpack(self, blob: Path, layer: LayerFile, record: Path) -> bool:
        """Unpacks the layer and notes what came out; False when its digest is wrong, and it stays packed."""
        try:
            has_digest = hash_file(blob).sha256 == layer.descriptor.hex
        except HashingError as error:
            raise SourceError(str(error), hint=error.hint) from error
        if not has_digest:
            target = self._root / layer.path
            target.parent.mkdir(parents=True, exist_ok=True)
            blob.replace(target)
            self._expect(layer.path, layer.descriptor.hex, layer.shown)
            return False
        # Beside its place first: one that is refused or interrupted half-way leaves nothing there.
        aside = self._folder / "unpacking"
        shutil.rmtree(aside, ignore_errors=True)
        files = unpack(blob, layer, aside)
        for file in files:
            self._names.add(file.path, layer.shown)
            self._refuse_other(file.path, file.sha256, layer.shown)
            target = self._root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (aside / file.path).replace(target)
        shutil.rmtree(aside, ignore_errors=True)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_bytes(encode(files))
        blob.unlink()
        return True

    def _expect(self, path: str, sha256: str, shown: str) -> None:
        self._refuse_other(path, sha256, shown)
        self._digests[path] = SourceDigest("sha256", sha256, self._origin)
        self._layers[path] = shown

    def _refuse_other(self, path: str, sha256: str, shown: str) -> None:
        """Two layers may hold the same file, and not two files of one name."""
        known = self._digests.get(path)
        if known is not None and known.value != sha256:
            raise SourceError(
                f"{shown}: holds another {path!a} than {self._layers[path]} does",
                hint="which of them is loaded depends on the tool; ask the publisher to pack it anew",
            )

    def _hashed(self) -> HashedModel:
        try:
            digests = {path: [digest] for path, digest in self._digests.items()}
            hashed = hash_model(self._root, self._digests, digests, self._options.progress)
        except HashingError as error:
            raise SourceError(str(error), hint=error.hint) from error
        for entry in hashed.files:
            if entry.matches_source is False and entry.source_digest:
                # Laid out anew by the next fetch, not taken for whole because its length is right.
                doubt = self._doubt(entry.source_digest.value)
                doubt.parent.mkdir(parents=True, exist_ok=True)
                doubt.touch()
        return hashed

    def _record(self, layer: LayerFile) -> Path:
        return self._folder / "unpacked" / f"{layer.descriptor.hex}.json"

    def _doubt(self, digest: str) -> Path:
        return self._folder / "doubtful" / digest


def _recorded(record: Path) -> tuple[Unpacked, ...]:
    try:
        return decode(record.read_bytes(), tuple[Unpacked, ...])
    except (OSError, InvalidValueError) as error:
        raise SourceError(f"{record}: {error}", hint=_UNUSABLE) from error
