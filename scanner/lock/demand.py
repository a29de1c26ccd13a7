"""Fetches what a lock names and holds it to that; what differs is told to the checks, and stops nothing here.

Facts it puts into `Snapshot.source`: "lock" (which one), "lock_commit", "lock_extra", "lock_changed"
(path -> how, for files of which only parts were read), "lock_same_tensors". Other changed files and missing
ones need no fact: the lock's digests are on record in the snapshot like any others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from scanner.fetching import fetch, load_sources
from scanner.lock.differences import Difference, Kind, differences, same_tensors
from scanner.lock.model_lock import LockedFile, LockError, ModelLock
from scanner.manifest import FileEntry, Snapshot, SourceDigest
from scanner.references import ModelRef
from scanner.source import FetchOptions


def fetch_locked(
    ref: ModelRef,
    lock: ModelLock,
    options: FetchOptions,
    name: str,
    fetched: Callable[[ModelRef, FetchOptions], Snapshot] = fetch,
) -> Snapshot:
    """The model `ref` at the commit and with the patterns of the lock, held to it.

    Args:
        ref: What was asked for.
        lock: What it must be.
        options: How to fetch; the patterns are those of the lock.
        name: How the lock's file is called.
        fetched: Fetches it whole, or reads parts of it.

    Raises:
        LockError: when the lock is for another model of the same source, or another revision.
        SourceError: when it cannot be fetched; the newest commit is no substitute.
    """
    wanted = pinned(ref, lock, name)
    snapshot = fetched(wanted, replace(options, allow=lock.allow, ignore=lock.ignore))
    return held_to(replace(snapshot, ref=ref), lock, name)


def pinned(ref: ModelRef, lock: ModelLock, name: str) -> ModelRef:
    """`ref` at the commit that the lock names, for sources that serve commits; else `ref` as it is.

    Raises:
        LockError: as `fetch_locked`.
    """
    source = load_sources().get(ref.scheme)
    if source is None or not source.serves_commits or ref.scheme != lock.scheme or lock.commit is None:
        return ref
    if not lock.is_for(ref):
        raise LockError(
            f"{ref.text}: {name} is for {lock.reference}",
            hint="name the lock of this model, or make one: `weighbridge fetch MODEL --lock FILE`",
        )
    if ref.revision not in (None, lock.requested_revision, lock.commit):
        raise LockError(
            f"{ref.text}: {name} is for revision '{lock.requested_revision}', commit {lock.commit}",
            hint="leave the revision out, or update the lock with `weighbridge fetch`",
        )
    return replace(ref, text=f"{ref.scheme}://{ref.location}@{lock.commit}", revision=lock.commit)


def held_to(snapshot: Snapshot, lock: ModelLock, name: str) -> Snapshot:
    """The snapshot with what the lock says on record, and with a fact for each thing that it does not."""
    locked = {file.path: file for file in lock.files}
    found = differences(lock, snapshot)
    missing = {each.path for each in found if each.kind is Kind.MISSING}
    return replace(
        snapshot,
        files=tuple(_on_record(entry, locked.get(entry.path), name) for entry in snapshot.files),
        missing=tuple(sorted({*snapshot.missing, *missing})),
        source=(*_requested(snapshot, lock), *_facts(snapshot, lock, name, found)),
    )


def _on_record(entry: FileEntry, locked: LockedFile | None, name: str) -> FileEntry:
    """The entry with the lock's digest beside ours: where it is contradicted, or nobody else has one."""
    if locked is None or entry.matches_source is False:
        return entry
    if entry.source_digest is not None and locked.sha256 == entry.sha256:
        return entry
    return replace(entry, source_digest=SourceDigest("sha256", locked.sha256, name))


def _requested(snapshot: Snapshot, lock: ModelLock) -> Iterator[tuple[str, str]]:
    """The source's facts, as if asked for by the name that the lock is for: "refs/pr/1" stays flagged."""
    asked = lock.requested_revision or ""
    for key, value in snapshot.source:
        is_pinned = key == "requested_revision" and value == lock.commit
        yield key, asked if is_pinned and asked else value
    is_known = any(key == "unmerged_revision" for key, _ in snapshot.source)
    if asked.startswith(("refs/pr/", "pr/")) and snapshot.commit == lock.commit and not is_known:
        yield "unmerged_revision", asked


def _facts(
    snapshot: Snapshot, lock: ModelLock, name: str, found: Sequence[Difference]
) -> Iterator[tuple[str, str]]:
    unread = {entry.path for entry in snapshot.files if not entry.is_whole}
    at = f" at {lock.commit}" if lock.commit else ""
    yield "lock", f"{name} (sha256 {lock.sha256}) of {lock.reference}{at}"
    for each in found:
        if each.kind is Kind.COMMIT:
            yield "lock_commit", f"{each.text} ({name})"
        elif each.kind is Kind.EXTRA:
            yield "lock_extra", each.path
        elif each.kind is Kind.CHANGED and each.path in unread:
            yield "lock_changed", f"{each.path} -> {each.text.removeprefix(f'{each.path}: ')}"
    if any(each.kind is not Kind.COMMIT for each in found) and same_tensors(lock, snapshot):
        yield "lock_same_tensors", f"{lock.tensors.count if lock.tensors else 0} tensors, as in {name}"
