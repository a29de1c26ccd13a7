"""Tensor by tensor: names, number formats and shapes from the headers; on request, whether values differ.

Where the identities of the weights are in both scans, equal weights are told without reading a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from scanner.changes.reading import NotAtHandError, require_as_scanned
from scanner.hashing import hash_file
from scanner.manifest import FileEntry, Snapshot, is_weight_file
from scanner.tensorfiles.extent import TensorExtent, UnmappedError
from scanner.tensorfiles.mapping import map_tensors

_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class _Tensor:
    """A tensor as its header describes it; `digest` of its values, "" when they were not read."""

    form: str
    digest: str = ""


@dataclass
class _Side:
    """The tensors of one snapshot by name, and the files whose tensors could not be told apart."""

    tensors: dict[str, _Tensor] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def tensor_changes(base: Snapshot, candidate: Snapshot, *, with_values: bool) -> Iterator[str]:
    """A sentence per kind of change between the weight files of two snapshots, cut down to what differs.

    Args:
        base: With the weight files that differ.
        candidate: With those in their place.
        with_values: Whether to read the values too; otherwise headers alone are read.

    Raises:
        NotAtHandError: when a file is gone or another one.
        OSError: when a file cannot be read.
        HashingError: when a file cannot be read to its end.
    """
    if not any(is_weight_file(entry.path) for entry in (*base.files, *candidate.files)):
        return
    if same := _same_weights(base, candidate):
        yield same
        return
    before, after = (_read(snapshot, with_values=with_values) for snapshot in (base, candidate))
    for reason in (*before.unread, *after.unread):
        yield f"tensors that could not be compared: {reason}"
    old, new = before.tensors, after.tensors
    if not old and not new:
        return
    both = [name for name in old if name in new]
    reshaped = [
        f"{name} {old[name].form} to {new[name].form}" for name in both if old[name].form != new[name].form
    ]
    # What is in no file of a side that was read may be in one that was not.
    added = [f"{name} {new[name].form}" for name in new if name not in old and not before.unread]
    removed = [f"{name} {old[name].form}" for name in old if name not in new and not after.unread]
    for verb, names in (
        ("added", added),
        ("removed", removed),
        ("in another number format or shape", reshaped),
    ):
        if names:
            yield f"{len(names)} of {max(len(old), len(new))} tensors {verb}: {_some(names)}"
    if with_values:
        changed = [name for name in both if old[name].digest != new[name].digest]
        yield f"{len(changed)} of {len(both)} tensors hold other values: {_some(changed) or 'none'}"


def _same_weights(base: Snapshot, candidate: Snapshot) -> str:
    """That all weights are the same in other files, in words; "" when they are not, or nobody knows."""
    old, new = base.tensors, candidate.tensors
    if old is None or new is None or old.algorithm != new.algorithm or not (old.is_whole and new.is_whole):
        return ""
    if old.digest == new.digest:
        return f"the weights are the same {new.count} tensors in other files ({new.algorithm} {new.digest})"
    if old.values_digest and old.values_digest == new.values_digest:
        return "the weights are the same values under other names, as digests over all tensors say"
    return ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _read(snapshot: Snapshot, *, with_values: bool) -> _Side:
    side = _Side()
    for entry in snapshot.files:
        if not is_weight_file(entry.path):
            continue
        require_as_scanned(snapshot, entry)
        try:
            extents = map_tensors(snapshot.local_path(entry.path), entry.path) or ()
        except UnmappedError as error:
            side.unread.append(f"{entry.path}: {error}")
            continue
        digests = _digests(snapshot, entry, extents) if with_values else [""] * len(extents)
        for extent, digest in zip(extents, digests, strict=True):
            side.tensors[extent.name] = _Tensor(f"{extent.dtype} {list(extent.shape)}", digest)
    return side


def _digests(snapshot: Snapshot, entry: FileEntry, extents: tuple[TensorExtent, ...]) -> list[str]:
    hashes = hash_file(snapshot.local_path(entry.path), extents=extents)
    if hashes.sha256 != entry.sha256:
        raise NotAtHandError(f"{entry.path} was changed after it was scanned")
    return [each.digest for each in hashes.tensors]
