"""Models packed as OCI artefacts in an image layout on disk: CNCF ModelPack, KitOps, Docker's, oras'.

`oci-layout:FOLDER` takes the only manifest of the layout, `oci-layout:FOLDER@tag` or `@sha256:...` one of
several. A plain folder that is a layout is read by this source as well.

Facts it puts into `Snapshot.source`: "layout", "manifest_digest", "artifact_type", "annotation_*",
"left_out".
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import ClassVar

from scanner.manifest import Snapshot
from scanner.oci.assembly import Artefact, assemble
from scanner.oci.layout import is_layout, layout_blobs, layout_manifest
from scanner.references import ModelRef
from scanner.source import FetchOptions, Source, SourceError


class LayoutSource(Source):
    """Reads a layout on this machine; single files are linked into the cache, archives unpacked there."""

    scheme: ClassVar[str] = "oci-layout"
    serves_commits: ClassVar[bool] = True

    def fetch(self, ref: ModelRef, options: FetchOptions) -> Snapshot:
        """The snapshot of one artefact of the layout at `ref.location`.

        Raises:
            SourceError: when it is no layout, the choice is not clear, or it cannot be read or unpacked.
        """
        root = Path(os.path.realpath(ref.location))
        if not is_layout(root):
            raise SourceError(
                f"{ref.location}: no OCI image layout: expected the files oci-layout and index.json in it",
                hint="name the folder that holds them, or oci://registry/repository:tag",
            )
        manifest, digest = layout_manifest(root, ref.revision or "")
        # By its place as well: links to blobs must not be taken for those of another layout.
        name = f"{digest[7:23]}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:8]}"
        artefact = Artefact(manifest, digest, (("layout", str(root)),))
        return assemble(ref, artefact, layout_blobs(root), options.cache / "oci-layout" / name, options)


SOURCE = LayoutSource()
