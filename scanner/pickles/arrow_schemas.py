r"""Pickles in the schema of a table: a type of one's own that pyarrow before 14.0.1 unpickled.

Arrow keeps them as they are, Parquet in base64; other bytes of a table are never unpickled.

>>> schema = b"\x80\x04cos\nsystem\n(X\x04\0\0\0echotR.\0arrow.py_extension_type"
>>> [use.path for reading in pickles_in(schema) for use in reading.globals]
['os.system']

Source: CVE-2023-47248; Arrow Columnar Format 1.5; Parquet format 2.10, "File Format".
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import BinaryIO, Final

from scanner.pickles.embedded import START
from scanner.pickles.found import FileReading, FoundPickle, give_up
from scanner.pickles.part import Part
from scanner.pickles.reader import read_pickles
from scanner.pickles.stream import PickleReading

_ARROW: Final = b"ARROW1\0\0"
_STREAM: Final = b"\xff\xff\xff\xff"
_PARQUET: Final = b"PAR1"
TABLE_STARTS: Final = (_ARROW, _STREAM, _PARQUET)
_OWN_TYPE: Final = b"arrow.py_extension_type"
_KEPT_SCHEMA: Final = re.compile(rb"ARROW:schema[^A-Za-z0-9+/]?.{1,6}?([A-Za-z0-9+/]{24,}={0,2})", re.DOTALL)
# A pickle of the oldest protocols begins with what it calls up, or with what it calls it with.
_OLD_START: Final = re.compile(rb"[(\]})]{0,8}c[A-Za-z_][\w.]{0,200}\n[A-Za-z_][\w.]{0,200}\n")
# Tables of thousands of columns take some megabytes.
_SCHEMA_BYTES: Final = 64 * 1024**2
_PLACES: Final = 1000


def look_into_table(part: Part, out: FileReading) -> None:
    """Lists the pickles in the schema of a table, and a schema that names a type but shows no pickle.

    Raises:
        PartlyReadError: when the schema was not read.
    """
    with closing(part.open()) as stream:
        # What is packed in something else cannot be read from its end.
        source = stream if part.depth == 0 else io.BytesIO(stream.read(_SCHEMA_BYTES))
        schemas = [schema for schema in _schemas(source) if _OWN_TYPE in schema]
    member = part.inner("schema", part.open, 0).member
    readings = {_called(reading): reading for schema in schemas for reading in pickles_in(schema)}
    out.pickles.extend(FoundPickle(member, reading, True) for reading in readings.values())
    if schemas and not readings:
        give_up(part, out, "has a type that pyarrow unpickles, and the pickle cannot be read")


def pickles_in(schema: bytes) -> Iterator[PickleReading]:
    """Every whole pickle in a schema, but one that lies in another and calls up no more."""
    places = {found.start() for pattern in (START, _OLD_START) for found in pattern.finditer(schema)}
    seen: set[str] = set()
    for place in sorted(places)[:_PLACES]:
        reading = read_pickles(lambda: io.BytesIO(schema), place)
        called = _called(reading)
        if reading.streams > 0 and not (seen and called <= seen):
            yield replace(reading, fault="")
        seen |= called


def _called(reading: PickleReading) -> frozenset[str]:
    return frozenset(use.path for use in reading.globals)


def _schemas(stream: BinaryIO) -> Iterator[bytes]:
    """Every schema that a reader may go by: at the beginning, and at the end."""
    size_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(16)
    if head.startswith(_PARQUET):
        yield from _of_parquet(_footer(stream, size_bytes, len(_PARQUET)))
        return
    at = len(_ARROW) if head.startswith(_ARROW) else 0
    length = int.from_bytes(head[at + 4 : at + 8], "little")
    stream.seek(at + 8)
    yield stream.read(min(length, _SCHEMA_BYTES))
    if at:
        yield _footer(stream, size_bytes, len(_ARROW) - 2)


def _footer(stream: BinaryIO, size_bytes: int, mark_bytes: int) -> bytes:
    """What lies before the length and the mark at the end of a table."""
    end = size_bytes - mark_bytes - 4
    stream.seek(max(0, end))
    length = min(int.from_bytes(stream.read(4), "little"), _SCHEMA_BYTES, max(0, end))
    stream.seek(max(0, end - length))
    return stream.read(length)


def _of_parquet(footer: bytes) -> Iterator[bytes]:
    yield footer
    for found in _KEPT_SCHEMA.finditer(footer):
        text = found[1]
        for skipped in range(4):  # the length before the text may look like its first characters
            try:
                yield base64.b64decode(
                    text[skipped : skipped + (len(text) - skipped) // 4 * 4], validate=True
                )
            except (binascii.Error, ValueError):
                continue
