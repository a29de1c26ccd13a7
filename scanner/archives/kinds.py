r"""What kind of archive or compressed file begins with these bytes.

>>> kind_of(b"\x1f\x8b\x08\x00")
<Kind.GZIP: 'gzip'>
>>> kind_of(b"plain text") is None
True
"""

from __future__ import annotations

import enum
import re
import tarfile
from typing import BinaryIO, Final

from scanner.parts import PartlyReadError

HEAD_BYTES: Final = 4096
_HEADS: Final = (HEAD_BYTES, tarfile.BLOCKSIZE, 32, 4)


class Kind(enum.Enum):
    """Kinds of archives and of compressed files."""

    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZMA = "lzma"
    ZSTD = "zstd"
    LZ4 = "lz4"
    ZLIB = "zlib"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    OTHER = "other"  # of a kind that nothing here opens


_MAGICS: Final = (
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),  # an empty one
    (b"PK\x07\x08PK\x03\x04", Kind.ZIP),  # once cut into volumes
    (b"PK00PK\x03\x04", Kind.ZIP),
    (b"\x1f\x8b", Kind.GZIP),
    (b"\xfd7zXZ\x00", Kind.XZ),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (b"\x04\x22\x4d\x18", Kind.LZ4),
    (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
    (b"Rar!\x1a\x07", Kind.RAR),
    (b"MSCF\0\0\0\0", Kind.OTHER),
    (b"xar!\0\x1c", Kind.OTHER),
    (b"!<arch>\n", Kind.OTHER),
    (b"070701", Kind.OTHER),
    (b"070707", Kind.OTHER),
    (b"hsqs", Kind.OTHER),
    (b"LZIP\x01", Kind.OTHER),
    (b"\x1f\x9d", Kind.OTHER),
    (b"ZOO ", Kind.OTHER),
    (b"\x02\x21\x4c\x18", Kind.OTHER),  # the old frames of lz4
)
_BZIP2: Final = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # a frame of zstd to be skipped
# Other kinds begin like text or numbers: their first bytes count only with a name that says the same.
_BY_NAME: Final = (
    ((".lzma", ".joblib", ".pkl"), b"\x5d\x00\x00", Kind.LZMA),
    *(
        ((".z", ".zz", ".zlib", ".gz", ".joblib", ".pkl"), bytes((0x78, level)), Kind.ZLIB)
        for level in (1, 0x5E, 0x9C, 0xDA)
    ),
    ((".ace",), b"", Kind.OTHER),
    ((".arj",), b"\x60\xea", Kind.OTHER),
    ((".lzh", ".lha"), b"", Kind.OTHER),
    ((".br",), b"", Kind.OTHER),
    ((".snappy", ".sz"), b"", Kind.OTHER),
)


def kind_of(head: bytes, name: str = "") -> Kind | None:
    """The kind of archive that begins with `head`, at least its first 512 bytes; None when it is none."""
    for magic, kind in _MAGICS:
        if head.startswith(magic) and not (kind is Kind.GZIP and head[2:3] not in (b"\x08", b"")):
            return kind
    if _BZIP2.match(head):
        return Kind.BZIP2
    if _SKIPPABLE.match(head):
        return Kind.ZSTD
    if is_tar(head):
        return Kind.TAR
    lowered = name.lower()
    if lowered.endswith(".tar") and head and not head.strip(b"\0"):  # without any member
        return Kind.TAR
    for suffixes, magic, kind in _BY_NAME:
        if lowered.endswith(suffixes) and head.startswith(magic):
            return kind
    return None


def read_head(stream: BinaryIO) -> bytes:
    """The beginning of a file, as much of it as was fetched.

    Raises:
        PartlyReadError: when nothing of it was.
    """
    for count in _HEADS:
        try:
            stream.seek(0)
            return stream.read(count)
        except PartlyReadError:
            continue
    stream.seek(0)
    return stream.read(_HEADS[-1])


def is_tar(head: bytes) -> bool:
    """Whether this is the first header of a tar archive, by its magic or by its checksum."""
    if len(head) < tarfile.BLOCKSIZE:
        return False
    if head[257:262] == b"ustar":
        return True
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
