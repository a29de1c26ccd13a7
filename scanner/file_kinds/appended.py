"""Finds what was appended to a file: a zip archive at its end, or anything behind the end of a picture.

A file may be one thing to who begins at its first byte and another to who begins at its last.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from scanner.file_kinds.look import HEAD_BYTES, Look
from scanner.file_kinds.magic import recognised

_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_CHUNKS_MOST: Final = 1_000_000
_MATLAB_HEAD_BYTES: Final = 128
_MATLAB_ARRAY: Final = 14
_MATLAB_PACKED: Final = 15


class _TooManyPartsError(Exception):
    """There are more parts than are stepped over, those before byte `at`."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True)
class Rest:
    """What lies behind the end of a file.

    Attributes:
        at: Its first byte.
        size_bytes: How many there are.
        kind: The kind that they show, None when they show none.
        is_behind: Whether the file ends before them; else it has more parts than are stepped over.
    """

    at: int
    size_bytes: int
    kind: str | None
    is_behind: bool = True


def ends_as_zip(stream: BinaryIO, look: Look) -> bool:
    """Whether readers that begin at the end find an archive with at least one member.

    Every such record in the tail is tried, whatever it claims of its comment and of how many members there
    are: Python's reader believes neither.
    """
    at = look.tail.rfind(_END)
    while at >= 0:
        if _leads_to_directory(stream, look, at):
            return True
        at = look.tail.rfind(_END, 0, at)
    return False


def _leads_to_directory(stream: BinaryIO, look: Look, at: int) -> bool:
    record = look.tail[at : at + _END_BYTES]
    if len(record) < _END_BYTES:
        return False
    size, offset = struct.unpack_from("<II", record, 12)
    place = look.size_bytes - len(look.tail) + at
    is_zip64 = 0xFFFFFFFF in (size, offset)
    # Before the record of a large archive stand two more, of 56 and 20 bytes.
    starts = (place - size, offset) if not is_zip64 else (offset,)
    if is_zip64 and look.tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        return True
    return any(_reads(stream, start, b"PK\x01\x02") for start in starts if 0 <= start < place)


def _reads(stream: BinaryIO, at: int, expected: bytes) -> bool:
    stream.seek(at)
    return stream.read(len(expected)) == expected


def behind_picture(stream: BinaryIO, look: Look, kind: str) -> Rest | None:
    """What lies behind the end of a PNG, RIFF or MATLAB file; None when it ends where its bytes do."""
    try:
        end = _end_of(stream, look, kind)
    except _TooManyPartsError as error:
        return Rest(error.at, look.size_bytes - error.at, None, is_behind=False)
    if end is None or end >= look.size_bytes:
        return None
    stream.seek(end)
    size_bytes = look.size_bytes - end
    return Rest(end, size_bytes, recognised(Look(stream.read(HEAD_BYTES), look.tail, size_bytes)))


def _end_of(stream: BinaryIO, look: Look, kind: str) -> int | None:
    if kind == "MATLAB data":
        return _matlab_end(stream, look)
    return _png_end(stream, look.size_bytes) if kind == "PNG image" else _riff_end(look)


def _png_end(stream: BinaryIO, size_bytes: int) -> int | None:
    """The byte behind the last chunk, None when there is no last chunk."""
    at = 8
    for _ in range(_CHUNKS_MOST):
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8:
            return None
        at += 12 + int.from_bytes(head[:4], "big")
        if head[4:] == b"IEND":
            return at
        if at >= size_bytes:
            return None
    raise _TooManyPartsError(at)


def _riff_end(look: Look) -> int | None:
    if not look.head.startswith(b"RIFF"):
        return None
    length = int.from_bytes(look.head[4:8], "little")
    return 8 + length + length % 2


def _matlab_end(stream: BinaryIO, look: Look) -> int:
    """The first byte that is no outermost element."""
    order: Literal["little", "big"] = "little" if look.head[126:128] == b"IM" else "big"
    at = _MATLAB_HEAD_BYTES
    for _ in range(_CHUNKS_MOST):
        stream.seek(at)
        tag = stream.read(8)
        if int.from_bytes(tag[:4], order) not in (_MATLAB_ARRAY, _MATLAB_PACKED):
            return at
        at += 8 + int.from_bytes(tag[4:], order)
        if at >= look.size_bytes:
            return at
    raise _TooManyPartsError(at)
