r"""Reads the headers of numpy files: whether their elements are pickled, and where the array ends.

>>> import io
>>> header = b"{'descr': [('Open', '<f4'), ('note', '|O')], 'fortran_order': False, 'shape': (2,)}"
>>> read_header(ByteStream(io.BytesIO(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)))
ArrayHeader(has_objects=True, size_bytes=None)
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Final

from scanner.pickles.stream import ByteStream

MAGIC: Final = b"\x93NUMPY"
_HEADER_LIMIT: Final = 64 * 1024
_FIELDS_LIMIT: Final = 8192
_DEPTH_LIMIT: Final = 16
_PYTHON2_LONG: Final = re.compile(r"(\d)L\b")
_PLAIN: Final = re.compile(r"[<>|=]?([a-zA-Z?])(\d*)(\[[^\[\]]*\])?")
_OBJECTS: Final = re.compile(r"O|object|,")


@dataclass(frozen=True)
class ArrayHeader:
    """What the header of a numpy file says.

    Attributes:
        has_objects: Whether the elements are a pickle.
        size_bytes: Length of the array behind the header; None when that is a pickle.
    """

    has_objects: bool
    size_bytes: int | None


def read_header(stream: ByteStream) -> ArrayHeader:
    """The header that begins here; the stream then stands at the elements.

    Raises:
        ValueError: when the header is not one that numpy writes.
        BrokenPickleError: when the file ends before it does.

    Source: numpy.lib.format, versions 1.0 to 3.0.
    """
    major = stream.read(8)[6]
    length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
    if major not in (1, 2, 3) or length > _HEADER_LIMIT * 16:
        raise ValueError(f"version {major}, {length} bytes long")
    text = stream.read(length).decode("utf-8" if major == 3 else "latin-1").strip()
    if text.count("[") + text.count("(") > _HEADER_LIMIT:
        raise ValueError("more brackets than any array has")
    try:
        header = ast.literal_eval(_PYTHON2_LONG.sub(r"\1", text))
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError) as error:
        # By type alone: the message of a ValueError holds the address of an object in memory.
        raise ValueError(f"it is no table of constants ({type(error).__name__})") from error
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("other entries than descr, fortran_order and shape")
    width = _width(header["descr"], 0)
    if width is None:
        return ArrayHeader(True, None)
    return ArrayHeader(False, width * _count(header["shape"]))


def another_follows(stream: ByteStream, header: ArrayHeader) -> bool:
    """Steps over an array; whether another one begins behind it, and not the end of the file, or zeros.

    Raises:
        ValueError: when something else follows.
        BrokenPickleError: when the file ends before the array does.
    """
    stream.skip(header.size_bytes or 0)
    stream.refill(len(MAGIC))
    if stream.data.startswith(MAGIC, stream.at):
        return True
    rest = stream.data[stream.at :]
    while not rest.strip(b"\0"):
        stream.at = len(stream.data)
        if not stream.refill(1):
            return False
        rest = stream.data[stream.at :]
    raise ValueError(f"byte {stream.position} and what follows is no array")


def _count(shape: object) -> int:
    if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise ValueError("a shape that is none")
    if len(shape) > 64:
        raise ValueError(f"{len(shape)} dimensions")
    return math.prod(shape)


def _width(descr: object, depth: int) -> int | None:
    """Bytes of one element; None when objects are among its parts."""
    if depth > _DEPTH_LIMIT:
        raise ValueError("types within types within types")
    if isinstance(descr, str):
        return _plain_width(descr)
    if isinstance(descr, tuple) and len(descr) == 2:
        width = _width(descr[0], depth + 1)
        shape = descr[1] if isinstance(descr[1], tuple) else (descr[1],)
        return None if width is None else width * _count(shape)
    if isinstance(descr, dict):
        formats = descr.get("formats", ["O"])
        descr = [("", form) for form in formats] if isinstance(formats, list) else [("", "O")]
    if not isinstance(descr, list) or len(descr) > _FIELDS_LIMIT:
        raise ValueError("an element type that is none")
    widths = [_field_width(field, depth) for field in descr]
    return None if None in widths else sum(width for width in widths if width is not None)


def _field_width(field: object, depth: int) -> int | None:
    if not isinstance(field, tuple) or len(field) not in (2, 3):
        raise ValueError("a field that is none")
    width = _width(field[1], depth + 1)
    if width is None or len(field) == 2:
        return width
    return width * _count(field[2] if isinstance(field[2], tuple) else (field[2],))


def _plain_width(descr: str) -> int | None:
    if _OBJECTS.search(descr):
        return None
    found = _PLAIN.fullmatch(descr)
    if found is None:
        raise ValueError("an element type that is none")
    return int(found[2] or 1) * (4 if found[1] == "U" else 1)
