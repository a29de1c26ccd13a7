r"""Reads a FlatBuffers file table by table, with every offset checked before it is followed.

The flatbuffers package for Python follows offsets as they come (a negative one reads from the end) and has no
verifier; its C++ verifier needs the whole file in memory. Here a table is asked for one field at a time,
and a file of any size takes a window of it.

>>> import io
>>> data = bytes.fromhex("0c00000000000600080004000600000004000000")
>>> flat = Flat(io.BytesIO(data), len(data))
>>> flat.root().number(0, 4)
4

Source: flatbuffers.dev, "FlatBuffer Internals" and the verifier of the C++ runtime 25.12, read 2026-11-26.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from scanner.errors import ScanError
from scanner.parts import PartlyReadError

_PAGE_BYTES: Final = 64 * 1024
_MOST_PAGES: Final = 64
# Offsets can point to the same table again and again: what is followed is counted, not what is there.
_MOST_STEPS = 2_000_000
TEXT_BYTES: Final = 4096


class FlatError(ScanError):
    """The bytes are no FlatBuffers file."""


@dataclass(frozen=True)
class Span:
    """A vector: where its elements begin, and how many there are."""

    begin: int
    count: int


class Flat:
    """A FlatBuffers file.

    Attributes:
        size_bytes: Of the file.
        furthest: Byte after the last that anything which was followed takes.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, page_bytes: int = _PAGE_BYTES) -> None:
        """`page_bytes` are read at once; few where reading means fetching."""
        self.size_bytes = size_bytes
        self.furthest = 0
        self._stream = stream
        self._page_bytes = page_bytes
        self._pages: dict[int, bytes] = {}
        self._steps = 0

    def root(self) -> Table:
        """The table that the file begins with.

        Raises:
            FlatError: when there is none.
        """
        return Table(self, self.follow(0))

    def number(self, position: int, count: int, *, signed: bool = False) -> int:
        """The number of so many bytes at a position."""
        return int.from_bytes(self.read(position, count), "little", signed=signed)

    def read(self, position: int, count: int) -> bytes:
        """So many bytes, all of which must be there.

        Raises:
            FlatError: when the file ends before.
            PartlyReadError: when they were not read.
        """
        if position < 0 or position + count > self.size_bytes:
            raise FlatError(f"byte {position}: {count} bytes are asked for; the file has {self.size_bytes}")
        self.furthest = max(self.furthest, position + count)
        begin, offset = position - position % self._page_bytes, position % self._page_bytes
        if offset + count <= self._page_bytes and (page := self._page(begin)):
            return page[offset : offset + count]
        self._stream.seek(position)
        return self._stream.read(count)

    def follow(self, position: int) -> int:
        """Where the offset at a position points to."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise FlatError(f"more than {_MOST_STEPS} references; not read to the end")
        target = position + self.number(position, 4)
        if target == position or target > self.size_bytes - 4:
            raise FlatError(f"byte {position}: points to byte {target} of {self.size_bytes}")
        return target

    def span(self, position: int, item_bytes: int) -> Span:
        """The vector that the offset at a position points to."""
        at = self.follow(position)
        count = self.number(at, 4)
        if count * item_bytes > self.size_bytes - at - 4:
            raise FlatError(
                f"byte {at}: {count} elements of {item_bytes} bytes; {self.size_bytes - at - 4} are left"
            )
        self.furthest = max(self.furthest, at + 4 + count * item_bytes)
        return Span(at + 4, count)

    def _page(self, begin: int) -> bytes:
        """The page that begins here; nothing when not all of it was read of the file."""
        page = self._pages.get(begin)
        if page is None:
            if len(self._pages) >= _MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            self._stream.seek(begin)
            try:
                page = self._stream.read(self._page_bytes)
            except PartlyReadError:
                page = b""
            self._pages[begin] = page
        return page


class Table:
    """One table of the file.

    Attributes:
        position: Its first byte, by which tables are told apart.
    """

    __slots__ = ("_bytes", "_fields", "_fields_bytes", "_flat", "position")

    def __init__(self, flat: Flat, position: int) -> None:
        self.position = position
        self._flat = flat
        self._fields = position - flat.number(position, 4, signed=True)
        if not 0 <= self._fields <= flat.size_bytes - 4:
            raise FlatError(f"byte {position}: its list of fields lies at byte {self._fields}")
        self._fields_bytes = flat.number(self._fields, 2)
        self._bytes = flat.number(self._fields + 2, 2)
        is_odd = self._fields_bytes < 4 or self._fields_bytes % 2 or self._bytes < 4
        if (
            is_odd
            or self._fields + self._fields_bytes > flat.size_bytes
            or position + self._bytes > flat.size_bytes
        ):
            raise FlatError(
                f"byte {position}: a table of {self._bytes} bytes with {self._fields_bytes} bytes of fields"
            )
        flat.furthest = max(flat.furthest, position + self._bytes)

    @property
    def slots(self) -> int:
        """How many fields its list has room for, absent ones included."""
        return (self._fields_bytes - 4) // 2

    def place(self, slot: int, count: int) -> int | None:
        """Where a field of so many bytes lies; None when the table does not have it."""
        if slot >= self.slots:
            return None
        offset = self._flat.number(self._fields + 4 + 2 * slot, 2)
        if offset == 0:
            return None
        if offset < 4 or offset + count > self._bytes:
            raise FlatError(f"byte {self.position}: field {slot} lies at {offset} of {self._bytes} bytes")
        return self.position + offset

    def number(self, slot: int, count: int, default: int = 0, *, signed: bool = False) -> int:
        """A number of so many bytes."""
        place = self.place(slot, count)
        return default if place is None else self._flat.number(place, count, signed=signed)

    def table(self, slot: int) -> Table | None:
        """A table that a field points to."""
        place = self.place(slot, 4)
        return None if place is None else Table(self._flat, self._flat.follow(place))

    def span(self, slot: int, item_bytes: int) -> Span:
        """A vector that a field points to; an empty one when it is absent."""
        place = self.place(slot, 4)
        return Span(0, 0) if place is None else self._flat.span(place, item_bytes)

    def tables(self, slot: int) -> Iterator[Table]:
        """The tables of a vector, in order."""
        span = self.span(slot, 4)
        for index in range(span.count):
            yield Table(self._flat, self._flat.follow(span.begin + 4 * index))

    def table_at(self, slot: int, index: int) -> Table | None:
        """One table of a vector; None when there are not so many."""
        span = self.span(slot, 4)
        if index >= span.count:
            return None
        return Table(self._flat, self._flat.follow(span.begin + 4 * index))

    def numbers(self, slot: int, count: int, limit: int, *, signed: bool = True) -> list[int]:
        """The numbers of a vector, at most so many."""
        span = self.span(slot, count)
        data = self._flat.read(span.begin, min(span.count, limit) * count) if span.count else b""
        return [
            int.from_bytes(data[begin : begin + count], "little", signed=signed)
            for begin in range(0, len(data), count)
        ]

    def raw(self, slot: int, limit_bytes: int = TEXT_BYTES) -> bytes:
        """The bytes of a vector or text, at most so many."""
        span = self.span(slot, 1)
        return self._flat.read(span.begin, min(span.count, limit_bytes)) if span.count else b""

    def read(self, position: int, count: int) -> bytes:
        """So many bytes from anywhere in the file, all of which must be there."""
        return self._flat.read(position, count)

    def text(self, slot: int) -> str:
        """A text; bytes that are not UTF-8 are escaped."""
        return self.raw(slot).decode("utf-8", "backslashreplace")
