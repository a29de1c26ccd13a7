"""Reads the header of a GGUF file without trusting a single number in it.

gguf.GGUFReader is for files one trusts: it walks an array of as many elements as the header claims
(2**60 of them: for ever), takes slices past the end of the file for short values instead of an error,
and turns every token into Python objects. Here every length is held against the bytes that are left
and against a fixed limit, arrays are stepped over, and only their first elements are kept.

>>> import tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "empty.gguf"
>>> _ = path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
>>> read_gguf_header(path).version
3
"""

from __future__ import annotations

import enum
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from scanner.tensorfiles.gguf_cursor import GgufCursor, GgufError

MAGIC: Final = b"GGUF"
# Gemma 3, the largest vocabulary in common use, has 262 144 tokens and 514 906 merges: about 15 MB of
# header. These limits leave more than ten times that and still bound time and memory.
MAX_HEADER_BYTES: Final = 256 * 1024**2
MAX_ARRAY_ELEMENTS: Final = 8_000_000
MAX_KEYS: Final = 100_000
# Mixtures of experts whose experts are tensors of their own have fifty thousand.
MAX_TENSORS: Final = 200_000
ARRAY_HEAD: Final = 64
_MAX_DIMENSIONS: Final = 8  # GGML_MAX_DIMS is 4; more is reported, absurd counts are refused
_MAX_ARRAY_DEPTH: Final = 4

__all__ = [
    "ARRAY_HEAD", "MAGIC", "GgufArray", "GgufError", "GgufHeader", "GgufTensor", "read_gguf_header",
    "read_gguf_header_from",
]  # fmt: skip

GgufScalar = int | float | bool | str


