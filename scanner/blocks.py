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

# Fits the cache of one core with room for what else runs there, so that the second hash of a block need not
# wait for memory again: on a busy machine with 1 MiB a core, half of it was 5 % dearer than a quarter.
BLOCK_BYTES: Final = 256 * 1024
# Blocks handed to another thread: larger, so that handing over costs little, and few, so that they stay in
# the caches of both cores.
_HANDED_BYTES: Final = 512 * 1024
_HANDED: Final = 3


def blocks_of(stream: io.FileIO, beside: Callable[[memoryview], None] | None = None) -> Generator[memoryview]:
    """The rest of `stream` in blocks, each valid until the next.

    Args:
        stream: Unbuffered.
        beside: Gets the same blocks in the same order in a thread of its own; what it raises comes out here.
    """
    if beside is None:
        block = memoryview(bytearray(BLOCK_BYTES))
        while count := stream.readinto(block):
            yield block[:count]
        return
    # Queues, since a future for each block would cost as much as a tenth of the hashing.
    free: SimpleQueue[memoryview | None] = SimpleQueue()
    handed: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
    for _ in range(_HANDED):
        free.put(memoryview(bytearray(_HANDED_BYTES)))
    with ThreadPoolExecutor(1, thread_name_prefix="tensors") as helper:
        job = helper.submit(_serve, beside, handed, free)
        try:
            # No free block: the other thread has failed, and says why below.
            while (whole := free.get()) is not None and (count := stream.readinto(whole)):
                handed.put((whole, count))
                yield whole[:count]
        finally:
            handed.put(None)
        job.result()


def _serve(
    beside: Callable[[memoryview], None],
    handed: SimpleQueue[tuple[memoryview, int] | None],
    free: SimpleQueue[memoryview | None],
) -> None:
    try:
        while (block := handed.get()) is not None:
            whole, count = block
            beside(whole[:count])
            free.put(whole)
    finally:
        free.put(None)
