r"""Finds the record at the end of a zip archive, of which readers may take different ones.

Source: APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16; Python 3.13, `zipfile._EndRecData`.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from scanner.archives.faults import Fault, Rule, UnpackingError
from scanner.parts import PartlyReadError

LOCAL: Final = b"PK\x03\x04"
ENTRY: Final = b"PK\x01\x02"
_END: Final = b"PK\x05\x06"
_END64: Final = b"PK\x06\x06"
_LOCATOR64: Final = b"PK\x06\x07"
MAGICS: Final = (LOCAL, ENTRY, _END)
_END_FORMAT: Final = struct.Struct("<4s4H2LH")
_END64_FORMAT: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64_FORMAT: Final = struct.Struct("<4sLQL")
END_BYTES: Final = _END_FORMAT.size
_COMMENT_BYTES: Final = 65535
_ALL_ONES: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class EndRecord:
    """The record at the end, 64-bit values filled in; `at` is where the directory has to end."""

    position: int
    at: int
    count: int
    size_bytes: int
    offset: int
    comment_bytes: int
    pointed: int | None = None


def end_fault(rule: Rule, text: str) -> Fault:
    """A fault of the archive, not of a member."""
    return Fault(rule, "", text)


def find_end(stream: BinaryIO, size_bytes: int, faults: list[Fault]) -> EndRecord:
    """The record that ends an archive of this size; that others could be taken for it goes to `faults`.

    Raises:
        UnpackingError: when there is none.
    """
    start, tail = _read_tail(stream, size_bytes)
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
            end_fault(
                Rule.TWO_DIRECTORIES,
                "after its end record comes something that zipfile takes for another one",
            )
        )
    return _read_end(stream, start + main, tail[main : main + _END_FORMAT.size], faults)


def _read_tail(stream: BinaryIO, size_bytes: int) -> tuple[int, bytes]:
    """Where the longest comment could begin and what stands from there on, or as much as was fetched."""
    for count in (_END_FORMAT.size + _COMMENT_BYTES, _LOCATOR64_FORMAT.size + _END_FORMAT.size):
        start = max(0, size_bytes - count)
        try:
            stream.seek(start)
            return start, stream.read(size_bytes - start)
        except PartlyReadError:
            continue
    start = max(0, size_bytes - _END_FORMAT.size)
    stream.seek(start)
    return start, stream.read(size_bytes - start)


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
    return any(begins_with(stream, at, ENTRY) for at in {position - size, offset}) or _is_zip64(tail, place)


def _is_zip64(tail: bytes, place: int) -> bool:
    at = place - _LOCATOR64_FORMAT.size
    return at >= 0 and tail[at : at + 4] == _LOCATOR64


def begins_with(stream: BinaryIO, position: int, what: bytes) -> bool:
    """Whether these bytes stand at this position."""
    if position < 0:
        return False
    stream.seek(position)
    data: bytes = stream.read(len(what))
    return data == what


def _read_end(stream: BinaryIO, position: int, data: bytes, faults: list[Fault]) -> EndRecord:
    _, disk, first, here, total, size, offset, comment = _END_FORMAT.unpack(data)
    if max(disk, first) not in (0, 0xFFFF) or here != total:
        raise UnpackingError("it is one part of several, which are not opened", Rule.NOT_OPENED)
    found = _read_end64(stream, position, faults)
    if found is None:
        return EndRecord(position, position, total, size, offset, comment)
    for short, long, ones in (
        (total, found.count, 0xFFFF),
        (size, found.size_bytes, _ALL_ONES),
        (offset, found.offset, _ALL_ONES),
    ):
        if short not in (long, ones):
            faults.append(
                end_fault(
                    Rule.TWO_DIRECTORIES,
                    f"its 32-bit and its 64-bit end records differ ({short} and {long})",
                )
            )
            break
    return dataclasses.replace(found, comment_bytes=comment)


def _read_end64(stream: BinaryIO, position: int, faults: list[Fault]) -> EndRecord | None:
    """The 64-bit record, which a locator right before the 32-bit one points at."""
    at = position - _LOCATOR64_FORMAT.size
    if not begins_with(stream, at, _LOCATOR64):
        return None
    stream.seek(at)
    _, _, pointed, _ = _LOCATOR64_FORMAT.unpack(stream.read(_LOCATOR64_FORMAT.size))
    before = at - _END64_FORMAT.size
    places = {place for place in (pointed, before) if place < at and begins_with(stream, place, _END64)}
    if not places:
        raise UnpackingError("its 64-bit end record is not where its locator says")
    if len(places) == 2:
        faults.append(end_fault(Rule.TWO_DIRECTORIES, "it has two 64-bit end records"))
    place = before if before in places else pointed  # as zipfile takes it
    stream.seek(place)
    data = stream.read(_END64_FORMAT.size)
    if len(data) < _END64_FORMAT.size:
        raise UnpackingError("its 64-bit end record is cut off")
    _, length, _, _, _, _, _, total, size, offset = _END64_FORMAT.unpack(data)
    if place + 12 + length != at:
        faults.append(end_fault(Rule.TWO_DIRECTORIES, f"its 64-bit end record says that it is {length} long"))
    return EndRecord(position, place, total, size, offset, 0, pointed)
