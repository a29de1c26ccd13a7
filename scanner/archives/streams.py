r"""Streams over streams: read to their end, with a meter, with a piece put back, or only a stretch of one.

>>> import io
>>> joined(b"we", io.BytesIO(b"ights")).read()
b'weights'
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from scanner import parts
from scanner.archives.budget import Budget
from scanner.archives.faults import UnpackingError
from scanner.archives.unpacking import CHUNK_BYTES

_HEAD_BYTES: Final = 512


@dataclass(frozen=True)
class Content:
    """What reading a member to its end showed.

    Attributes:
        size_bytes: How long it is; -1 when it was not read to its end.
        crc: CRC-32 over it.
        kept: Its beginning.
    """

    size_bytes: int
    crc: int
    kept: bytes


def read_through(
    stream: BinaryIO,
    packed_bytes: int,
    budget: Budget,
    keep_bytes: int,
    first: bytes = b"",
    most: int | None = None,
) -> Content:
    """Reads a member to its end, of which `first` has been read already, or somewhat beyond `most` bytes.

    Raises:
        UnpackingError: when it is broken, a bomb, or too long.
    """
    crc, size = zlib.crc32(first), len(first)
    kept = bytearray(first)
    while (most is None or size <= most) and (chunk := stream.read(CHUNK_BYTES)):
        size += len(chunk)
        crc = zlib.crc32(chunk, crc)
        if len(kept) < keep_bytes:
            kept += chunk[: keep_bytes - len(kept)]
        budget.spend(len(chunk))
        budget.require_sane(size, packed_bytes, bytes(kept[:_HEAD_BYTES]))
    return Content(size, crc, bytes(kept))


def stretch(stream: BinaryIO, begin: int, size_bytes: int) -> BinaryIO:
    """So many bytes from `begin` on, as `scanner.parts.stretch`; raises an UnpackingError where cut off."""
    return parts.stretch(stream, begin, size_bytes, lambda: UnpackingError("is cut off"))


class Counted(io.RawIOBase):
    """A stream that counts what is read of it.

    Attributes:
        count: Bytes so far.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.count = 0
        self._stream = stream

    def readable(self) -> bool:
        """True: it is a stream to be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        """Reads at most so many bytes."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def metered(stream: BinaryIO, packed: Counted, budget: Budget) -> BinaryIO:
    """What `stream` unpacks of `packed`, up to where it turns out to be a bomb."""
    return cast(BinaryIO, io.BufferedReader(_Metered(stream, packed, budget), CHUNK_BYTES))


class _Metered(Counted):
    def __init__(self, stream: BinaryIO, packed: Counted, budget: Budget) -> None:
        super().__init__(stream)
        self._packed, self._budget = packed, budget
        self._head = b""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self._head = self._head or bytes(buffer[: min(count, _HEAD_BYTES)])
        self._budget.require_sane(self.count, self._packed.count, self._head)
        return count


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
