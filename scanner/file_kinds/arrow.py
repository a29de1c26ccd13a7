"""Recognises a stream of Arrow, which has no magic number: a mark, a length, and a message that is a schema.

>>> from scanner.file_kinds.look import Look
>>> is_arrow_stream(Look(bytes(64), b"", 64))
False

Source: Arrow Columnar Format 1.5, "Encapsulated message format"; format/Message.fbs.
"""

from __future__ import annotations

import struct
from typing import Final

from scanner.file_kinds.look import Look

STREAM_MARK: Final = b"\xff\xff\xff\xff"
_SCHEMA: Final = 1
_LAST_VERSION: Final = 4
_FIRST: Final = 8  # byte of the message


def is_arrow_stream(look: Look) -> bool:
    """Whether the file begins with a message of Arrow that is a schema."""
    head = look.head
    if not head.startswith(STREAM_MARK) or len(head) < 32:
        return False
    length = int.from_bytes(head[4:8], "little")
    if length % 8 or not 16 <= length <= look.size_bytes - _FIRST:
        return False
    try:
        table = _FIRST + struct.unpack_from("<I", head, _FIRST)[0]
        fields = table - struct.unpack_from("<i", head, table)[0]
        if fields < 0:
            return False
        _, _, version_at, kind_at = struct.unpack_from("<4H", head, fields)
        version = struct.unpack_from("<h", head, table + version_at)[0] if version_at else 0
        kind = head[table + kind_at] if kind_at else 0
    except (struct.error, IndexError):
        return False
    return 0 <= version <= _LAST_VERSION and kind == _SCHEMA
