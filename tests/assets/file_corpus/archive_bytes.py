"""Zip and tar archives with fixed dates, and with everything wrong that one may wish."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Iterable, Mapping

_DATE = (2020, 1, 1, 0, 0, 0)


def zipped(
    members: Mapping[str, bytes] | Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED
) -> bytes:
    """A zip archive; pairs may repeat a name."""
    pairs = members.items() if isinstance(members, Mapping) else members
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice is what some of them are about
        for name, data in pairs:
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = method
            archive.writestr(info, data)
    return buffer.getvalue()


def tarred(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]], *links: tarfile.TarInfo) -> bytes:
    """A tar archive, links (or other odd members) last."""
    pairs = members.items() if isinstance(members, Mapping) else members
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in pairs:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for link in links:
            archive.addfile(link)
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A tar member that points elsewhere, or is a device."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def gzipped(data: bytes) -> bytes:
    """Without a date."""
    return gzip.compress(data, mtime=0)


def symlink_zip(name: str, target: str) -> bytes:
    """A zip whose member is a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, target)
        archive.writestr(zipfile.ZipInfo("readme.txt", _DATE), "hello")
    return buffer.getvalue()


def with_crc(data: bytes, crc: bytes = b"\xde\xad\xbe\xef", *, which: int = 0) -> bytes:
    """The zip with this checksum for its `which`-th member, in both headers."""
    broken = bytearray(data)
    local = central = -1
    for _ in range(which + 1):
        local, central = broken.index(b"PK\x03\x04", local + 1), broken.index(b"PK\x01\x02", central + 1)
    broken[local + 14 : local + 18] = crc
    broken[central + 16 : central + 20] = crc
    return bytes(broken)


def with_central(data: bytes, offset: int, value: bytes) -> bytes:
    """The zip with `value` at `offset` of every central header."""
    return _patched(data, b"PK\x01\x02", offset, value)


def with_local(data: bytes, offset: int, value: bytes) -> bytes:
    """The zip with `value` at `offset` of every local header."""
    return _patched(data, b"PK\x03\x04", offset, value)


def _patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    broken, at = bytearray(data), -1
    while (at := broken.find(signature, at + 1)) >= 0:
        broken[at + offset : at + offset + len(value)] = value
    return bytes(broken)


def end_record(data: bytes) -> int:
    """Where the end-of-central-directory record begins."""
    return data.rindex(b"PK\x05\x06")


def shifted(prefix: bytes, archive: bytes) -> bytes:
    """`prefix` before the zip with its offsets corrected, as self-extracting archives have it."""
    broken, by = bytearray(archive), len(prefix)
    at = -1
    while (at := broken.find(b"PK\x01\x02", at + 1)) >= 0:
        old = struct.unpack_from("<I", broken, at + 42)[0]
        struct.pack_into("<I", broken, at + 42, old + by)
    end = end_record(archive)
    struct.pack_into("<I", broken, end + 16, struct.unpack_from("<I", broken, end + 16)[0] + by)
    return prefix + bytes(broken)
