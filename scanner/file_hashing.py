"""Reads every byte of one file once: sha256, git's own id, digests and numbers of the tensors in it.

>>> import tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "config.json"
>>> _ = path.write_bytes(b"{}")
>>> hash_file(path, with_git_sha1=True).git_sha1
'9e26dfeeb6e641a33dae4961196235bdb965b21b'
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.blocks import blocks_of
from scanner.errors import ScanError
from scanner.tensorfiles.digests import TensorDigest, TensorHasher
from scanner.tensorfiles.extent import TensorExtent

if TYPE_CHECKING:
    from scanner.weights.observing import TensorValues, ValueObserver


class HashingError(ScanError):
    """A file cannot be read to its end, or changed while it was read."""


@dataclass(frozen=True)
class FileHashes:
    """What one pass over a file yields.

    Attributes:
        size_bytes: How many bytes were hashed.
        sha256: 64 hex digits.
        git_sha1: 40 hex digits, the id git gives a blob of these bytes; None unless asked for.
        tensors: A digest for each tensor asked for, in the same order.
        values: What the numbers of these tensors are.
    """

    size_bytes: int
    sha256: str
    git_sha1: str | None = None
    tensors: tuple[TensorDigest, ...] = ()
    values: tuple[TensorValues, ...] = ()


def hash_file(
    path: str | os.PathLike[str],
    *,
    with_git_sha1: bool = False,
    extents: Sequence[TensorExtent] = (),
    uses_two_threads: bool = False,
    on_bytes: Callable[[int], None] = lambda size_bytes: None,
) -> FileHashes:
    """The hashes of the file at `path`, read once.

    Args:
        path: Of a regular file.
        with_git_sha1: Whether to compute git's id as well.
        extents: Places of the tensors to digest, of which no two overlap in part.
        uses_two_threads: Whether to digest the tensors beside the file, for a file that is hashed alone.
        on_bytes: Hears how many bytes each step took.

    Raises:
        HashingError: when it is not a regular file, cannot be read, or its size changed meanwhile.

    Source: git blob ids are sha1("blob <size>" NUL <bytes>), Pro Git 2nd ed., section 10.2.
    """
    observer = _observer() if extents else None
    tensors = TensorHasher(extents, observer)
    try:
        # Looked at before it is opened: opening a named pipe would wait for a writer for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise HashingError(f"{path}: not a regular file", hint="move it out of the model's folder")
        with open(path, "rb", buffering=0) as stream:
            expected_bytes = os.fstat(stream.fileno()).st_size
            sha256 = hashlib.sha256()
            git_sha1 = hashlib.sha1(b"blob %d\0" % expected_bytes, usedforsecurity=False)
            hashes: list[Callable[[memoryview], None]] = [sha256.update]
            if with_git_sha1:
                hashes.append(git_sha1.update)
            size_bytes = 0
            beside = tensors.update if extents and uses_two_threads else None
            if extents and not uses_two_threads:
                hashes.append(tensors.update)
            with contextlib.closing(blocks_of(stream, beside)) as blocks:
                for block in blocks:
                    for update in hashes:
                        update(block)
                    size_bytes += len(block)
                    on_bytes(len(block))
    except OSError as error:
        raise HashingError(
            f"{path}: {error.strerror or error}",
            hint="make every file of the model readable; one that cannot be read cannot be judged",
        ) from error
    needed_bytes = max((extent.end for extent in extents), default=0)
    if size_bytes != expected_bytes or size_bytes < needed_bytes:
        raise HashingError(
            f"{path}: had {max(expected_bytes, needed_bytes)} bytes when opened and {size_bytes} when read",
            hint="wait until nothing writes to the model any more, then scan again",
        )
    return FileHashes(
        size_bytes,
        sha256.hexdigest(),
        git_sha1.hexdigest() if with_git_sha1 else None,
        tensors.digests(),
        tuple(observer.values_of(extent) for extent in extents) if observer else (),
    )


def _observer() -> ValueObserver:
    from scanner.weights.numpy_loading import load_numpy  # for models that have tensors

    load_numpy()
    from scanner.weights.observing import ValueObserver

    return ValueObserver()
