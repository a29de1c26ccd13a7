r"""Members of a zip archive as files to seek in: deflated ones by marks on the way through them.

`zipfile` unpacks a member from its beginning for every step back, which takes minutes for weights.

>>> import io, zipfile
>>> buffer = io.BytesIO()
>>> with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
...     archive.writestr("a", b"0123456789" * 1000)
>>> with zipfile.ZipFile(buffer) as archive:
...     member, size_bytes = seekable_member(buffer, archive.getinfo("a"))
>>> size_bytes, member.seek(9_995), member.read(), member.seek(3), member.read(2)
(10000, 9995, b'56789', 3, b'34')

Source: APPNOTE.TXT 6.3.10, section 4.3.7; zlib manual, inflateCopy.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from scanner.parts import buffered

_LOCAL_HEADER_BYTES: Final = 30
_LOCAL_HEADER: Final = b"PK\x03\x04"
_CHUNK_BYTES: Final = 256 * 1024
# A mark keeps 40 KB; between two, unpacking takes some hundredths of a second.
_MARK_EVERY_BYTES: Final = 4 * 1024**2
_MARKS_LIMIT: Final = 1000


@dataclass(frozen=True)
class _Mark:
    """Where unpacking can go on from.

    Attributes:
        at: Byte of the unpacked member.
        read: Bytes of the packed one that were read.
        state: A copy of the unpacker.
        rest: What was read and not yet unpacked.
    """

    at: int
    read: int
    state: Any  # zlib gives its type no name
    rest: bytes


def seekable_member(stream: BinaryIO, info: zipfile.ZipInfo) -> tuple[BinaryIO, int]:
    """The unpacked member of the archive in `stream`, and its size.

    Raises:
        zipfile.BadZipFile: when it is not where the directory says.
        NotImplementedError: when it is packed in another way.
    """
    stream.seek(info.header_offset)
    head = stream.read(_LOCAL_HEADER_BYTES)
    if len(head) < _LOCAL_HEADER_BYTES or not head.startswith(_LOCAL_HEADER):
        raise zipfile.BadZipFile("it is not where the directory says")
    names_bytes = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    begin = info.header_offset + _LOCAL_HEADER_BYTES + names_bytes
    packed = buffered(info.compress_size, _reader(stream, begin))
    if info.compress_type == zipfile.ZIP_STORED:
        return packed, info.compress_size
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return buffered(info.file_size, _Inflated(packed).read_at), info.file_size
    raise NotImplementedError("it is packed in a way that allows no seeking")


def _reader(stream: BinaryIO, begin: int) -> Callable[[int, int], bytes]:
    def read_at(position: int, count: int) -> bytes:
        stream.seek(begin + position)
        return stream.read(count)

    return read_at


class _Inflated:
    """A deflated stream that can be read from anywhere."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._marks = [_Mark(0, 0, zlib.decompressobj(-zlib.MAX_WBITS), b"")]
        self._go_to(self._marks[0])

    def read_at(self, position: int, count: int) -> bytes:
        """Unpacks from the nearest mark before `position` on; b"" behind the end."""
        begins = self._at - len(self._chunk)
        if not begins <= position < self._at + _MARK_EVERY_BYTES:
            self._go_to(next(mark for mark in reversed(self._marks) if mark.at <= position))
        while position >= self._at:
            if not self._unpack():
                return b""
        begin = position - self._at + len(self._chunk)
        return self._chunk[begin : begin + count]

    def _go_to(self, mark: _Mark) -> None:
        self._at, self._read = mark.at, mark.read
        self._state, self._rest = mark.state.copy(), mark.rest
        self._chunk = b""

    def _unpack(self) -> bool:
        """Unpacks one chunk more, which then ends at `_at`; whether the end was not reached before."""
        if self._at >= self._marks[-1].at + _MARK_EVERY_BYTES and len(self._marks) < _MARKS_LIMIT:
            self._marks.append(_Mark(self._at, self._read, self._state.copy(), self._rest))
        if not self._rest:
            self._packed.seek(self._read)
            self._rest = self._packed.read(_CHUNK_BYTES)
            self._read += len(self._rest)
        is_over = not self._rest
        try:
            self._chunk = self._state.decompress(self._rest, _CHUNK_BYTES)
        except zlib.error as error:
            raise OSError(f"its packed bytes are broken ({error})") from error
        self._rest = self._state.unconsumed_tail
        self._at += len(self._chunk)
        return bool(self._chunk) or not (is_over or self._state.eof)
