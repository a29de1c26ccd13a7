r"""Unpacks compressed streams front to back in bounded memory, and stops where they unfold beyond reason.

>>> import gzip, io
>>> stream = unpacked(Kind.GZIP, io.BytesIO(gzip.compress(b"weights")))
>>> stream.read()
b'weights'
"""

from __future__ import annotations

import bz2
import importlib
import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol, cast

from scanner.archives.faults import Rule, UnpackingError
from scanner.archives.kinds import Kind

CHUNK_BYTES: Final = 256 * 1024
# What a hostile stream can make us hold in memory. xz -9 takes 65 MiB, zstd --ultra -22 128 MiB.
_WINDOW_BYTES: Final = 128 * 1024**2
# Small: a file of many short streams has what is left of a piece copied for each of them.
_INPUT_BYTES: Final = 32 * 1024
_BROKEN: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, RuntimeError, MemoryError)
_ZSTD_BYTES: Final = 1024
_RAW_DEFLATE: Final = -15
_GZIP: Final = 31
_ZLIB: Final = 15


class _Machine(Protocol):
    """One stream of a decompressor, as bz2, lzma and lz4 have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Inflater:
    """zlib in the manner of the others."""

    def __init__(self, window: int) -> None:
        self._machine = zlib.decompressobj(window)
        self._made_all = True

    @property
    def eof(self) -> bool:
        return self._machine.eof

    @property
    def unused_data(self) -> bytes:
        return self._machine.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._machine.unconsumed_tail and self._made_all

    def decompress(self, data: bytes, max_length: int) -> bytes:
        made = self._machine.decompress(self._machine.unconsumed_tail + data, max_length)
        self._made_all = len(made) < max_length
        return made


class _Zstd:
    """zstd in the manner of the others.

    NOTE: its decompressor gives everything that a piece unpacks to at once, 128 KiB for every four bytes
    at most, and its reader of streams takes a frame that is cut off for a whole one.
    """

    def __init__(self) -> None:
        import zstandard

        self._machine = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
        self._error = zstandard.ZstdError
        self._waiting = self._made = b""

    @property
    def eof(self) -> bool:
        return self._machine.eof and not self._made

    @property
    def unused_data(self) -> bytes:
        return self._machine.unused_data + self._waiting

    @property
    def needs_input(self) -> bool:
        return not self._made and not self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._waiting += data
        while not self._made and self._waiting and not self._machine.eof:
            piece, self._waiting = self._waiting[:_ZSTD_BYTES], self._waiting[_ZSTD_BYTES:]
            try:
                self._made = self._machine.decompress(piece)
            except self._error as error:
                raise OSError(str(error)) from error
        made, self._made = self._made[:max_length], self._made[max_length:]
        return made


class _Unpacked(io.RawIOBase):
    """What one or several streams in a row unpack to."""

    def __init__(self, raw: BinaryIO, make: Callable[[], _Machine], padding: bytes | None, name: str) -> None:
        super().__init__()
        self._raw, self._make, self._padding, self._name = raw, make, padding, name
        try:
            self._machine = make()
        except _BROKEN as error:  # LZMA's settings stand in the file, and not all are possible
            raise UnpackingError(f"its {name} data is broken ({str(error)[:100]})") from error
        self._is_done = False
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        while not self._is_done:
            made = self._step(len(buffer))
            if made:
                buffer[: len(made)] = made
                return len(made)
        return 0

    def _step(self, most: int) -> bytes:
        if self._machine.eof:
            self._begin_next()
            return b""
        is_asked = self._machine.needs_input
        data = self._take() if is_asked else b""
        try:
            made = self._machine.decompress(data, most)
        except _BROKEN as error:
            raise UnpackingError(f"its {self._name} data is broken ({str(error)[:100]})") from error
        if is_asked and not data and not made and not self._machine.eof:
            raise UnpackingError(f"its {self._name} data is cut off")
        return made

    def _take(self) -> bytes:
        data, self._waiting = self._waiting or self._raw.read(_INPUT_BYTES), b""
        return data

    def _begin_next(self) -> None:
        """Goes on behind the end of a stream: with another one, padding, or what should not be there."""
        rest = self._machine.unused_data or b""
        if self._padding is None:  # a member of a zip archive, which holds one stream
            self._is_done = True
            if rest or self._raw.read(1):
                raise UnpackingError(f"bytes follow the end of its {self._name} data", Rule.OUTSIDE_BYTES)
            return
        rest = rest.lstrip(self._padding)
        while not rest and (more := self._raw.read(_INPUT_BYTES)):
            rest = more.lstrip(self._padding)
        if not rest:
            self._is_done = True
            return
        self._require_same_kind(rest)
        self._machine, self._waiting = self._make(), rest

    def _require_same_kind(self, rest: bytes) -> None:
        try:
            self._make().decompress(rest[:64], 1)
        except _BROKEN as error:
            raise UnpackingError(
                f"bytes that are no {self._name} data follow the end of it", Rule.OUTSIDE_BYTES
            ) from error


def unpacked(kind: Kind, raw: BinaryIO) -> BinaryIO:
    """What a compressed file of this kind unpacks to, from the position of `raw` on.

    Raises:
        UnpackingError: when nothing here opens it; when it is broken, from the reads.
    """
    makers: dict[Kind, Callable[[], _Machine]] = {
        Kind.GZIP: lambda: _Inflater(_GZIP),
        Kind.ZLIB: lambda: _Inflater(_ZLIB),
        Kind.BZIP2: lambda: cast(_Machine, bz2.BZ2Decompressor()),
        Kind.XZ: lambda: cast(_Machine, lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_WINDOW_BYTES)),
        Kind.LZMA: lambda: cast(_Machine, lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_WINDOW_BYTES)),
        Kind.LZ4: _lz4_machine,
        Kind.ZSTD: _Zstd,
    }
    return _buffered(_Unpacked(raw, makers[kind], b"\0", kind.value))


def inflated(raw: BinaryIO) -> BinaryIO:
    """What a deflated member of a zip archive unpacks to; `raw` ends where the member does."""
    return _buffered(_Unpacked(raw, lambda: _Inflater(_RAW_DEFLATE), None, "deflated"))


def unbzipped(raw: BinaryIO) -> BinaryIO:
    """The same for a member packed with bzip2."""
    return _buffered(_Unpacked(raw, lambda: cast(_Machine, bz2.BZ2Decompressor()), None, "bzip2"))


def unlzma(raw: BinaryIO) -> BinaryIO:
    """The same for a member packed with LZMA. Source: APPNOTE 6.3.10, section 5.8.8."""
    head = raw.read(4)
    properties = raw.read(int.from_bytes(head[2:4], "little") if len(head) == 4 else 0)
    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:
        raise UnpackingError("its LZMA properties are broken")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    dictionary = int.from_bytes(properties[1:], "little")
    if dictionary > _WINDOW_BYTES:
        raise UnpackingError(f"its LZMA dictionary of {dictionary} bytes is larger than any honest one")
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return _buffered(
        _Unpacked(
            raw, lambda: cast(_Machine, lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)), None, "LZMA"
        )
    )


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(raw, CHUNK_BYTES))


def _lz4_machine() -> _Machine:
    try:
        frame = importlib.import_module("lz4.frame")
    except ImportError as error:
        raise UnpackingError(
            "it is packed with lz4, and the library lz4 is not installed", Rule.NOT_OPENED
        ) from error
    machine: _Machine = frame.LZ4FrameDecompressor()
    return machine
