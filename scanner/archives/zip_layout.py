"""Where each member of a zip archive lies, and whether the header beside its data agrees with the directory.

Whoever streams an archive reads the headers beside the data, whoever seeks reads the directory: where they
differ, a scanner and a loader see different files.

Source: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.9 and 4.4; D. Fifield, "A better zip bomb", WOOT 2019.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from scanner.archives.faults import Fault, Faults, Rule, UnpackingError, shown
from scanner.archives.zip_directory import ZipDirectory, ZipEntry, extra_field, wide_values
from scanner.archives.zip_end import LOCAL, MAGICS
from scanner.parts import PartlyReadError

_LOCAL_FORMAT: Final = struct.Struct("<4s5H3L2H")
_DESCRIPTOR: Final = b"PK\x07\x08"
ENCRYPTED: Final = 0x0001
_DESCRIPTOR_FOLLOWS: Final = 0x0008
# Encrypted, patched data, strongly encrypted, directory masked.
REFUSED_FLAGS: Final = 0x2061
_UNICODE_PATH: Final = 0x7075
_VOLUME_MARKS: Final = (b"PK\x07\x08", b"PK00")  # of an archive that was once to be cut into volumes
_GAP_BYTES: Final = 1024**2
# Signatures of Android packages lie between the members and the directory.
_KNOWN_GAPS: Final = (b"APK Sig Block 42",)


@dataclass(frozen=True, slots=True)
class Placed:
    """A member and its data.

    Attributes:
        entry: What the directory says.
        begin: First byte of its data in the file.
    """

    entry: ZipEntry
    begin: int

    @property
    def end(self) -> int:
        """The byte after its data."""
        return self.begin + self.entry.packed_bytes


def place_members(stream: BinaryIO, directory: ZipDirectory, faults: Faults) -> Iterator[Placed]:
    """Every member that lies where the directory says, by position; what is wrong goes to `faults`."""
    entries = sorted(directory.entries, key=lambda entry: entry.offset)
    reached = entries[0].offset + directory.shift if entries else directory.begin
    if reached:
        _judge_prefix(stream, reached, faults)
    for entry in entries:
        header_at = entry.offset + directory.shift
        try:
            placed, end = _place(stream, entry, header_at, directory.begin, faults)
            if reached < header_at:
                _judge_gap(stream, reached, header_at, faults)
        except PartlyReadError as error:
            _note_once(faults, Fault(Rule.NOT_FETCHED, "", str(error)))
            reached = max(reached, header_at + entry.packed_bytes + _LOCAL_FORMAT.size)
            continue
        if header_at < reached:
            _note_once(faults, _fault(Rule.BOMB, entry, "overlaps the member before it, as in zip bombs"))
        reached = max(reached, end)
        if placed is not None:
            yield placed
    for begin, end in ((reached, directory.begin), (directory.end, directory.tail[0])):
        if begin < end:
            _judge_gap(stream, begin, end, faults)


def _note_once(faults: Faults, fault: Fault) -> None:
    if fault not in faults:
        faults.append(fault)


def _fault(rule: Rule, entry: ZipEntry, text: str) -> Fault:
    return Fault(rule, entry.name.decode("utf-8", "backslashreplace"), text)


def _judge_prefix(stream: BinaryIO, end: int, faults: Faults) -> None:
    """What stands before the first member is looked at where it is known what the file is."""
    stream.seek(0)
    head = stream.read(min(end, _GAP_BYTES))
    if LOCAL in head or head.startswith(MAGICS):
        text = f"{end} bytes stand before its first member, with a member that its directory does not list"
        faults.append(Fault(Rule.HIDDEN_MEMBER, "", text))
    elif (head.strip(b"\0") or end > _GAP_BYTES) and head not in _VOLUME_MARKS:
        faults.append(Fault(Rule.POLYGLOT, "", f"{end} bytes of something else stand before the archive"))


def _judge_gap(stream: BinaryIO, begin: int, end: int, faults: Faults) -> None:
    stream.seek(begin)
    data = stream.read(min(end - begin, _GAP_BYTES))
    is_padding = not data.strip(b"\0") and end - begin <= _GAP_BYTES
    if is_padding or any(data.endswith(known) for known in _KNOWN_GAPS):
        return
    if any(magic in data for magic in MAGICS):
        text = f"bytes {begin} to {end} hold a member or directory that its directory does not list"
        faults.append(Fault(Rule.HIDDEN_MEMBER, "", text))
    else:
        text = f"bytes {begin} to {end} belong to no member"
        faults.append(Fault(Rule.OUTSIDE_BYTES, "", text))


def _place(
    stream: BinaryIO, entry: ZipEntry, at: int, limit: int, faults: Faults
) -> tuple[Placed | None, int]:
    """The member, None when it is not there, and where it ends."""
    stream.seek(at)
    data = stream.read(_LOCAL_FORMAT.size)
    if len(data) < _LOCAL_FORMAT.size or not data.startswith(LOCAL):
        faults.append(_fault(Rule.BROKEN, entry, "is not where the directory says"))
        return None, at
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL_FORMAT.unpack(data)
    name, extra = stream.read(name_bytes), stream.read(extra_bytes)
    begin = at + _LOCAL_FORMAT.size + name_bytes + extra_bytes
    placed = Placed(entry, begin)
    if placed.end > limit:
        faults.append(_fault(Rule.BROKEN, entry, "reaches into the directory"))
        return None, begin
    faults.extend(_differences(entry, flags, method, name))
    faults.extend(_number_differences(entry, flags, extra, (crc, packed, size)))
    end = placed.end
    if (flags | entry.flags) & _DESCRIPTOR_FOLLOWS:
        is_sure = bool(flags & entry.flags & _DESCRIPTOR_FOLLOWS) and entry.packed_bytes > 0
        end += _descriptor_bytes(stream, entry, end, faults if is_sure else Faults())
    return placed, end


def _differences(entry: ZipEntry, flags: int, method: int, name: bytes) -> Iterator[Fault]:
    if name != entry.name:
        text = f"is named {shown(name)} beside its data and {shown(entry.name)} in the directory"
        yield _fault(Rule.HEADERS_DIFFER, entry, text)
    if method != entry.method:
        text = f"is packed by method {method} beside its data and by {entry.method} in the directory"
        yield _fault(Rule.HEADERS_DIFFER, entry, text)
    if (flags ^ entry.flags) & REFUSED_FLAGS:
        text = f"has the flags {flags:#x} beside its data and {entry.flags:#x} in the directory"
        yield _fault(Rule.HEADERS_DIFFER, entry, text)
    unicode = extra_field(entry.extra, _UNICODE_PATH)
    if unicode is not None and int.from_bytes(unicode[1:5], "little") == zlib.crc32(entry.name):
        other = unicode[5:]
        if other != entry.name and not _is_same_text(entry.name, other):
            yield _fault(Rule.HEADERS_DIFFER, entry, f"is named {shown(other)} in its extra field")


def _is_same_text(name: bytes, other: bytes) -> bool:
    """Whether the one may be the other in an old encoding: what is ASCII is the same."""
    plain = bytes(byte for byte in name if byte < 128)
    return bytes(byte for byte in other if byte < 128) == plain and plain != name


def _number_differences(
    entry: ZipEntry, flags: int, extra: bytes, numbers: tuple[int, int, int]
) -> Iterator[Fault]:
    crc, packed, size = numbers
    try:
        size, packed = wide_values(extra, (size, packed))
    except UnpackingError as error:
        yield _fault(Rule.BROKEN, entry, str(error))
        return
    expected = (entry.crc, entry.packed_bytes, entry.size_bytes)
    for what, found, wanted in zip(
        ("checksum", "packed size", "size"), (crc, packed, size), expected, strict=True
    ):
        # Whoever writes front to back does not know them yet, and writes them behind the data.
        if found != wanted and not (flags & _DESCRIPTOR_FOLLOWS and found == 0):
            text = f"has the {what} {found} beside its data and {wanted} in the directory"
            yield _fault(Rule.HEADERS_DIFFER, entry, text)
            return


def _descriptor_bytes(stream: BinaryIO, entry: ZipEntry, at: int, faults: Faults) -> int:
    """How long the record behind the data is, which repeats checksum and sizes."""
    stream.seek(at)
    data = stream.read(24)
    sizes = (entry.packed_bytes, entry.size_bytes)
    for layout, ones in (("<LQQ", 2**64 - 1), ("<LLL", 2**32 - 1)):
        plain = struct.pack(layout, entry.crc, *(value & ones for value in sizes))
        for written in (_DESCRIPTOR + plain, plain):
            if data.startswith(written):
                return len(written)
    if data.startswith(_DESCRIPTOR):
        text = "has another checksum or size in the record behind its data than in the directory"
        faults.append(_fault(Rule.HEADERS_DIFFER, entry, text))
        return 16
    faults.append(_fault(Rule.BROKEN, entry, "lacks the record behind its data that its flags announce"))
    return 0
