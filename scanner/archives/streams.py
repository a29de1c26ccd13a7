r"""Streams that are read once, front to back: to their end, with a meter, or with a piece put back.

>>> import io
>>> joined(b"we", io.BytesIO(b"ights")).read()
b'weights'
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from scanner.archives.budget import Budget
from scanner.archives.unpacking import CHUNK_BYTES

_HEAD_BYTES: Final = 512


@dataclass(frozen=True)
class Content:
    """What reading a member to its end showed.

    Attributes:
        size_bytes: How long it is.
        crc: CRC-32 over it.
        kept: Its beginning.
    """

    size_bytes: int
    crc: int
    kept: bytes


def read_through(
    stream: BinaryIO, packed_bytes: int, budget: Budget, keep_bytes: int, first: bytes = b""
) -> Content:
    """Reads a member to its end, of which `first` has been read already.

    Raises:
        UnpackingError: when it is broken, a bomb, or too long.
    """
    crc, size = zlib.crc32(first), len(first)
    kept = bytearray(first)
    while chunk := stream.read(CHUNK_BYTES):
        size += len(chunk)
        crc = zlib.crc32(chunk, crc)
        if len(kept) < keep_bytes:
            kept += chunk[: keep_bytes - len(kept)]
        budget.spend(len(chunk))
        budget.require_sane(size, packed_bytes, bytes(kept[:_HEAD_BYTES]))
    return Content(size, crc, bytes(kept))


def metered(stream: BinaryIO, packed_bytes: int, budget: Budget) -> BinaryIO:
    """A stream that unpacks so many bytes, and stops where it turns out to be a bomb."""
    return cast(BinaryIO, io.BufferedReader(_Metered(stream, packed_bytes, budget), CHUNK_BYTES))


class _Metered(io.RawIOBase):
    def __init__(self, stream: BinaryIO, packed_bytes: int, budget: Budget) -> None:
        super().__init__()
        self._stream, self._packed_bytes, self._budget = stream, packed_bytes, budget
        self._size = 0
        self._head = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        if not self._size:
            self._head = data[:_HEAD_BYTES]
        self._size += len(data)
        self._budget.require_sane(self._size, self._packed_bytes, self._head)
        return len(data)


def joined(head: bytes, rest: BinaryIO) -> BinaryIO:
    """A stream from its beginning, of which `head` has been read already."""
    return cast(BinaryIO, io.BufferedReader(_Joined(head, rest)))


class _Joined(io.RawIOBase):
    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        data = data or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
