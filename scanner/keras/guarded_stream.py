r"""A file for a C library to read: errors on the way through it are kept, and the position is its own.

>>> import io
>>> stream = GuardedStream(io.BytesIO(b"HDF..."), 3)
>>> stream.read(10), stream.seek(1), stream.read(1)
(b'HDF', 1, b'D')
"""

from __future__ import annotations

from typing import BinaryIO, Final

from scanner.parts import PartlyReadError, PositionedStream

# What the library reads of its own structures at once.
_METADATA_BYTES: Final = 1024**2
# The library reads a heap of texts object by object, and for ever at one that takes no room (HDF5 2.0.0).
# Source: HDF5 File Format Specification Version 3.0, section III.E, "Global Heap".
_HEAP: Final = b"GCOL\x01\0\0\0"
_HEAP_HEAD_BYTES: Final = 16


class GuardedStream(PositionedStream):
    """The beginning of another stream, readable and seekable."""

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        super().__init__(size_bytes, self._guarded)
        self._stream = stream
        self._stored: PartlyReadError | None = None

    def raise_stored(self) -> None:
        """Raises what the library swallowed.

        Raises:
            PartlyReadError: when bytes were asked for that were not fetched.
        """
        if self._stored is not None:
            raise self._stored

    def _guarded(self, position: int, count: int) -> bytes:
        try:
            self._stream.seek(position)
            data = self._stream.read(count)
        except PartlyReadError as error:
            self._stored = error
            raise OSError("not fetched") from error
        if len(data) <= _METADATA_BYTES and _holds_endless_heap(data):
            raise OSError("a heap of texts in it has no end")
        return data


def _holds_endless_heap(data: bytes) -> bool:
    at = data.find(_HEAP)
    while at >= 0:
        if _is_endless(data, at):
            return True
        at = data.find(_HEAP, at + 1)
    return False


def _is_endless(data: bytes, begin: int) -> bool:
    """Whether stepping from object to object of the heap that begins here stops before its end."""
    size = int.from_bytes(data[begin + 8 : begin + _HEAP_HEAD_BYTES], "little")
    at, end = begin + _HEAP_HEAD_BYTES, min(len(data), begin + size)
    while at + _HEAP_HEAD_BYTES <= end:
        index = int.from_bytes(data[at : at + 2], "little")
        object_bytes = int.from_bytes(data[at + 8 : at + _HEAP_HEAD_BYTES], "little")
        # The object of number 0 is what is free, with its head; others have theirs before them.
        step = object_bytes if index == 0 else _HEAP_HEAD_BYTES + -(-object_bytes // 8) * 8
        if step == 0 or object_bytes > size:
            return True
        at += step
    return False
