"""Tensor by tensor: names, number formats and shapes from the headers; on request, digests of the values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.changes.reading import gguf_headers, require_as_scanned
from scanner.manifest import FileEntry, Snapshot
from scanner.tensorfiles.safetensors_header import TensorEntry, read_safetensors

_CHUNK_BYTES: Final = 1 << 20
_MOST_NAMED: Final = 5
_LENGTH_BYTES: Final = 8


@dataclass(frozen=True)
class _Tensor:
    """A tensor as its header describes it; `digest` of its bytes, "" when they were not read."""

    form: str
    digest: str = ""


def tensor_changes(base: Snapshot, candidate: Snapshot, *, with_values: bool) -> Iterator[str]:
    """A sentence per kind of change between the weight files of two snapshots, cut down to what differs.

    Args:
        base: With the weight files that differ.
        candidate: With those in their place.
        with_values: Whether to read the values too; otherwise headers alone are read.

    Raises:
        NotAtHandError: when a file is gone or another one.
        OSError: when a file cannot be read.
    """
    old, new = (dict(_tensors(snapshot, with_values=with_values)) for snapshot in (base, candidate))
    if not old and not new:
        return
    both = [name for name in old if name in new]
    reshaped = [
        f"{name} {old[name].form} to {new[name].form}" for name in both if old[name].form != new[name].form
    ]
    for verb, names in (
        ("added", [f"{name} {new[name].form}" for name in new if name not in old]),
        ("removed", [f"{name} {old[name].form}" for name in old if name not in new]),
        ("in another number format or shape", reshaped),
    ):
        if names:
            yield f"{len(names)} of {max(len(old), len(new))} tensors {verb}: {_some(names)}"
    if with_values:
        changed = [name for name in both if old[name].digest != new[name].digest]
        yield f"{len(changed)} of {len(both)} tensors hold other values: {_some(changed) or 'none'}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _tensors(snapshot: Snapshot, *, with_values: bool) -> Iterator[tuple[str, _Tensor]]:
    for entry in snapshot.files:
        if PurePosixPath(entry.path.lower()).suffix == ".safetensors":
            require_as_scanned(snapshot, entry)
            yield from _of_safetensors(snapshot, entry, with_values=with_values)
    # NOTE: GGUF headers give no length per tensor without a table of block sizes: the values are not read.
    for _, header in gguf_headers(snapshot):
        for each in header.tensors:
            yield each.name, _Tensor(f"ggml type {each.type_id} {list(each.shape)}")


def _of_safetensors(
    snapshot: Snapshot, entry: FileEntry, *, with_values: bool
) -> Iterator[tuple[str, _Tensor]]:
    path = snapshot.local_path(entry.path)
    reading = read_safetensors(path)
    with path.open("rb") as stream:
        data_at = _LENGTH_BYTES + int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        for tensor in reading.tensors:
            digest = ""
            if with_values:
                stream.seek(data_at + tensor.begin)
                whole, left = hashlib.sha256(), tensor.end - tensor.begin
                while left > 0 and (chunk := stream.read(min(_CHUNK_BYTES, left))):
                    whole.update(chunk)
                    left -= len(chunk)
                digest = whole.hexdigest()
            yield tensor.name, _Tensor(_form(tensor), digest)


def _form(tensor: TensorEntry) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"
