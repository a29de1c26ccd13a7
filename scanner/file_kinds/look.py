"""The ends of a file, which say what it is.

>>> import io
>>> look_at(io.BytesIO(b"GGUF"), 4).head
b'GGUF'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

HEAD_BYTES: Final = 4096
# A zip archive ends in 22 bytes and a comment of at most 65 535.
TAIL_BYTES: Final = 22 + 65_535


@dataclass(frozen=True)
class Look:
    """The ends of a file.

    Attributes:
        head: Its first bytes, `HEAD_BYTES` of them if there are so many.
        tail: Its last bytes, `TAIL_BYTES` of them if there are so many.
        size_bytes: Of the whole file.
    """

    head: bytes
    tail: bytes
    size_bytes: int


def look_at(stream: BinaryIO, size_bytes: int) -> Look:
    """The ends of an open file of this size.

    Raises:
        PartlyReadError: when they were not fetched.
        OSError: when they cannot be read.
    """
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if size_bytes <= HEAD_BYTES:
        return Look(head, head, size_bytes)
    stream.seek(max(0, size_bytes - TAIL_BYTES))
    return Look(head, stream.read(TAIL_BYTES), size_bytes)
