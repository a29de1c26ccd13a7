"""Manifests of OCI artefacts: read within limits, held against the digest they were asked for by.

>>> digest_of(b"{}")[:14]
'sha256:44136fa'

Source: OCI Image Format Specification 1.1, manifest.md, image-index.md and descriptor.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from scanner.errors import InvalidValueError
from scanner.records import decode
from scanner.remote.failures import one_line
from scanner.source import SourceError

# What registries are told to take: OCI Distribution Specification 1.1, "Pushing Manifests".
MANIFEST_LIMIT_BYTES: Final = 4 * 1024**2
_MOST_LAYERS: Final = 20_000
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_INDEX_TYPES: Final = ("index", "manifest.list")
_SHOWN: Final = 6
# Source: OCI Image Format Specification 1.1, annotations.md.
_ANNOTATIONS: Final = (
    "created",
    "authors",
    "url",
    "source",
    "version",
    "revision",
    "vendor",
    "licenses",
    "title",
)

ACCEPTED: Final = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


class AbsentError(SourceError):
    """There is no such model: neither at the source nor, in offline mode, in the cache."""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """One blob or manifest that another manifest names.

    Attributes:
        media_type: What it is.
        digest: "sha256:" and 64 hex digits.
        size: In bytes.
        annotations: Of the layer or manifest.
        artifact_type: Of the manifest it names, "" where not given.
        name: File name; Ollama's own addition.
    """

    media_type: str = ""
    digest: str = ""
    size: int = 0
    annotations: dict[str, str] | None = None
    artifact_type: str = ""
    name: str = ""

    @property
    def hex(self) -> str:
        """The digest without its algorithm."""
        return self.digest.removeprefix("sha256:")

    def note(self, *keys: str) -> str:
        """The first of these annotations that is there, else ""."""
        return next((value for key in keys if (value := (self.annotations or {}).get(key))), "")


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest or an index of manifests, as far as it concerns us.

    Attributes:
        schema_version: 2.
        media_type: "" in manifests that leave it to the registry to say.
        artifact_type: What the artefact is.
        config: Descriptor of the configuration.
        layers: The files.
        manifests: Of an index: what to choose from.
        annotations: Of the artefact.
    """

    schema_version: int = 0
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    annotations: dict[str, str] | None = None

    @property
    def is_index(self) -> bool:
        """Whether it only names other manifests."""
        return any(kind in self.media_type for kind in _INDEX_TYPES) or (
            bool(self.manifests) and not self.layers
        )

    @property
    def blobs(self) -> Iterator[Descriptor]:
        """Configuration and layers."""
        if self.config is not None:
            yield self.config
        yield from self.layers


def digest_of(data: bytes) -> str:
    """The digest by which a registry names these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether `text` is a digest that is understood here."""
    return _DIGEST.fullmatch(text) is not None


def read_manifest(data: bytes, shown: str, wanted: str = "") -> Manifest:
    """The manifest that `data` is.

    Args:
        data: As the registry or layout gave it.
        shown: How to name it in errors.
        wanted: Digest that it must have, "" for any.

    Raises:
        SourceError: when it is too long, has another digest, is no manifest, or is of an old kind.
    """
    if len(data) > MANIFEST_LIMIT_BYTES:
        raise SourceError(
            f"{shown}: a manifest of more than {MANIFEST_LIMIT_BYTES} bytes", hint="check the reference"
        )
    if wanted and digest_of(data) != wanted:
        raise SourceError(
            f"{shown}: the manifest has digest {digest_of(data)}; expected {wanted}",
            hint="do not use this source: it gives out other bytes than were asked for",
        )
    try:
        manifest = decode(data, Manifest)
    except (InvalidValueError, RecursionError) as error:
        raise SourceError(
            f"{shown}: not an OCI manifest ({one_line(error)})",
            hint="check the reference; a proxy may have answered in the registry's place",
        ) from error
    if manifest.schema_version != 2:
        raise SourceError(
            f"{shown}: a manifest of schema version {manifest.schema_version}; expected 2",
            hint="push the model again with a current tool",
        )
    for blob in (*manifest.blobs, *manifest.manifests):
        _require_sound(blob, shown)
    if len(manifest.layers) > _MOST_LAYERS:
        raise SourceError(
            f"{shown}: {len(manifest.layers)} layers; at most {_MOST_LAYERS} are read", hint="check the model"
        )
    return manifest


def chosen(index: Manifest, wanted: str, shown: str, hint: str) -> Descriptor:
    """The manifest of an index that is meant: the one with this tag or digest, or the only one.

    Attestations beside a manifest do not count.

    Raises:
        SourceError: when none or several could be meant.
    """
    offered = [
        each for each in index.manifests if "vnd.docker.reference.type" not in (each.annotations or {})
    ]
    if wanted:
        offered = [each for each in offered if wanted in (each.digest, _tag(each))]
    digests = {each.digest for each in offered}
    if len(digests) == 1:
        return offered[0]
    of_what = f" named '{wanted}'" if wanted else ""
    names = [f"{one_line(_tag(each) or 'no tag')} ({each.digest[:19]})" for each in index.manifests[:_SHOWN]]
    raise SourceError(
        f"{shown}: {len(digests) or 'no'} manifests{of_what}; expected one of: {', '.join(names) or 'none'}",
        hint=hint,
    )


def annotation_facts(annotations: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    """What the artefact says about itself, as facts of the snapshot; claims, all of them."""
    for name in _ANNOTATIONS:
        if value := (annotations or {}).get(f"org.opencontainers.image.{name}"):
            yield f"annotation_{name}", one_line(value)


def _tag(descriptor: Descriptor) -> str:
    return descriptor.note("org.opencontainers.image.ref.name")[:128]


def _require_sound(blob: Descriptor, shown: str) -> None:
    if not is_digest(blob.digest):
        raise SourceError(
            f"{shown}: names a blob by {blob.digest[:100]!a}; expected sha256: and 64 hex digits",
            hint="push the model again with a tool that uses sha256",
        )
    if blob.size < 0:
        raise SourceError(f"{shown}: a blob of {blob.size} bytes", hint="check the reference")
