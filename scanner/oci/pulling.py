"""Pulls an artefact from a registry into the cache, or takes what an earlier pull left there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.manifest import Snapshot
from scanner.oci.assembly import Artefact, assemble
from scanner.oci.kept import folder_of, keep, kept
from scanner.oci.manifests import Descriptor, Manifest, chosen, digest_of, is_digest, read_manifest
from scanner.oci.registry import Registry
from scanner.references import ModelRef
from scanner.remote.client import Client, Patience
from scanner.source import FetchOptions, SourceError

_MOST_NESTING: Final = 3


@dataclass(frozen=True)
class Repository:
    """Where an artefact lies.

    Attributes:
        host: Registry, with its port.
        name: Repository in it.
        tag: Tag or digest.
    """

    host: str
    name: str
    tag: str

    @property
    def shown(self) -> str:
        """As container tools write it."""
        return f"{self.host}/{self.name}{'@' if is_digest(self.tag) else ':'}{self.tag}"


@dataclass(frozen=True)
class RemoteBlobs:
    """Blobs of a registry.

    Attributes:
        registry: Where they come from; None in offline mode.
    """

    registry: Registry | None

    @property
    def is_remote(self) -> bool:
        """Always: bytes are copied."""
        return True

    def place(self, blob: Descriptor, target: Path, on_bytes: Callable[[int], None]) -> bool:
        """Fetches the blob to `target`; False in offline mode."""
        if self.registry is None:
            return False
        self.registry.fetch(blob, target, on_bytes)
        return True


def pull(
    ref: ModelRef, repository: Repository, folder: Path, options: FetchOptions, patience: Patience
) -> Snapshot:
    """The snapshot of an artefact that is fetched below `folder`.

    Raises:
        SourceError: when it is not there, access is refused, the choice is not clear, or it is no model.
    """
    own = folder_of(folder, repository.host, repository.name)
    facts: tuple[tuple[str, str], ...] = (
        ("registry", repository.host),
        ("repository", repository.name),
        ("requested_revision", repository.tag),
    )
    if options.offline:
        manifest, digest = _resolved(repository, lambda reference: kept(own, reference, repository.shown))
        facts += (("resolved_from_cache", f"{repository.tag} was {digest} when it was last fetched"),)
        return assemble(ref, Artefact(manifest, digest, facts), RemoteBlobs(None), own / digest[7:], options)
    with Client(options.access, patience) as client:
        registry = Registry(client, repository.host, repository.name, options.access)

        def ask(reference: str) -> bytes:
            data = registry.manifest(reference)
            keep(own, reference, data)
            return data

        manifest, digest = _resolved(repository, ask)
        return assemble(
            ref, Artefact(manifest, digest, facts), RemoteBlobs(registry), own / digest[7:], options
        )


def _resolved(repository: Repository, ask: Callable[[str], bytes]) -> tuple[Manifest, str]:
    """The manifest that is meant and its digest, through indexes."""
    reference = repository.tag
    for _ in range(_MOST_NESTING):
        data = ask(reference)
        manifest = read_manifest(data, repository.shown, reference if is_digest(reference) else "")
        if not manifest.is_index:
            return manifest, digest_of(data)
        hint = f"name one of them: oci://{repository.host}/{repository.name}@sha256:..."
        reference = chosen(manifest, "", repository.shown, hint).digest
    raise SourceError(
        f"{repository.shown}: indexes within indexes, {_MOST_NESTING} deep", hint="pull by digest"
    )
