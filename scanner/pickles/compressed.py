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

Decompressor = Callable[[BinaryIO], BinaryIO]

_CHUNK: Final = 64 * 1024
_UNOPENABLE: Final = {
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with lz4",
}
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
        return lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if head.startswith(b"BZh"):
        return lambda raw: cast(BinaryIO, bz2.BZ2File(raw))
    if head.startswith(b"\xfd7zXZ\x00"):
        return _unxz
    if accepts_zlib and head.startswith(_ZLIB_STARTS):
        return lambda raw: cast(BinaryIO, io.BufferedReader(_Inflated(raw)))
    return None


def _unxz(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, lzma.LZMAFile(raw))  # noqa: SIM115 - the caller closes it


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
