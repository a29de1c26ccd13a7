"""Models of Ollama: in its store on this machine, or in its registry.

`ollama://name[:tag]` and `ollama://namespace/name[:tag]` are looked for in the store first, then asked of
registry.ollama.ai; `ollama://registry/namespace/name:tag` is asked of that registry, and looked for in the
store only in offline mode. Layers are shown under the names they are known by: model.gguf, mmproj.gguf,
adapter.gguf, template, system, params.json, LICENSE.

Facts it puts into `Snapshot.source`: "store" or "registry" and "repository", "requested_revision",
"manifest_digest", "resolved_from_cache", "left_out".

Source: Ollama, types/model/name.go, manifest/paths.go and manifest/manifest.go, server/images.go.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Final

from scanner.manifest import Snapshot
from scanner.oci.assembly import Artefact, assemble
from scanner.oci.layout import LinkedBlobs
from scanner.oci.manifests import MANIFEST_LIMIT_BYTES, AbsentError, digest_of, read_manifest
from scanner.oci.pulling import Repository, pull
from scanner.references import ModelRef
from scanner.remote.client import Patience
from scanner.source import FetchOptions, Source, SourceError

_REGISTRY: Final = "registry.ollama.ai"
_NAMESPACE: Final = "library"
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")
_FOLDERS: Final = ("manifests-v2", "manifests")
_EXAMPLE: Final = "write ollama://name:tag or ollama://registry/namespace/name:tag"


class OllamaSource(Source):
    """Links layers of the store into the cache, or fetches them there."""

    scheme: ClassVar[str] = "ollama"

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of one model.

        Raises:
            SourceError: when it is in neither store nor registry, or cannot be read.
        """
        repository = _repository(ref)
        store = options.access.ollama_store
        # Who names the registry wants what it gives out now, not what was pulled from it some day.
        may_be_stored = options.offline or ref.location.count("/") < 2
        path = _stored(store, repository) if store is not None and may_be_stored else None
        if store is not None and path is not None:
            return _from_store(ref, repository, store.absolute(), path, options)
        try:
            return pull(ref, repository, options.cache / "ollama", options, self._patience)
        except AbsentError as error:
            where = f"; it is not in the store {store} either" if store is not None else ""
            raise SourceError(
                f"{error}{where}",
                hint="check name and tag, run `ollama pull`, or set OLLAMA_MODELS to the folder of the store",
            ) from error


def _repository(ref: ModelRef) -> Repository:
    parts = ref.location.split("/")
    host, *named = (*(_REGISTRY, _NAMESPACE)[: max(0, 3 - len(parts))], *parts)
    names = [*named, ref.revision or "latest"]
    is_sound = len(names) == 3 and all(_PART.fullmatch(name) for name in names)
    if not is_sound or not _HOST.fullmatch(host) or any(".." in name for name in (host, *names)):
        raise SourceError(f"{ref.text}: not a name that Ollama uses", hint=_EXAMPLE)
    return Repository(host, f"{names[0]}/{names[1]}", names[2])


def _stored(store: Path, repository: Repository) -> Path | None:
    """The manifest of this model in the store, None when the store lacks it.

    Raises:
        SourceError: when the store cannot be looked into.
    """
    paths = (store / folder / repository.host / repository.name / repository.tag for folder in _FOLDERS)
    try:
        return next((path for path in paths if path.is_file()), None)
    except OSError as error:
        raise _unreadable(store, error) from error


def _from_store(
    ref: ModelRef, repository: Repository, store: Path, path: Path, options: FetchOptions
) -> Snapshot:
    try:
        with path.open("rb") as stream:
            data = stream.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    manifest, digest = read_manifest(data, str(path)), digest_of(data)
    if manifest.is_index:
        raise SourceError(
            f"{path}: a list of manifests for several engines, of which Ollama takes one by machine",
            hint="scan the .gguf file itself: its path is among the blobs of the store",
        )
    facts = (("store", str(store)), ("repository", repository.shown), ("requested_revision", repository.tag))
    folder = options.cache / "ollama-store" / digest[7:]
    blobs = LinkedBlobs(store / "blobs", "-")
    return assemble(ref, Artefact(manifest, digest, facts), blobs, folder, options)


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"{path}: {error.strerror or error}", hint="make Ollama's store readable")


SOURCE = OllamaSource()
