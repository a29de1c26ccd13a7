"""Content-addressed evidence: bytes named by their sha256, so that nobody needs to trust us.

>>> import tempfile
>>> store = EvidenceStore(tempfile.mkdtemp())
>>> ref = store.put(b"raw tool output", "text/plain", "example")
>>> store.get(ref.sha256)
b'raw tool output'
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import ScanError


@dataclass(frozen=True)
class EvidenceRef:
    """Where a statement leads back to.

    Attributes:
        sha256: Digest of the bytes, 64 hex digits; also the file's name in the store.
        media_type: For instance "application/x-ndjson" (transcripts) or "text/plain".
        size_bytes: Length of the bytes.
        title: What it is, for people: "transcript of alignment-deflection".
    """

    sha256: str
    media_type: str
    size_bytes: int
    title: str


class EvidenceError(ScanError):
    """Evidence is missing, was changed, or cannot be written."""

    stops_midway = True


class EvidenceStore:
    """A folder `ab/abcdef...` of immutable files, each named by its own sha256."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def path(self, sha256: str) -> Path:
        """Where the bytes of this digest lie, whether or not they exist yet."""
        return self.root / sha256[:2] / sha256

    def put(self, data: bytes, media_type: str, title: str) -> EvidenceRef:
        """Keeps `data` durably (write, fsync, rename) and returns the pointer to it.

        Raises:
            EvidenceError: when the folder cannot be written, for instance on a full disk.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        if not target.exists():
            self._write(target, data)
        return EvidenceRef(sha256, media_type, len(data), title)

    def get(self, sha256: str) -> bytes:
        """The bytes of this digest, checked against it.

        Raises:
            EvidenceError: when they are missing or no longer have this digest.
        """
        try:
            data = self.path(sha256).read_bytes()
        except OSError as error:
            raise EvidenceError(
                f"evidence {sha256[:12]} is not in {self.root}",
                hint="restore the evidence folder from a backup, or scan again",
            ) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise EvidenceError(
                f"evidence {sha256[:12]} in {self.root} was changed after it was recorded",
                hint="treat every statement that points to it as unproven",
            )
        return data

    def _write(self, target: Path, data: bytes) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(temporary, target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise EvidenceError(
                f"evidence folder {self.root}: {error.strerror or error}",
                hint="free some disk space or choose another data folder with --data-dir",
            ) from error


class UnkeptEvidence(EvidenceStore):
    """Names evidence by its digest and keeps nothing: for answers of which no report is made."""

    def __init__(self) -> None:
        super().__init__(os.devnull)

    def put(self, data: bytes, media_type: str, title: str) -> EvidenceRef:
        """The pointer that a store would return."""
        return EvidenceRef(hashlib.sha256(data).hexdigest(), media_type, len(data), title)
