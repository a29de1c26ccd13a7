"""What a lock says: one commit, every file with its digests, and what patterns left out.

>>> from scanner.manifest import FileEntry
>>> entry = FileEntry("config.json", 2, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
>>> snapshot = Snapshot(ModelRef.parse("hf://org/name@main"), "0" * 40, "/models/name", (entry,))
>>> lock = lock_of(snapshot, fetched_on=datetime.date(2026, 1, 2), tool="Weighbridge 0.1")
>>> (lock.reference, lock.requested_revision, lock.digest == snapshot.digest)
('hf://org/name@main', 'main', True)
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from msgspec import Meta

from scanner.errors import InvalidValueError, ScanError
from scanner.manifest import FileEntry, Snapshot, TensorIdentity
from scanner.records import digest
from scanner.references import ModelRef

SchemaId = Literal["weighbridge.model-lock/1"]
SCHEMA_ID: SchemaId = "weighbridge.model-lock/1"
# Check and rule of the finding that what was scanned is what the lock names.
HELD: Final = ("integrity-mismatch", "LOCK")

_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="sha256, in hex digits.")]
_GitSha1 = Annotated[str, Meta(pattern="^([0-9a-f]{40})?$", description="git's id of the file, or nothing.")]
_Path = Annotated[str, Meta(min_length=1, description="Path in the model, with forward slashes.")]
_Size = Annotated[int, Meta(ge=0, description="Size in bytes.")]

# User and password before a host. In other schemes a name may stand there, and its revision behind the @.
_USER: Final = re.compile(
    r"^(?:(https?://)[^/?#]*@|([a-z][a-z0-9+.-]*://)[^/?#]*@(?=[^/?#]+/))", re.IGNORECASE
)


class LockError(ScanError):
    """A lock cannot be read, cannot be written, or is not for the model that was named."""


@dataclass(frozen=True)
class LockedFile:
    """One file of a locked model.

    Attributes:
        path: Path in the model.
        size_bytes: Size.
        sha256: Computed here over every byte.
        git_sha1: Computed here where the source recorded one, else "".
        recorded_by: Who else has the digest on record, and which kind; "" when only we know it.
        tensor_digest: Of the file's tensors, whatever container they lie in; "" for files that hold none.
    """

    path: _Path
    size_bytes: _Size
    sha256: _Sha256
    git_sha1: _GitSha1 = ""
    recorded_by: str = ""
    tensor_digest: str = ""


@dataclass(frozen=True)
class ModelLock:
    """The bytes of one model on one day. It holds no token, and no password of a mirror.

    Attributes:
        schema: Id and major version of this shape.
        reference: What was asked for.
        scheme: The kind of source.
        requested_revision: Branch, tag or commit that was asked for, null where the source has none.
        commit: What that was at the time: a commit, or the digest of an artefact's manifest; null for sources
            that have neither.
        endpoint: Hub or mirror that was asked, "" for sources without one.
        digest: sha256 over the sorted listing "sha256  path" of all files.
        tensors: Identity of the weights whatever their files, null when no file holds weights.
        allow: Patterns of the paths that were taken; none means all.
        ignore: Patterns of the paths that were left out.
        left_out: Paths of the source that are not in the lock because of these.
        fetched_on: Day, UTC.
        tool: What made the lock.
        files: Every file, sorted by path.
    """

    schema: SchemaId
    reference: str
    scheme: str
    requested_revision: str | None
    commit: str | None
    endpoint: str
    digest: _Sha256
    tensors: TensorIdentity | None
    allow: tuple[str, ...]
    ignore: tuple[str, ...]
    left_out: tuple[str, ...]
    fetched_on: datetime.date
    tool: str
    files: tuple[LockedFile, ...]

    def __post_init__(self) -> None:
        paths = [file.path for file in self.files]
        if not paths:
            raise InvalidValueError("files: is empty; a lock names at least one")
        for earlier, later in zip(paths, paths[1:], strict=False):
            if earlier >= later:
                raise InvalidValueError(
                    f"files: '{later}' stands after '{earlier}'; each once, sorted by path"
                )
        if (listed := _digest_of(self.files)) != self.digest:
            raise InvalidValueError(f"digest: is {self.digest}, and its list of files gives {listed}")
        if (scheme := self.ref.scheme) != self.scheme:
            raise InvalidValueError(f"scheme: is '{self.scheme}', and '{self.reference}' is of '{scheme}'")

    @property
    def ref(self) -> ModelRef:
        """What was asked for, as a reference."""
        return ModelRef.parse(self.reference)

    @property
    def sha256(self) -> str:
        """The digest of the lock itself, in canonical form: white space in its file does not count."""
        return digest(self)

    def is_for(self, ref: ModelRef) -> bool:
        """Whether `ref` names the same model, at whatever revision."""
        named = ModelRef.parse(without_secrets(ref.text))
        return (self.ref.scheme, _place(self.ref)) == (named.scheme, _place(named))

    def says_the_same_as(self, other: ModelLock) -> bool:
        """Whether both name the same bytes in the same way; when and through which mirror is no matter."""
        alike = replace(other, endpoint=self.endpoint, fetched_on=self.fetched_on, tool=self.tool)
        return alike == self


def lock_of(
    snapshot: Snapshot,
    *,
    allow: Sequence[str] = (),
    ignore: Sequence[str] = (),
    fetched_on: datetime.date,
    tool: str,
) -> ModelLock:
    """The lock of a snapshot; where the files lie on this machine is not in it.

    Raises:
        LockError: when the snapshot is not complete, was not read whole, or differs from what its source has
            on record: whoever demanded such a lock later would demand the wrong bytes.
    """
    _require_sound(snapshot)
    facts = dict(snapshot.source)
    left_out = tuple(sorted(value for key, value in snapshot.source if key == "left_out"))
    return ModelLock(
        schema=SCHEMA_ID,
        reference=without_secrets(snapshot.ref.text),
        scheme=snapshot.ref.scheme,
        requested_revision=facts.get("requested_revision", snapshot.ref.revision),
        commit=pin_of(snapshot),
        endpoint=without_secrets(facts.get("endpoint", "")),
        digest=snapshot.digest,
        tensors=snapshot.tensors,
        allow=tuple(allow),
        ignore=tuple(ignore),
        left_out=left_out if allow or ignore or "subset" in facts else (),
        fetched_on=fetched_on,
        tool=tool,
        files=tuple(
            _locked(entry, pin_of(snapshot)) for entry in sorted(snapshot.files, key=lambda each: each.path)
        ),
    )


def pin_of(snapshot: Snapshot) -> str | None:
    """The name under which a source has exactly these bytes: a commit, or the digest of a manifest."""
    return snapshot.commit or dict(snapshot.source).get("manifest_digest")


def recorded_by(entry: FileEntry, commit: str | None) -> str:
    """Who else has the digest of a file on record, and which kind; "" when only we know it.

    The commit is not named: a lock names it once, or every file would differ in every new lock.
    """
    recorded = entry.source_digest
    if recorded is None:
        return ""
    origin = recorded.origin
    if commit:
        origin = origin.replace(commit, "the commit").replace(commit[:12], "the commit")
    return f"{origin} ({recorded.algorithm})"


def without_secrets(address: str) -> str:
    """An address without the user and password that it may hold.

    >>> without_secrets("https://me:secret@mirror.example/org/model.gguf")
    'https://mirror.example/org/model.gguf'
    >>> without_secrets("hf://org/name@main")
    'hf://org/name@main'
    """
    return _USER.sub(r"\1\2", address)


def _place(ref: ModelRef) -> str:
    return ref.location if "://" in ref.text else os.path.realpath(ref.location)


def _require_sound(snapshot: Snapshot) -> None:
    differing = [entry.path for entry in snapshot.files if entry.matches_source is False]
    problems = {
        "files that are not the bytes on record": differing,
        "files on record that are not there": list(snapshot.missing),
        "files of which only parts were read": [each.path for each in snapshot.files if not each.is_whole],
    }
    for problem, paths in problems.items():
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            raise LockError(
                f"{snapshot.ref.text}: {problem}: {paths[0]}{more}; no lock is made of it",
                hint="fetch it again without a proxy or mirror; if it stays, tell whoever runs the source",
            )


def _locked(entry: FileEntry, commit: str | None) -> LockedFile:
    return LockedFile(
        entry.path,
        entry.size_bytes,
        entry.sha256,
        entry.git_sha1 or "",
        recorded_by(entry, commit),
        entry.tensor_digest or "",
    )


def _digest_of(files: Sequence[LockedFile]) -> str:
    entries = tuple(FileEntry(file.path, file.size_bytes, file.sha256) for file in files)
    return Snapshot(ModelRef("", "", ""), None, "", entries).digest