class _Kind(enum.IntEnum):
    """Value types of GGUF metadata. Source: docs/gguf.md of ggml, section "File Structure"."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


_FORMATS: Final[Mapping[int, str]] = {
    _Kind.UINT8: "B", _Kind.INT8: "b", _Kind.UINT16: "H", _Kind.INT16: "h", _Kind.UINT32: "I",
    _Kind.INT32: "i", _Kind.FLOAT32: "f", _Kind.BOOL: "B", _Kind.UINT64: "Q", _Kind.INT64: "q",
    _Kind.FLOAT64: "d",
}  # fmt: skip


@dataclass(frozen=True)
class GgufArray:
    """An array of the metadata, of which only the beginning is kept.

    Attributes:
        element_type: "string", "int32", "array", ...
        length: How many elements the file holds.
        head: The first ones, at most ARRAY_HEAD; empty for arrays of arrays.
    """

    element_type: str
    length: int
    head: tuple[GgufScalar, ...]


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One entry of the tensor list, as the header writes it: nothing in it is checked.

    Attributes:
        name: Name of the tensor.
        shape: Elements per dimension, innermost first.
        type_id: ggml type number (0 is F32, 1 is F16, ...).
        offset: In bytes from the start of the tensor data.
    """

    name: str
    shape: tuple[int, ...]
    type_id: int
    offset: int

    @property
    def element_count(self) -> int:
        """Product of the dimensions."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class GgufHeader:
    """Everything before the tensor data.

    Attributes:
        version: 1, 2 or 3.
        byte_order: "little" or "big".
        tensor_count: As the header claims; equals len(tensors).
        metadata: Scalars and strings by key; arrays as GgufArray.
        tensors: The tensor list, in the order of the file.
        duplicate_keys: Keys written more than once; `metadata` has the first value.
        header_bytes: Where the tensor list ends, in bytes; the data starts at the next multiple of
            general.alignment (32 when absent).
        value_types: "string", "uint32", "array", ... by key, as the file writes them.
        oddities: (place, what is odd) of values that readers take differently.
    """

    version: int
    byte_order: str
    tensor_count: int
    metadata: Mapping[str, GgufScalar | GgufArray]
    tensors: tuple[GgufTensor, ...]
    duplicate_keys: tuple[str, ...]
    header_bytes: int
    value_types: Mapping[str, str] = field(default_factory=dict)
    oddities: tuple[tuple[str, str], ...] = ()

    def text(self, key: str) -> str:
        """The string under `key`, "" when there is none or it is not a string."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | float | None:
        """The number under `key`, None when there is none or it is not a number."""
        value = self.metadata.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_gguf_header(path: str | os.PathLike[str], *, limit_bytes: int = MAX_HEADER_BYTES) -> GgufHeader:
    """The header of the GGUF file at `path`, at most `limit_bytes` long; never reads tensor data.

    Raises:
        GgufError: when it is not GGUF, is cut off, or claims more than the file or the limits hold.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            return read_gguf_header_from(stream, file.stat().st_size, file.name, limit_bytes)
    except OSError as error:
        raise GgufError(f"{file.name}: {error.strerror or error}") from error


def read_gguf_header_from(
    stream: BinaryIO, size_bytes: int, name: str, limit_bytes: int = MAX_HEADER_BYTES
) -> GgufHeader:
    """The same for an opened file; raises OSError or PartlyReadError where it cannot be read either."""
    return _Reader(GgufCursor(stream, size_bytes, name, limit_bytes)).header()


class _Reader:
    """Reads the parts of a header in their order."""

    def __init__(self, cursor: GgufCursor) -> None:
        self._cursor = cursor
        self._big_endian = False
        self._version = 3
        self._types: dict[str, str] = {}

    def header(self) -> GgufHeader:
        cursor = self._cursor
        if (magic := cursor.take(4, "the magic")) != MAGIC:
            raise cursor.error(f"starts with {magic!r}, not {MAGIC!r}; this is not GGUF")
        self._read_version()
        tensor_count = cursor.count("tensor count", MAX_TENSORS)
        metadata, duplicates = self._metadata(cursor.count("metadata count", MAX_KEYS))
        tensors = tuple(self._tensor(number) for number in range(tensor_count))
        order = "big" if self._big_endian else "little"
        return GgufHeader(
            self._version, order, tensor_count, metadata, tensors, duplicates, cursor.position,
            self._types, tuple(cursor.oddities),
        )  # fmt: skip

    def _read_version(self) -> None:
        version = int(self._cursor.number("I", "the version"))
        if version & 0xFFFF == 0:  # written on a big-endian machine
            self._big_endian, version = True, version >> 24
        if version not in (1, 2, 3):
            raise self._cursor.error(f"version {version}; expected 1, 2 or 3")
        self._version = version
        self._cursor.use(big_endian=self._big_endian, short_lengths=version == 1)

    def _metadata(self, count: int) -> tuple[dict[str, GgufScalar | GgufArray], tuple[str, ...]]:
        metadata: dict[str, GgufScalar | GgufArray] = {}
        duplicates: list[str] = []
        for number in range(count):
            key = self._cursor.string(f"metadata key {number}")
            kind = self._kind(f"type of {key[:80]!r}")
            value = self._value(kind, f"value of {key[:80]!r}")
            if key in metadata:
                duplicates.append(key)
            else:
                metadata[key] = value
                self._types[key] = kind.name.lower()
        return metadata, tuple(duplicates)

    def _value(self, kind: _Kind, what: str) -> GgufScalar | GgufArray:
        if kind is _Kind.ARRAY:
            return self._array(what, 0)
        return self._scalar(kind, what)

    def _scalar(self, kind: _Kind, what: str) -> GgufScalar:
        if kind is _Kind.STRING:
            return self._cursor.string(what)
        value = self._cursor.number(_FORMATS[kind], what)
        if kind is not _Kind.BOOL:
            return value
        if value not in (0, 1):
            self._cursor.note(what, f"is a truth value written as {value}")
        return bool(value)

    def _array(self, what: str, depth: int) -> GgufArray:
        if depth >= _MAX_ARRAY_DEPTH:
            raise self._cursor.error(f"{what}: arrays nested more than {_MAX_ARRAY_DEPTH} deep")
        kind = self._kind(f"element type of {what}")
        length = self._cursor.count(f"length of {what}", MAX_ARRAY_ELEMENTS)
        head: list[GgufScalar] = []
        if kind is _Kind.ARRAY:
            self._cursor.note(what, "is an array of arrays, which llama.cpp does not read")
            for _ in range(length):
                self._cursor.enter(what)
                self._array(what, depth + 1)
        elif kind is _Kind.STRING:
            head = [self._cursor.string(what, is_token=True) for _ in range(min(length, ARRAY_HEAD))]
            self._cursor.skip_strings(length - len(head), what)
        else:
            head = [self._scalar(kind, what) for _ in range(min(length, ARRAY_HEAD))]
            self._cursor.skip((length - len(head)) * struct.calcsize(f"<{_FORMATS[kind]}"), what)
        return GgufArray(kind.name.lower(), length, tuple(head))

    def _tensor(self, number: int) -> GgufTensor:
        what = f"tensor {number}"
        cursor = self._cursor
        name = cursor.string(f"name of {what}")
        dimensions = int(cursor.number("I", f"dimension count of {what}"))
        if dimensions > _MAX_DIMENSIONS:
            raise cursor.error(f"{what} claims {dimensions} dimensions; at most 4 exist")
        shape = tuple(cursor.length() for _ in range(dimensions))
        type_id = int(cursor.number("I", f"type of {what}"))
        return GgufTensor(name, shape, type_id, int(cursor.number("Q", f"offset of {what}")))

    def _kind(self, what: str) -> _Kind:
        number = int(self._cursor.number("I", what))
        try:
            return _Kind(number)
        except ValueError as error:
            raise self._cursor.error(f"{what} is {number}; expected 0 to 12") from error
