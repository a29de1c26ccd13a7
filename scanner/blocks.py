"""Reads a file once, block by block, for several readers and, where one thread will not do, for two threads.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "file"
>>> _ = path.write_bytes(b"ab")
>>> beside = []
>>> with path.open("rb", buffering=0) as stream:
...     [bytes(block) for block in blocks_of(stream, lambda block: beside.append(bytes(block)))], beside
([b'ab'], [b'ab'])
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final

# Fits the cache of one core, so that the second hash of a block need not wait for memory again, and large
# enough that what Python does between blocks hardly counts: a quarter of it was 6 % dearer.
BLOCK_BYTES: Final = 1024 * 1024
# Blocks of two threads: larger, since waking a thread costs what hashing 100 KiB does, and few, so that they
# stay in the cache that cores share.
_SHARED_BYTES: Final = 2 * BLOCK_BYTES
_BUFFERS: Final = 3


def blocks_of(stream: io.FileIO, beside: Callable[[memoryview], None] | None = None) -> Generator[memoryview]:
    """The rest of `stream` in blocks, each valid until the next.

    Args:
        stream: Unbuffered.
        beside: Gets the same blocks in the same order in a thread of its own, which reads them too; what it
            raises comes out here.
    """
    if beside is None:
        block = memoryview(bytearray(BLOCK_BYTES))
        while count := stream.readinto(block):
            yield block[:count]
        return
    # Queues, since a future for each block would cost as much as a tenth of the hashing.
    free: SimpleQueue[memoryview | None] = SimpleQueue()
    filled: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
    for _ in range(_BUFFERS):
        free.put(memoryview(bytearray(_SHARED_BYTES)))
    with ThreadPoolExecutor(1, thread_name_prefix="tensors") as helper:
        job = helper.submit(_fill, stream, beside, free, filled)
        try:
            while (next_one := filled.get()) is not None:
                whole, count = next_one
                yield whole[:count]
                free.put(whole)
        finally:
            free.put(None)
        job.result()


def _fill(
    stream: io.FileIO,
    beside: Callable[[memoryview], None],
    free: SimpleQueue[memoryview | None],
    filled: SimpleQueue[tuple[memoryview, int] | None],
) -> None:
    """Reads blocks, hands them over and works on them itself, until the file ends or nobody wants more."""
    try:
        while (whole := free.get()) is not None and (count := stream.readinto(whole)):
            filled.put((whole, count))
            beside(whole[:count])
    finally:
        filled.put(None)
