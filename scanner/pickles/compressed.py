"""Recognises compressed files by their first bytes, and unpacks them front to back in bounded memory.

>>> import gzip, io
>>> data = gzip.compress(b"weights")
>>> decompressor = decompressor_of(data)
>>> decompressor(io.BytesIO(data)).read(7)
b'weights'
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, cast

from scanner.pickles.hidden import START

Decompressor = Callable[[BinaryIO], BinaryIO]

_CHUNK: Final = 64 * 1024
_UNOPENABLE: Final = {
    b"Rar!\x1a\x07": "a RAR archive",
}
# The oldest format of xz: its usual properties, and a window of a power of two.
_LZMA_START: Final = b"\x5d\x00\x00"
_ZFILE_HEADER: Final = 21
_WINDOW_LIMIT: Final = 128 * 1024**2
_ZLIB_STARTS: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def unopenable_kind(head: bytes) -> str:
    """What a file beginning with `head` is when it cannot be unpacked here, else ""."""
    return next((kind for magic, kind in _UNOPENABLE.items() if head.startswith(magic)), "")


def decompressor_of(head: bytes, *, accepts_zlib: bool = False) -> Decompressor | None:
    """What unpacks a file beginning with `head`, or None when it is not compressed.

    Args:
        head: At least the first six bytes.
        accepts_zlib: Whether the two bytes of a zlib header are enough; text may begin with them.
    """
    if head.startswith(b"\x1f\x8b"):
        return lambda raw: cast(BinaryIO, gzip.GzipFile(filename="", mode="rb", fileobj=raw))
    if head.startswith(b"BZh"):
        return lambda raw: cast(BinaryIO, bz2.BZ2File(raw))
    if head.startswith((b"\xfd7zXZ\x00", _LZMA_START)):
        return _unxz
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _unzstd
    if head.startswith(b"\x04\x22\x4d\x18"):
        return _unlz4
    if head.startswith(b"ZF0x"):
        return _unzfile
    if accepts_zlib and head.startswith(_ZLIB_STARTS):
        return lambda raw: cast(BinaryIO, io.BufferedReader(_Inflated(raw)))
    return None


def inflates_to_pickle(head: bytes) -> bool:
    """Whether this is the beginning of a zlib stream, and what it unpacks to that of a pickle."""
    if not head.startswith(_ZLIB_STARTS):
        return False
    try:
        return START.match(zlib.decompressobj().decompress(head, 64)) is not None
    except zlib.error:
        return False


def _unzstd(raw: BinaryIO) -> BinaryIO:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
    reader = unpacker.stream_reader(raw, read_across_frames=True)
    return cast(BinaryIO, io.BufferedReader(_Translated(cast(BinaryIO, reader), zstandard.ZstdError)))


def _unlz4(raw: BinaryIO) -> BinaryIO:
    import lz4.frame

    return cast(
        BinaryIO, io.BufferedReader(_Translated(cast(BinaryIO, lz4.frame.LZ4FrameFile(raw)), RuntimeError))
    )


def _unzfile(raw: BinaryIO) -> BinaryIO:
    """How joblib compressed until version 0.10. Source: joblib.numpy_pickle_compat, read_zfile."""
    raw.seek(_ZFILE_HEADER)
    return cast(BinaryIO, io.BufferedReader(_Inflated(raw)))


def _unxz(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, lzma.LZMAFile(raw))  # noqa: SIM115 - the caller closes it


class _Translated(io.RawIOBase):
    """What a decompressor reads, with its own kind of error as the one that other decompressors raise."""

    def __init__(self, reader: BinaryIO, error: type[Exception]) -> None:
        super().__init__()
        self._reader, self._error = reader, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._reader.read(len(buffer))
        except self._error as error:
            raise EOFError(str(error)) from error
        buffer[: len(data)] = data
        return len(data)


class _Inflated(io.RawIOBase):
    """A zlib stream, as joblib writes it."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self._unpacker = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._unpacker.eof:
            data = self._unpacker.unconsumed_tail or self._raw.read(_CHUNK)
            if not data:
                raise EOFError("the zlib stream is cut off")
            unpacked = self._unpacker.decompress(data, len(buffer))
            if unpacked:
                buffer[: len(unpacked)] = unpacked
                return len(unpacked)
        return 0
