"""Walks the fields of a protobuf message in a file without loading it, whatever its size.

The protobuf library reads a message whole: a model of 10 GB takes twice that, and a list of a million empty
messages takes gigabytes. Here a field is a number and a stretch of the file; what nobody asks for is skipped.

>>> import io
>>> wire = Wire(io.BytesIO(bytes([0x08, 0x07, 0x12, 0x02]) + b"hi"), 6)
>>> [(field.number, field.value) for field in wire.fields(0, 6)]
[(1, 7), (2, 0)]
>>> wire.text(list(wire.fields(0, 6))[1])
'hi'

Source: protobuf.dev, "Encoding", read 2026-11-26.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from scanner.errors import ScanError
from scanner.parts import PartlyReadError

VARINT: Final = 0
EIGHT: Final = 1
LENGTH: Final = 2
GROUP: Final = 3
_GROUP_END: Final = 4
FOUR: Final = 5
_WINDOW_BYTES: Final = 128 * 1024
# A tag takes at most five bytes, a length or number ten.
_HEAD_BYTES: Final = 15
# How much to try for where a window of full length goes beyond what was read of the file.
_LESS: Final = (4096, 256, *range(_HEAD_BYTES, 0, -1))
# A graph of a million operations has about twenty million; walking so many takes half a minute.
_MOST_FIELDS: Final = 40_000_000
_DEPTH: Final = 100
TEXT_BYTES: Final = 4096


class WireError(ScanError):
    """The bytes are no protobuf message."""


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: Of the field.
        kind: How it is written: VARINT, EIGHT, LENGTH, GROUP or FOUR.
        value: Of a number, without sign; 0 for others.
        begin: First byte of what it holds.
        end: The byte after the last.
    """

    number: int
    kind: int
    value: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return self.end - self.begin

    @property
    def signed(self) -> int:
        """The value as a number of 64 bits with sign."""
        return self.value - 2**64 if self.value >= 2**63 else self.value


