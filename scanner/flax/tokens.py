r"""Reads MessagePack value by value without building anything, in the memory of one value.

No library does: those that are there hold a whole value, which in a checkpoint is a tensor or the file.

>>> import io
>>> data = b"\x81\xa1w\xc4\x02ab"
>>> tokens = MsgpackTokens(io.BytesIO(data), len(data))
>>> [tokens.next().kind.value for _ in range(2)]
['map', 'text']

Source: MessagePack specification (2013), https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import enum
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from scanner.errors import ScanError

_FIXED: Final = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_NUMBERS: Final = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_CONSTANTS: Final = {0xC0: None, 0xC2: False, 0xC3: True}


class MsgpackError(ScanError):
    """The bytes are not MessagePack, or are cut off."""


class TokenKind(enum.Enum):
    """What a value is; its content follows for the last four."""

    PLAIN = "plain"
    ARRAY = "array"
    MAP = "map"
    TEXT = "text"
    BYTES = "bytes"
    EXTENSION = "extension"


# The kinds with a length, by their first byte: (kind, bytes of the length).
_SIZED: Final = {
    0xC4: (TokenKind.BYTES, 1), 0xC5: (TokenKind.BYTES, 2), 0xC6: (TokenKind.BYTES, 4),
    0xC7: (TokenKind.EXTENSION, 1), 0xC8: (TokenKind.EXTENSION, 2), 0xC9: (TokenKind.EXTENSION, 4),
    0xD9: (TokenKind.TEXT, 1), 0xDA: (TokenKind.TEXT, 2), 0xDB: (TokenKind.TEXT, 4),
    0xDC: (TokenKind.ARRAY, 2), 0xDD: (TokenKind.ARRAY, 4),
    0xDE: (TokenKind.MAP, 2), 0xDF: (TokenKind.MAP, 4),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One value, or the beginning of one.

    Attributes:
        kind: What it is.
        size: Elements of an array, pairs of a map, bytes of a text, of bytes or of an extension; else 0.
        value: Of a plain value.
        code: Of an extension: its type.
    """

    kind: TokenKind
    size: int = 0
    value: int | float | bool | None = None
    code: int = 0


class MsgpackTokens:
    """A cursor over a stream of MessagePack.

    Attributes:
        position: Where the next value begins.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self.position = 0
        self._stream = stream
        self._size = size_bytes

    @property
    def bytes_left(self) -> int:
        """Bytes behind the cursor."""
        return self._size - self.position

    def next(self) -> Token:
        """The next value; the content of texts, bytes and extensions is then to be taken or skipped.

        Raises:
            MsgpackError: when there is none, or a byte begins no value.
        """
        first = self.take(1)[0]
        if first < 0x80 or first >= 0xE0:
            return Token(TokenKind.PLAIN, value=first if first < 0x80 else first - 0x100)
        if first < 0xC0:
            return self._short(first)
        if first in _CONSTANTS:
            return Token(TokenKind.PLAIN, value=_CONSTANTS[first])
        if first in _NUMBERS:
            layout = _NUMBERS[first]
            number: int | float = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
            return Token(TokenKind.PLAIN, value=number)
        if first in _FIXED:
            return Token(TokenKind.EXTENSION, _FIXED[first], code=self._code())
        if first not in _SIZED:
            raise MsgpackError(f"byte {self.position - 1} is 0x{first:02x}, with which no value begins")
        kind, width = _SIZED[first]
        size = int.from_bytes(self.take(width), "big")
        return self._bounded(kind, size, self._code() if kind is TokenKind.EXTENSION else 0)

    def take(self, count: int) -> bytes:
        """The next bytes.

        Raises:
            MsgpackError: when there are not as many.
        """
        data = self._stream.read(count) if count <= self.bytes_left else b""
        if len(data) != count:
            raise MsgpackError(
                f"it ends at byte {self._size}; {count} bytes are missing from {self.position} on"
            )
        self.position += count
        return data

    def skip(self, count: int) -> None:
        """Steps over the next bytes, which `next` has seen to be there."""
        self._stream.seek(count, os.SEEK_CUR)
        self.position += count

    def _short(self, first: int) -> Token:
        if first < 0x90:
            return self._bounded(TokenKind.MAP, first & 0x0F)
        if first < 0xA0:
            return self._bounded(TokenKind.ARRAY, first & 0x0F)
        return self._bounded(TokenKind.TEXT, first & 0x1F)

    def _code(self) -> int:
        return int.from_bytes(self.take(1), "big", signed=True)

    def _bounded(self, kind: TokenKind, size: int, code: int = 0) -> Token:
        """Every element and byte takes at least a byte; of a map, every pair takes two."""
        if size * (2 if kind is TokenKind.MAP else 1) > self.bytes_left:
            raise MsgpackError(
                f"a {kind.value} at byte {self.position} claims {size}, with {self.bytes_left} bytes left"
            )
        return Token(kind, size, code=code)
