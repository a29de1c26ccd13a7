r"""Zip archives one behind another in a file: a distributed checkpoint of PyTorch keeps each item as one.

Nobody else writes such a row on purpose: in any other file all but the last archive are hidden.

>>> import io, zipfile
>>> def one(name):
...     held = io.BytesIO()
...     with zipfile.ZipFile(held, "w") as archive:
...         archive.writestr(name, b"x")
...     return held.getvalue()
>>> data = one("a") + one("b")
>>> row = zips_in_a_row(lambda: io.BytesIO(data), "model.distcp", len(data))
>>> [zipfile.ZipFile(stretch.open(lambda: io.BytesIO(data))).namelist() for stretch in row]
[['a'], ['b']]

Source: torch 2.13, torch/distributed/checkpoint/filesystem.py, `_write_item`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, Final

from scanner.parts import PartlyReadError, stretch

_SUFFIX: Final = ".distcp"
_LOCAL: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_END_FORMAT: Final = struct.Struct("<4s4H2LH")
_LOCATOR64: Final = b"PK\x06\x07"
_LOCATOR64_BYTES: Final = 20
_PIECE_BYTES: Final = 4 * 1024**2
_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """One archive: from `begin` to the byte before `end`."""

    begin: int
    end: int

    def open(self, opener: Callable[[], BinaryIO]) -> BinaryIO:
        """The archive as a file of its own, out of the file that `opener` opens."""
        stream = opener()
        return stretch(stream, self.begin, self.end - self.begin, _cut_off, stream.close)


def _cut_off() -> OSError:
    return OSError("the file ends before the archives in it do")


def zips_in_a_row(opener: Callable[[], BinaryIO], name: str, size_bytes: int) -> tuple[Stretch, ...]:
    """The archives of a distributed checkpoint; nothing for another file, or when they do not fill it.

    Args:
        opener: Opens it at its beginning; can be sought in.
        name: Of the file.
        size_bytes: Of the file.

    Raises:
        OSError: when it cannot be read.
    """
    if not name.lower().endswith(_SUFFIX):
        return ()
    with closing(opener()) as stream:
        try:
            return tuple(_row(stream, size_bytes))
        except PartlyReadError:
            return ()  # whoever reads on is told so again


def _row(stream: BinaryIO, size_bytes: int) -> list[Stretch]:
    found: list[Stretch] = []
    begin = 0
    while begin < size_bytes and len(found) < _MOST:
        end = _end_of(stream, begin, size_bytes)
        if end is None:
            return []
        found.append(Stretch(begin, end))
        begin = end
    return found if begin == size_bytes and len(found) > 1 else []


def _end_of(stream: BinaryIO, begin: int, size_bytes: int) -> int | None:
    """Where the archive that begins here ends; None when none does."""
    if _at(stream, begin, len(_LOCAL)) != _LOCAL:
        return None
    at = begin
    while at < size_bytes:
        data = _at(stream, at, _PIECE_BYTES + _END_FORMAT.size)
        place = data.find(_END)
        while 0 <= place < _PIECE_BYTES:
            end = _whole_end(stream, begin, at + place)
            if end == size_bytes or (end is not None and _at(stream, end, len(_LOCAL)) == _LOCAL):
                return end
            place = data.find(_END, place + 1)
        at += _PIECE_BYTES
    return None


def _whole_end(stream: BinaryIO, begin: int, place: int) -> int | None:
    """Where a record of the end at `place` ends, when its directory ends there; else None."""
    record = _at(stream, place, _END_FORMAT.size)
    if len(record) < _END_FORMAT.size:
        return None
    *_, directory_bytes, offset, comment_bytes = _END_FORMAT.unpack(record)
    before = max(place - _LOCATOR64_BYTES, begin)
    if begin + offset + directory_bytes != place and _at(stream, before, 4) != _LOCATOR64:
        return None
    return place + _END_FORMAT.size + int(comment_bytes)


def _at(stream: BinaryIO, begin: int, count: int) -> bytes:
    stream.seek(begin)
    return stream.read(count)