class Wire:
    """A file of protobuf messages.

    Attributes:
        size_bytes: Of the file.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, window_bytes: int = _WINDOW_BYTES) -> None:
        """`window_bytes` are read at once; few where reading means fetching."""
        self.size_bytes = size_bytes
        self._window_bytes = window_bytes
        self._stream = stream
        self._window, self._at = b"", 0
        self._fields = 0

    @property
    def root(self) -> Field:
        """The file as if it were a field that holds a message."""
        return Field(1, LENGTH, 0, 0, self.size_bytes)

    def whole(self) -> Iterator[Field]:
        """The fields of the file as one message."""
        return self.inside(self.root)

    def inside(self, field: Field) -> Iterator[Field]:
        """The fields of the message that a field holds; none when it holds a number."""
        return self.fields(field.begin, field.end) if field.kind == LENGTH else iter(())

    def fields(self, begin: int, end: int) -> Iterator[Field]:
        """The fields between two bytes of the file, in order.

        Raises:
            WireError: when they are no message.
            PartlyReadError: when their headers were not read.
        """
        position = begin
        while position < end:
            field = self._short_field_at(position, end) or self._field_at(position, end, 0)
            position = field.end
            if field.kind == GROUP:
                position = self._group_end(field, end, 0)
                field = field._replace(end=position)
            yield field

    def first(self, field: Field, number: int) -> Field | None:
        """The first field of this number in a message."""
        return next((each for each in self.inside(field) if each.number == number), None)

    def first_text(self, field: Field, number: int, limit_bytes: int = TEXT_BYTES) -> str:
        """The text of the first field of this number in a message; "" when there is none."""
        found = self.first(field, number)
        return self.text(found, limit_bytes) if found else ""

    def reached(self, field: Field, *numbers: int) -> Iterator[Field]:
        """Every field that these numbers lead to, from one message into the next."""
        if not numbers:
            yield field
            return
        for each in self.inside(field):
            if each.number == numbers[0]:
                yield from self.reached(each, *numbers[1:])

    def last_text(self, field: Field, *numbers: int, limit_bytes: int = TEXT_BYTES) -> str:
        """The text that readers take where a field was written more than once: the last; "" for none."""
        found = None
        for each in self.reached(field, *numbers):
            found = each
        return self.text(found, limit_bytes) if found else ""

    def raw(self, field: Field, limit_bytes: int = TEXT_BYTES) -> bytes:
        """What a field holds, at most so many bytes of it."""
        if field.kind != LENGTH:
            return b""
        return self.read(field.begin, min(field.size, limit_bytes))

    def text(self, field: Field, limit_bytes: int = TEXT_BYTES) -> str:
        """The same as text; bytes that are not UTF-8 are escaped."""
        return self.raw(field, limit_bytes).decode("utf-8", "backslashreplace")

    def read(self, begin: int, count: int) -> bytes:
        """So many bytes of the file, fewer at its end."""
        offset = begin - self._at
        if offset >= 0 and offset + count <= len(self._window):
            return self._window[offset : offset + count]
        self._stream.seek(begin)
        return self._stream.read(count)

    def numbers(self, field: Field) -> Iterator[int]:
        """The values of a repeated number, written one by one or packed."""
        if field.kind != LENGTH:
            yield field.signed
            return
        position = field.begin
        while position < field.end:
            value, position = self._varint(position, field.end)
            yield value - 2**64 if value >= 2**63 else value

    def _short_field_at(self, position: int, end: int) -> Field | None:
        """The field here when its tag and its number or length take one byte each, as most do."""
        offset = position - self._at
        window = self._window
        if not 0 <= offset < len(window) - 1 or position + 2 > end or self._fields > _MOST_FIELDS:
            return None
        tag, value = window[offset], window[offset + 1]
        if not 8 <= tag < 0x80 or value >= 0x80:
            return None
        if tag & 7 == LENGTH and position + 2 + value <= end:
            self._fields += 1
            return Field(tag >> 3, LENGTH, 0, position + 2, position + 2 + value)
        if tag & 7 == VARINT:
            self._fields += 1
            return Field(tag >> 3, VARINT, value, position + 1, position + 2)
        return None

    def _field_at(self, position: int, end: int, depth: int) -> Field:
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise WireError(f"more than {_MOST_FIELDS} fields; not read to the end")
        start = position
        tag, position = self._varint(position, end)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 2**29:
            raise WireError(f"byte {start}: field number {number}; expected 1 to {2**29 - 1}")
        if kind == LENGTH:
            size, position = self._varint(position, end)
            if size > end - position:
                raise WireError(
                    f"byte {start}: field {number} claims {size} bytes; {end - position} are left"
                )
            return Field(number, kind, 0, position, position + size)
        if kind == VARINT:
            value, after = self._varint(position, end)
            return Field(number, kind, value, position, after)
        if kind in (EIGHT, FOUR):
            size = 8 if kind == EIGHT else 4
            if size > end - position:
                raise WireError(f"byte {start}: field {number} is cut off")
            value = int.from_bytes(self.read(position, size), "little")
            return Field(number, kind, value, position, position + size)
        if kind == GROUP or (kind == _GROUP_END and depth):
            return Field(number, kind, 0, position, position)
        raise WireError(f"byte {start}: field {number} is written in no known way ({kind})")

    def _group_end(self, group: Field, end: int, depth: int) -> int:
        if depth > _DEPTH:
            raise WireError(f"byte {group.begin}: groups nested more than {_DEPTH} deep")
        position = group.end
        while position < end:
            field = self._field_at(position, end, depth + 1)
            position = field.end
            if field.kind == GROUP:
                position = self._group_end(field, end, depth + 1)
            elif field.kind == _GROUP_END:
                if field.number != group.number:
                    break
                return position
        raise WireError(f"byte {group.begin}: group {group.number} is not closed")

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        offset = position - self._at
        if not 0 <= offset <= len(self._window) - _HEAD_BYTES:
            self._fill(position)
            offset = 0
        if position < end and offset < len(self._window) and (byte := self._window[offset]) < 0x80:
            return byte, position + 1
        value = shift = 0
        for place, byte in enumerate(self._window[offset : offset + min(10, end - position)], 1):
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (2**64 - 1), position + place
            shift += 7
        raise WireError(f"byte {position}: a number does not end")

    def _fill(self, position: int) -> None:
        """Moves the window to begin here; where not as much was read of the file, as far as it was."""
        for count in (self._window_bytes, *_LESS):
            self._stream.seek(position)
            try:
                self._window, self._at = self._stream.read(count), position
            except PartlyReadError:
                if count == 1:
                    raise
            else:
                return
