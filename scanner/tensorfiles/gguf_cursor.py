r"""A cursor over the header of a GGUF file that refuses to move past the file or the limits.

It reads numbers and counted strings, and notes what a loader would take in two ways.

>>> import io
>>> cursor = GgufCursor(io.BytesIO(bytes([2, 0, 0, 0, 0, 0, 0, 0, 97, 0])), 10, "tiny.gguf", 100)
>>> cursor.string("a key"), cursor.oddities
('a\x00', [('a key', 'holds a zero byte, at which C stops reading')])
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final, Literal

from scanner.errors import ScanError

MAX_STRING_BYTES: Final = 16 * 1024**2
# Everything that is kept of the strings: one that holds the whole tokenizer as JSON takes up to 20 MB.
MAX_TEXT_BYTES: Final = 32 * 1024**2
# Strings of arrays, which are stepped over one by one: Gemma 3 has 777 000 tokens and merges.
MAX_STRINGS: Final = 4_000_000
# Arrays in arrays; no real file has any.
MAX_NESTED: Final = 10_000
_ODDITIES_KEPT: Final = 100


class GgufError(ScanError):
    """The file is not GGUF, is cut off, or its header claims absurd sizes."""


class GgufCursor:
    """Reads from the beginning of a stream.

    Attributes:
        position: Bytes read so far.
        oddities: (place, what is odd) for each value that readers take differently; the first 100.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, name: str, limit_bytes: int) -> None:
        self.position = 0
        self.oddities: list[tuple[str, str]] = []
        self._stream = stream
        self._size = size_bytes
        self._name = name
        self._limit = limit_bytes
        self._order = "<"
        self._lengths = "Q"
        self._text_left = MAX_TEXT_BYTES
        self._strings_left = MAX_STRINGS
        self._nested_left = MAX_NESTED

    def use(self, *, big_endian: bool, short_lengths: bool) -> None:
        """Sets how numbers are written from here on; version 1 has lengths of four bytes."""
        self._order = ">" if big_endian else "<"
        self._lengths = "I" if short_lengths else "Q"

    @property
    def bytes_left(self) -> int:
        """Bytes between here and the end of the file."""
        return self._size - self.position

    def note(self, place: str, what: str) -> None:
        """Notes an oddity."""
        if len(self.oddities) < _ODDITIES_KEPT:
            self.oddities.append((place, what))

    def length(self) -> int:
        """A length, a count or a dimension."""
        return int(self.number(self._lengths, "a length"))

    def count(self, what: str, limit: int) -> int:
        """How many of something follow; whatever is counted takes at least one byte each."""
        count = self.length()
        if count > min(limit, self.bytes_left):
            raise self.error(f"{what} is {count}, with {self.bytes_left} bytes left (limit {limit})")
        return count

    def string(self, what: str, *, is_token: bool = False) -> str:
        """A counted string; what is not UTF-8 becomes U+FFFD. Tokens may be any bytes."""
        length = self.length()
        if length > min(MAX_STRING_BYTES, self._text_left):
            raise self.error(f"{what} claims {length} bytes (limit {min(MAX_STRING_BYTES, self._text_left)})")
        data = self.take(length, what)
        self._text_left -= length
        if is_token:
            return data.decode("utf-8", "replace")
        if b"\0" in data:
            self.note(what, "holds a zero byte, at which C stops reading")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.note(what, "is not UTF-8")
            return data.decode("utf-8", "replace")

    def skip_strings(self, count: int, what: str) -> None:
        """Steps over counted strings: the one place where a header takes time."""
        self._strings_left -= count
        if self._strings_left < 0:
            raise self.error(f"{what}: more than {MAX_STRINGS} strings in arrays")
        width = 8 if self._lengths == "Q" else 4
        order: Literal["little", "big"] = "big" if self._order == ">" else "little"
        read, seek, at = self._stream.read, self._stream.seek, self.position
        end = min(self._size, self._limit)
        for _ in range(count):
            length = int.from_bytes(read(width), order)
            at += width + length
            if at > end:
                raise self.error(f"cut off in {what}, or longer than {self._limit} bytes")
            seek(length, os.SEEK_CUR)
        self.position = at

    def enter(self, what: str) -> None:
        """Counts one array in an array."""
        self._nested_left -= 1
        if self._nested_left < 0:
            raise self.error(f"{what}: more than {MAX_NESTED} arrays in arrays")

    def number(self, code: str, what: str) -> int | float:
        """A number of this `struct` code."""
        layout = f"{self._order}{code}"
        value: int | float = struct.unpack(layout, self.take(struct.calcsize(layout), what))[0]
        return value

    def take(self, size_bytes: int, what: str) -> bytes:
        """The next bytes."""
        self._advance(size_bytes, what)
        data = self._stream.read(size_bytes)
        if len(data) != size_bytes:
            raise self.error(f"cut off in {what}")
        return data

    def skip(self, size_bytes: int, what: str) -> None:
        """Steps over the next bytes."""
        self._advance(size_bytes, what)
        self._stream.seek(size_bytes, os.SEEK_CUR)

    def error(self, problem: str) -> GgufError:
        """The error for this problem at this place."""
        return GgufError(
            f"{self._name}, byte {self.position}: {problem}",
            hint="fetch the file again; do not load it",
        )

    def _advance(self, size_bytes: int, what: str) -> None:
        if size_bytes > self.bytes_left:
            raise self.error(f"cut off in {what}: {size_bytes} bytes expected")
        self.position += size_bytes
        if self.position > self._limit:
            raise self.error(f"the header is longer than {self._limit} bytes")
