r"""Where an HDF5 file begins and ends inside the file that holds it: the rest is something else.

>>> import io
>>> hdf5_begin(io.BytesIO(b"#!/bin/sh" + bytes(503) + SIGNATURE + bytes(8)), 528)
512

Source: HDF5 File Format Specification Version 3.0, section II.A, "Format Signature and Superblock".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from scanner.keras.faults import KerasFault

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
# Where the superblock has the address of the file's end, by its version, for addresses of eight bytes.
_END_AT: Final = {0: 40, 1: 44, 2: 28, 3: 28}
_BASE_AT: Final = {0: 24, 1: 28, 2: 12, 3: 12}
_SUPERBLOCK_BYTES: Final = 64
_CHUNK_BYTES: Final = 1024**2
# The library looks at 0, 512, 1024 and so on; nobody leaves more room than this.
_LAST_BEGIN: Final = 64 * 1024**2
_LOOKED_AT_BYTES: Final = 16 * 1024**2


def hdf5_begin(stream: BinaryIO, size_bytes: int) -> int | None:
    """Where the HDF5 library finds its signature; None when nowhere."""
    begin = 0
    while begin + len(SIGNATURE) <= size_bytes and begin <= _LAST_BEGIN:
        stream.seek(begin)
        if stream.read(len(SIGNATURE)) == SIGNATURE:
            return begin
        begin = begin * 2 or 512
    return None


def bounds_faults(stream: BinaryIO, size_bytes: int, begin: int) -> Iterator[KerasFault]:
    """Bytes before and behind the HDF5 file that are not zero."""
    if begin and _first_other(stream, 0, begin) is not None:
        yield KerasFault("bytes-around", f"{begin} bytes that HDF5 does not read stand before it", "byte 0")
    end = _end(stream, begin)
    if end is not None and end < size_bytes and (at := _first_other(stream, end, size_bytes)) is not None:
        yield KerasFault(
            "bytes-around", f"{size_bytes - end} bytes that HDF5 does not read follow it", f"byte {at}"
        )


def _end(stream: BinaryIO, begin: int) -> int | None:
    """The first byte after the HDF5 file as its superblock has it; None when that is not as usual."""
    stream.seek(begin)
    block = stream.read(_SUPERBLOCK_BYTES)
    version = block[8] if len(block) == _SUPERBLOCK_BYTES else -1
    if version not in _END_AT or block[13 if version < 2 else 9] != 8:
        return None
    base, end = (int.from_bytes(block[at : at + 8], "little") for at in (_BASE_AT[version], _END_AT[version]))
    return end if base in (0, begin) else None


def _first_other(stream: BinaryIO, begin: int, end: int) -> int | None:
    """The first byte in this stretch that is not zero, looking no further than needed."""
    stream.seek(begin)
    for at in range(begin, min(end, begin + _LOOKED_AT_BYTES), _CHUNK_BYTES):
        data = stream.read(min(_CHUNK_BYTES, end - at))
        if stripped := data.lstrip(b"\0"):
            return at + len(data) - len(stripped)
    return None
