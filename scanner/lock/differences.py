"""What of a model is not what its lock says: another commit; changed, missing and extra files.

>>> list(Kind)[0].value
'commit'
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from scanner.lock.model_lock import LockedFile, ModelLock, pin_of
from scanner.manifest import FileEntry, Snapshot


class Kind(enum.Enum):
    """How a model differs from its lock; UNREAD: only parts of a file were read, so nobody knows."""

    COMMIT = "commit"
    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"
    UNREAD = "unread"


@dataclass(frozen=True)
class Difference:
    """One way in which a model is not what its lock says.

    Attributes:
        kind: Which way.
        path: The file it is about, "" for the commit.
        text: What is so, and what the lock says.
    """

    kind: Kind
    path: str
    text: str


def differences(lock: ModelLock, snapshot: Snapshot) -> tuple[Difference, ...]:
    """Everything that differs, the commit first, then file by file.

    A folder that names no commit is held against the files alone.
    """
    return (*_commits(lock, snapshot), *sorted(_files(lock, snapshot), key=lambda each: each.path))


def same_tensors(lock: ModelLock, snapshot: Snapshot) -> bool:
    """Whether the weights are those of the lock tensor by tensor, whatever files they lie in.

    Weight files whose tensors could not be told apart prove nothing, so with one of them it is not shown.
    """
    old, new = lock.tensors, snapshot.tensors
    if old is None or new is None or not old.is_whole or not new.is_whole:
        return False
    return (old.algorithm, old.digest) == (new.algorithm, new.digest)


def _commits(lock: ModelLock, snapshot: Snapshot) -> Iterator[Difference]:
    pin = pin_of(snapshot)
    if lock.commit and pin and lock.commit != pin:
        text = f"the {'commit' if snapshot.commit else 'manifest'} is {pin}, and {lock.commit} in the lock"
        yield Difference(Kind.COMMIT, "", text)


def _files(lock: ModelLock, snapshot: Snapshot) -> Iterator[Difference]:
    locked = {file.path: file for file in lock.files}
    present = {entry.path: entry for entry in snapshot.files}
    for path in locked.keys() - present.keys():
        yield Difference(Kind.MISSING, path, f"{path}: in the lock and not there")
    for path in present.keys() - locked.keys():
        yield Difference(Kind.EXTRA, path, f"{path}: there and not in the lock")
    for path in locked.keys() & present.keys():
        entry = present[path]
        if entry.is_whole:
            text = _change(locked[path], entry)
        elif not (text := _change_of_unread(locked[path], entry)):
            yield Difference(Kind.UNREAD, path, f"{path}: only parts of it were read")
        if text:
            yield Difference(Kind.CHANGED, path, f"{path}: {text}")


def _change(locked: LockedFile, entry: FileEntry) -> str:
    if locked.sha256 == entry.sha256:
        # Equal bytes have one size; another one in the lock was written there by hand, or by a bad merge.
        return _size_change(locked, entry)
    is_same = locked.tensor_digest != "" and locked.tensor_digest == entry.tensor_digest
    same = "; its tensors are the same" if is_same else ""
    return f"sha256 is {entry.sha256}, and {locked.sha256} in the lock{same}"


def _size_change(locked: LockedFile, entry: FileEntry) -> str:
    if locked.size_bytes == entry.size_bytes:
        return ""
    return f"has {entry.size_bytes:,} bytes, and {locked.size_bytes:,} in the lock"


def _change_of_unread(locked: LockedFile, entry: FileEntry) -> str:
    """What contradicts the lock without the bytes: the size, or what the source has on record."""
    if text := _size_change(locked, entry):
        return text
    recorded = entry.source_digest
    if recorded is None:
        return ""
    known = locked.git_sha1 if recorded.algorithm == "git-sha1" else locked.sha256
    if known in ("", recorded.value):
        return ""
    return f"{recorded.algorithm} on record is {recorded.value}, and {known} in the lock"
