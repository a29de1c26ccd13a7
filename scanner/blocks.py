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
import itertools
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

# Fits the cache of one core, so that the second hash of a block need not wait for memory again.
BLOCK_BYTES: Final = 256 * 1024
# Blocks handed to another thread: larger, so that handing over costs nothing, and few.
_HANDED_BYTES: Final = 1024**2
_HANDED: Final = 4


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
    ring = [memoryview(bytearray(_HANDED_BYTES)) for _ in range(_HANDED)]
    handed: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="tensors") as helper:
        for block in itertools.cycle(ring):
            if len(handed) == len(ring):
                handed.popleft().result()  # until then it reads the block that is about to be filled again
            count = stream.readinto(block)
            if not count:
                break
            handed.append(helper.submit(beside, block[:count]))
            yield block[:count]
        for each in handed:
            each.result()
