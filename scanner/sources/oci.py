"""Models packed as OCI artefacts in a registry: CNCF ModelPack, KitOps, Docker's and oras' artefacts.

`oci://registry/repository:tag` or `oci://registry/repository@sha256:...`. The manifest is held against the
digest it was asked for by or that the registry gives it, each layer against the manifest. Registries are
asked by https, on this machine and for hosts the user allows by http.

Two libraries were looked at and are not used. oras-py (0.2.43) does not hold blobs against their digests,
does not take up partial ones, sets no limits, and reads Docker's stored passwords by itself;
modelpack-client (0.1.0) holds them against their digests, and is young and built on the former.

Facts it puts into `Snapshot.source`: "registry", "repository", "requested_revision", "manifest_digest",
"artifact_type", "annotation_*", "resolved_from_cache", "left_out".
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from scanner.manifest import Snapshot
from scanner.oci.pulling import Repository, pull
from scanner.references import ModelRef
from scanner.remote.client import Patience
from scanner.source import FetchOptions, Source, SourceError

# Source: OCI Distribution Specification 1.1, "Pulling manifests"; hosts as URLs have them.
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")
_NAME: Final = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64}")
_EXAMPLE: Final = "write oci://registry/repository:tag or oci://registry/repository@sha256:..."


class RegistrySource(Source):
    """Fetches artefacts into `cache/oci/<registry>/<repository>` and takes up where it was stopped."""

    scheme: ClassVar[str] = "oci"
    serves_commits: ClassVar[bool] = True

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of one artefact; in offline mode, of what an earlier fetch left in the cache.

        Raises:
            SourceError: when it is not there, access is refused, the choice is not clear, or it is no model.
        """
        host, _, name = ref.location.partition("/")
        repository = Repository(host, name, ref.revision or "latest")
        for part, pattern, what in (
            (host, _HOST, "registry"), (name, _NAME, "repository"), (repository.tag, _TAG, "tag or digest"),
        ):  # fmt: skip
            if not pattern.fullmatch(part):
                raise SourceError(f"{ref.text}: '{part}' is not a {what}", hint=_EXAMPLE)
        return pull(ref, repository, options.cache / "oci", options, self._patience)


SOURCE = RegistrySource()
