r"""Reads the end and the directory of a zip archive, and says where readers would differ about them.

`zipfile` reads one directory and trusts it; what is tried here is to find the second one.

>>> import io, zipfile
>>> stream = io.BytesIO()
>>> with zipfile.ZipFile(stream, "w") as archive:
...     archive.writestr("a.txt", b"text")
>>> [entry.name for entry in read_directory(stream, len(stream.getvalue())).entries]
[b'a.txt']

Source: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3; Python 3.13, Lib/zipfile.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from scanner.archives.faults import Fault, Rule, UnpackingError
from scanner.archives.zip_end import END_BYTES, ENTRY, MAGICS, EndRecord, begins_with, end_fault, find_end

_ENTRY_FORMAT: Final = struct.Struct("<4s6H3L5H2L")
# 100 000 tensors make a directory of 6 MB.
_DIRECTORY_BYTES: Final = 32 * 1024**2
_ALL_ONES: Final = 0xFFFFFFFF
_REST_BYTES: Final = 1024**2
_ZIP64_EXTRA: Final = 1
_UNIX: Final = 3


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One member, as the directory has it, with 64-bit values filled in.

    Attributes:
        name: Raw bytes.
        flags: General purpose bits.
        method: 0 stored, 8 deflated, ...
        crc: CRC-32 of what it unpacks to.
        packed_bytes: Length in the file.
        size_bytes: Length unpacked.
        offset: Where its local header begins, as written.
        mode: Unix file mode, 0 when another system wrote it.
        extra: Extra field.
    """

    name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int
    mode: int
    extra: bytes


@dataclass
class ZipDirectory:
    """What stands at the end of a zip archive.

    Attributes:
        entries: In order.
        begin: Its first byte in the file.
        end: The byte after its last entry.
        shift: How much further than written everything lies, because something was put before the archive.
        tail: Where the records that end the archive begin and end.
        faults: What is wrong with it.
    """

    entries: list[ZipEntry]
    begin: int
    end: int
    shift: int
    tail: tuple[int, int]
    faults: list[Fault] = field(default_factory=list)


def read_directory(stream: BinaryIO, size_bytes: int) -> ZipDirectory:
    """The directory of the archive in a file of this size.

    Raises:
        UnpackingError: when there is none, or it contradicts itself.
    """
    faults: list[Fault] = []
    end = find_end(stream, size_bytes, faults)
    begin, shift = _begin_of(stream, end)
    if end.pointed is not None and end.pointed + shift != end.at:
        faults.append(end_fault(Rule.TWO_DIRECTORIES, "its 64-bit end record is not where its locator says"))
    if end.size_bytes > _DIRECTORY_BYTES:
        raise UnpackingError(
            f"its directory is longer than {_DIRECTORY_BYTES} bytes and was not read", Rule.NOT_OPENED
        )
    stream.seek(begin)
    data = stream.read(end.size_bytes)
    entries = list(_entries(data))
    if len(entries) != end.count:
        faults.append(
            end_fault(
                Rule.TWO_DIRECTORIES,
                f"its directory has {len(entries)} entries and says that it has {end.count}",
            )
        )
    _judge_rest(stream, end, size_bytes, faults)
    tail_end = min(end.position + END_BYTES + end.comment_bytes, size_bytes)
    return ZipDirectory(entries, begin, begin + end.size_bytes, shift, (end.at, tail_end), faults)


def _begin_of(stream: BinaryIO, end: EndRecord) -> tuple[int, int]:
    """Where the directory begins, and how much further than written that is."""
    begin = end.at - end.size_bytes
    if end.count == 0 and end.size_bytes == 0:
        return end.at, max(0, end.at - end.offset)
    if begin >= end.offset and begins_with(stream, begin, ENTRY):
        return begin, begin - end.offset
    if end.offset + end.size_bytes <= end.at and begins_with(stream, end.offset, ENTRY):
        return end.offset, 0
    raise UnpackingError(f"its directory of {end.size_bytes} bytes is not where its end record says")


def _entries(data: bytes) -> Iterator[ZipEntry]:
    place = 0
    while place < len(data):
        if len(data) - place < _ENTRY_FORMAT.size or data[place : place + 4] != ENTRY:
            raise UnpackingError(f"its directory is broken at byte {place}")
        (
            _,
            made_by,
            _,
            flags,
            method,
            _,
            _,
            crc,
            packed,
            size,
            name_bytes,
            extra_bytes,
            comment_bytes,
            _,
            _,
            external,
            offset,
        ) = _ENTRY_FORMAT.unpack_from(data, place)
        place += _ENTRY_FORMAT.size
        end = place + name_bytes + extra_bytes + comment_bytes
        if end > len(data):
            raise UnpackingError("an entry of its directory reaches beyond its end")
        name = data[place : place + name_bytes]
        extra = data[place + name_bytes : place + name_bytes + extra_bytes]
        size, packed, offset = wide_values(extra, (size, packed, offset))
        mode = external >> 16 if made_by >> 8 == _UNIX else 0
        yield ZipEntry(name, flags, method, crc, packed, size, offset, mode, extra)
        place = end


def wide_values(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """32-bit values, with those that are all ones taken from the 64-bit extra field, in its order.

    Raises:
        UnpackingError: when that field is missing or too short.
    """
    if _ALL_ONES not in values:
        return values
    data = extra_field(extra, _ZIP64_EXTRA) or b""
    wide: list[int] = []
    place = 0
    for value in values:
        if value == _ALL_ONES:
            if place + 8 > len(data):
                raise UnpackingError("a 64-bit size or offset of its directory is missing")
            value = int.from_bytes(data[place : place + 8], "little")
            place += 8
        wide.append(value)
    return tuple(wide)


def extra_field(extra: bytes, wanted: int) -> bytes | None:
    """The extra field of this number, None without one; what is no list of fields ends the search."""
    place = 0
    while place + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, place)
        if number == wanted:
            return extra[place + 4 : place + 4 + length]
        place += 4 + length
    return None


def _judge_rest(stream: BinaryIO, end: EndRecord, size_bytes: int, faults: list[Fault]) -> None:
    """The comment, and what follows it."""
    stream.seek(end.position + END_BYTES)
    comment = stream.read(end.comment_bytes)
    if len(comment) < end.comment_bytes:
        faults.append(end_fault(Rule.BROKEN, "its comment is cut off"))
    after = size_bytes - end.position - END_BYTES - end.comment_bytes
    if after > 0:
        rest = stream.read(min(after, _REST_BYTES))
        rule = Rule.HIDDEN_MEMBER if any(magic in rest for magic in MAGICS) else Rule.OUTSIDE_BYTES
        faults.append(end_fault(rule, f"{after} bytes follow its end"))
    if any(magic in comment for magic in MAGICS):
        faults.append(end_fault(Rule.TWO_DIRECTORIES, "its comment holds parts of another zip archive"))
