"""OCI image layouts on disk: `oci-layout`, `index.json`, and blobs under their digests.

Source: OCI Image Format Specification 1.1, image-layout.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.oci.manifests import MANIFEST_LIMIT_BYTES, Descriptor, Manifest, chosen, digest_of, read_manifest
from scanner.source import SourceError

_MARK: Final = "oci-layout"
_MOST_NESTING: Final = 3


def is_layout(folder: Path) -> bool:
    """Whether this folder is an OCI image layout."""
    return (folder / _MARK).is_file() and (folder / "index.json").is_file()


@dataclass(frozen=True)
class LinkedBlobs:
    """Blobs that lie in a folder under their digests; they are linked to where they are wanted.

    Attributes:
        folder: Absolute path of the folder.
        separator: Between "sha256" and the digits: "/" in layouts, "-" in Ollama's store.
    """

    folder: Path
    separator: str

    @property
    def is_remote(self) -> bool:
        """Never: nothing is copied."""
        return False

    def path(self, digest: str) -> Path:
        """Where the blob with this digest lies."""
        return self.folder / digest.replace(":", self.separator, 1)

    def place(self, blob: Descriptor, target: Path, on_bytes: Callable[[int], None]) -> bool:
        """Links the blob to `target`; False when there is no such blob.

        Raises:
            SourceError: when it is itself a link to elsewhere, or cannot be linked.
        """
        source = self.path(blob.digest)
        if not source.is_file():
            return False
        # A layout comes from somebody else: its links must not have other files of this machine read.
        if not Path(os.path.realpath(source)).is_relative_to(os.path.realpath(self.folder)):
            raise SourceError(
                f"{source}: a link that leads out of {self.folder}", hint="replace it by the blob itself"
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(source)
        except OSError as error:
            raise SourceError(
                f"{target}: {error.strerror or error}", hint="choose another folder with --data-dir"
            ) from error
        return True


def layout_blobs(root: Path) -> LinkedBlobs:
    """The blobs of a layout."""
    return LinkedBlobs(root.absolute() / "blobs", "/")


def layout_manifest(root: Path, wanted: str) -> tuple[Manifest, str]:
    """The manifest in a layout with this tag or digest, or its only one; and its digest.

    Raises:
        SourceError: when there is none or more than one, or it is not the bytes that the index names.
    """
    hint = f"name one of them: oci-layout:{root}@tag, or @sha256:..."
    current = read_manifest(_read(root / "index.json"), f"{root}/index.json")
    for _ in range(_MOST_NESTING):
        entry = chosen(current, wanted, f"{root}", hint)
        data = _read(layout_blobs(root).path(entry.digest))
        current = read_manifest(data, f"{root}, manifest {entry.digest}", entry.digest)
        if not current.is_index:
            return current, digest_of(data)
        wanted = ""
    raise SourceError(f"{root}: indexes within indexes, {_MOST_NESTING} deep", hint=hint)


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():  # a named pipe would wait for ever
            raise SourceError(f"{path}: no such file", hint="copy the layout again, completely")
        with path.open("rb") as stream:
            return stream.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", hint="make the layout readable") from error
