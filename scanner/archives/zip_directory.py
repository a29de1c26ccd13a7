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

import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from scanner.archives.faults import Fault, Rule, UnpackingError

_END: Final = b"PK\x05\x06"
_END64: Final = b"PK\x06\x06"
_LOCATOR64: Final = b"PK\x06\x07"
ENTRY: Final = b"PK\x01\x02"
LOCAL: Final = b"PK\x03\x04"
_END_FORMAT: Final = struct.Struct("<4s4H2LH")
_END64_FORMAT: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64_FORMAT: Final = struct.Struct("<4sLQL")
_ENTRY_FORMAT: Final = struct.Struct("<4s6H3L5H2L")
_COMMENT_BYTES: Final = 65535
# 100 000 tensors make a directory of 6 MB.
_DIRECTORY_BYTES: Final = 32 * 1024**2
_ALL_ONES: Final = 0xFFFFFFFF
_ZIP64_EXTRA: Final = 1
_UNIX: Final = 3
MAGICS: Final = (LOCAL, ENTRY, _END)


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
        comment: Of the archive.
        faults: What is wrong with it.
    """

    entries: list[ZipEntry]
    begin: int
    end: int
    shift: int
    tail: tuple[int, int]
    comment: bytes
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class _End:
    """The record at the end, 64-bit values filled in; `at` is where the directory has to end."""

    position: int
    at: int
    count: int
    size_bytes: int
    offset: int
    comment_bytes: int
    pointed: int | None = None


def read_directory(stream: BinaryIO, size_bytes: int) -> ZipDirectory:
    """The directory of the archive in a file of this size.

    Raises:
        UnpackingError: when there is none, or it contradicts itself.
    """
    faults: list[Fault] = []
    end = _find_end(stream, size_bytes, faults)
    begin, shift = _begin_of(stream, end)
    if end.pointed is not None and end.pointed + shift != end.at:
        faults.append(_fault(Rule.TWO_DIRECTORIES, "its 64-bit end record is not where its locator says"))
    if end.size_bytes > _DIRECTORY_BYTES:
        raise UnpackingError(
            f"its directory is longer than {_DIRECTORY_BYTES} bytes and was not read", Rule.NOT_OPENED
        )
    stream.seek(begin)
    data = stream.read(end.size_bytes)
    entries = list(_entries(data))
    if len(entries) != end.count:
        faults.append(
            _fault(
                Rule.TWO_DIRECTORIES,
                f"its directory has {len(entries)} entries and says that it has {end.count}",
            )
        )
    comment = _comment(stream, end, size_bytes, faults)
    tail_end = min(end.position + _END_FORMAT.size + end.comment_bytes, size_bytes)
    return ZipDirectory(entries, begin, begin + end.size_bytes, shift, (end.at, tail_end), comment, faults)


def _fault(rule: Rule, text: str) -> Fault:
    return Fault(rule, "", text)


def _find_end(stream: BinaryIO, size_bytes: int, faults: list[Fault]) -> _End:
    start = max(0, size_bytes - _END_FORMAT.size - _COMMENT_BYTES)
    stream.seek(start)
    tail = stream.read(size_bytes - start)
    places = [place for place in _places(tail, _END) if place + _END_FORMAT.size <= len(tail)]
    if not places:
        raise UnpackingError(
            "it has no directory at its end: it is cut off, or only begins like a zip archive"
        )
    sound = [place for place in places if _is_sound(stream, start, tail, place)]
    main = places[-1]  # as zipfile and PyTorch take it
    if sound and main != sound[-1]:
        main = sound[-1]
        faults.append(
            _fault(
                Rule.TWO_DIRECTORIES,
                "after its end record comes something that zipfile takes for another one",
            )
        )
    return _read_end(stream, start + main, tail[main : main + _END_FORMAT.size], faults)


def _places(data: bytes, what: bytes) -> Iterator[int]:
    place = data.find(what)
    while place >= 0:
        yield place
        place = data.find(what, place + 1)


def _is_sound(stream: BinaryIO, start: int, tail: bytes, place: int) -> bool:
    """Whether an end record could be one: its directory is where it should be."""
    disk: int
    _, disk, first, here, total, size, offset, comment = _END_FORMAT.unpack_from(tail, place)
    if disk or first or here != total or place + _END_FORMAT.size + comment > len(tail):
        return _is_zip64(tail, place)
    if total == 0:
        return bool(size == 0)
    position = start + place
    return any(_begins_with(stream, at, ENTRY) for at in {position - size, offset}) or _is_zip64(tail, place)


def _is_zip64(tail: bytes, place: int) -> bool:
    at = place - _LOCATOR64_FORMAT.size
    return at >= 0 and tail[at : at + 4] == _LOCATOR64


def _begins_with(stream: BinaryIO, position: int, what: bytes) -> bool:
    if position < 0:
        return False
    stream.seek(position)
    data: bytes = stream.read(len(what))
    return data == what


def _read_end(stream: BinaryIO, position: int, data: bytes, faults: list[Fault]) -> _End:
    _, disk, first, here, total, size, offset, comment = _END_FORMAT.unpack(data)
    if max(disk, first) not in (0, 0xFFFF) or here != total:
        raise UnpackingError("it is one part of several, which are not opened", Rule.NOT_OPENED)
    found = _read_end64(stream, position, faults)
    if found is None:
        return _End(position, position, total, size, offset, comment)
    for short, long, ones in (
        (total, found.count, 0xFFFF),
        (size, found.size_bytes, _ALL_ONES),
        (offset, found.offset, _ALL_ONES),
    ):
        if short not in (long, ones):
            faults.append(
                _fault(
                    Rule.TWO_DIRECTORIES,
                    f"its 32-bit and its 64-bit end records differ ({short} and {long})",
                )
            )
            break
    return dataclasses.replace(found, comment_bytes=comment)


def _read_end64(stream: BinaryIO, position: int, faults: list[Fault]) -> _End | None:
    """The 64-bit record, which a locator right before the 32-bit one points at."""
    at = position - _LOCATOR64_FORMAT.size
    if not _begins_with(stream, at, _LOCATOR64):
        return None
    stream.seek(at)
    _, _, pointed, _ = _LOCATOR64_FORMAT.unpack(stream.read(_LOCATOR64_FORMAT.size))
    before = at - _END64_FORMAT.size
    places = {place for place in (pointed, before) if place < at and _begins_with(stream, place, _END64)}
    if not places:
        raise UnpackingError("its 64-bit end record is not where its locator says")
    if len(places) == 2:
        faults.append(_fault(Rule.TWO_DIRECTORIES, "it has two 64-bit end records"))
    place = before if before in places else pointed  # as zipfile takes it
    stream.seek(place)
    data = stream.read(_END64_FORMAT.size)
    if len(data) < _END64_FORMAT.size:
        raise UnpackingError("its 64-bit end record is cut off")
    _, length, _, _, _, _, _, total, size, offset = _END64_FORMAT.unpack(data)
    if place + 12 + length != at:
        faults.append(_fault(Rule.TWO_DIRECTORIES, f"its 64-bit end record says that it is {length} long"))
    return _End(position, place, total, size, offset, 0, pointed)


def _begin_of(stream: BinaryIO, end: _End) -> tuple[int, int]:
    """Where the directory begins, and how much further than written that is."""
    begin = end.at - end.size_bytes
    if end.count == 0 and end.size_bytes == 0:
        return end.at, max(0, end.at - end.offset)
    if begin >= end.offset and _begins_with(stream, begin, ENTRY):
        return begin, begin - end.offset
    if end.offset + end.size_bytes <= end.at and _begins_with(stream, end.offset, ENTRY):
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


def _comment(stream: BinaryIO, end: _End, size_bytes: int, faults: list[Fault]) -> bytes:
    stream.seek(end.position + _END_FORMAT.size)
    comment = stream.read(end.comment_bytes)
    if len(comment) < end.comment_bytes:
        faults.append(_fault(Rule.BROKEN, "its comment is cut off"))
    after = size_bytes - end.position - _END_FORMAT.size - end.comment_bytes
    if after > 0:
        faults.append(_fault(Rule.OUTSIDE_BYTES, f"{after} bytes follow its end"))
    if any(magic in comment for magic in MAGICS):
        faults.append(_fault(Rule.TWO_DIRECTORIES, "its comment holds parts of another zip archive"))
    return comment
