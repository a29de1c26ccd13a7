"""Reads the numbers of one weight file, for files that were not hashed tensor by tensor."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from scanner.blocks import blocks_of
from scanner.errors import NotAvailableError
from scanner.tensorfiles.digests import TensorDigest, TensorWalk
from scanner.tensorfiles.mapping import map_tensors
from scanner.weight_values import WeightValues
from scanner.weights.observing import ValueObserver
from scanner.weights.odd import weight_values


def read_values(path: Path, name: str, *, until: float) -> WeightValues | None:
    """What the numbers in the file at `path` are like, which the model calls `name`; None without tensors.

    Args:
        path: On disk.
        name: In the model.
        until: `time.monotonic()` value by which it must be read.

    Raises:
        UnmappedError: when it holds weights whose places nobody can be sure of.
        NotAvailableError: when it is too large for the time there is.
        OSError: when it cannot be read.
    """
    extents = map_tensors(path, name)
    if not extents:
        return None
    observer = ValueObserver()
    walk = TensorWalk(extents, [observer])
    for block in _blocks(path, until):
        walk.update(block)
    if walk.is_before_end:
        raise OSError(f"{name} ends before its tensors do")
    # No digest is made: what is odd does not depend on it.
    tensors = [TensorDigest(each.name, each.dtype, each.shape, "", each.end - each.begin) for each in extents]
    return weight_values({name: (tensors, [observer.values_of(each) for each in extents])})


def _blocks(path: Path, until: float) -> Iterator[memoryview]:
    read_bytes = 0
    with path.open("rb", buffering=0) as stream, contextlib.closing(blocks_of(stream)) as blocks:
        for block in blocks:
            if time.monotonic() > until:
                read = f"only {read_bytes:,} bytes of it could be read in the time there is"
                raise NotAvailableError(read, hint="a scan reads it whole, without such a limit")
            read_bytes += len(block)
            yield block
