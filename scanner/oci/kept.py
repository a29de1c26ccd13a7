"""Manifests that earlier fetches kept, so that offline scans know what a tag was."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from scanner.oci.manifests import MANIFEST_LIMIT_BYTES, AbsentError, digest_of, is_digest
from scanner.source import SourceError
from scanner.whole_files import write_whole


def folder_of(cache: Path, host: str, repository: str) -> Path:
    """Where what comes from one repository is kept."""
    return cache / quote(host, safe="") / quote(repository, safe="")


def keep(folder: Path, reference: str, data: bytes) -> None:
    """Keeps a manifest, and that `reference` (a tag or digest) is now it.

    Raises:
        SourceError: when the folder cannot be written.
    """
    try:
        (folder / "references").mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{digest_of(data)[7:]}.json", data)
        write_whole(_reference_file(folder, reference), digest_of(data).encode())
    except OSError as error:
        raise SourceError(
            f"{folder}: {error.strerror or error}",
            hint="free some disk space or choose another folder with --data-dir",
        ) from error


def kept(folder: Path, reference: str, shown: str) -> bytes:
    """The manifest that `reference` was when it was last fetched.

    Raises:
        SourceError: when none was kept, or it was changed since.
    """
    try:
        digest = reference if is_digest(reference) else _reference_file(folder, reference).read_text().strip()
        path = folder / f"{digest.removeprefix('sha256:')}.json"
        with path.open("rb") as stream:
            data = stream.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise AbsentError(
            f"{shown}: '{reference}' is not in the cache", hint="fetch it once without offline mode"
        ) from error
    if digest_of(data) != digest:
        raise SourceError(
            f"{path}: has digest {digest_of(data)}; expected {digest}",
            hint="remove this folder and fetch the model again",
        )
    return data


def _reference_file(folder: Path, reference: str) -> Path:
    return folder / "references" / quote(reference, safe="")
