r"""Whether a MessagePack file is what Flax writes: tables of tensors, with the bytes their shapes need.

>>> import io
>>> data = b"\x81\xa1w\xc7\x0d\x01\x93\x91\x03\xa5uint8\xc4\x02ab"
>>> msgpack_faults(io.BytesIO(data), len(data))
[MsgpackFault(code='MP-TENSOR', message='a tensor has 2 bytes; its shape and type need 3', place='w')]

Source: flax 0.12, flax/serialization.py (`_MsgpackExtType`, `_ndarray_to_bytes`, `_unchunk`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import BinaryIO, Final

from scanner.by_rule import ByRule
from scanner.flax.tokens import MsgpackError, MsgpackTokens, Token, TokenKind
from scanner.pickles.payloads import attack_in
from scanner.pickles.starts import PICKLE_STARTS
from scanner.tensorfiles.safetensors_layout import shown

# Faults that bytes of another kind show; the others are of MessagePack that is broken or hostile.
_NO_MSGPACK: Final = frozenset({"MP-CUT", "MP-TRAIL", "MP-TEXT"})
_DEPTH_LIMIT: Final = 64
_VALUES_LIMIT: Final = 2_000_000
_FAULTS_LIMIT: Final = 100  # of each code
_LONGEST_TEXT: Final = 64 * 1024
# Of all keys together, which are kept to tell which stand there twice.
_KEYS_BYTES: Final = 32 * 1024**2
# Bytes that are looked at whatever they begin with, and those that begin as a pickle.
_LONGEST_BYTES: Final = 1024**2
_LONGEST_PICKLE: Final = 64 * 1024**2
_DIMENSIONS_LIMIT: Final = 64
_STRINGS: Final = (TokenKind.TEXT, TokenKind.BYTES)
_ARRAY, _COMPLEX, _SCALAR = 1, 2, 3
_WIDTHS: Final = {
    "bool": 1, "int4": 1, "uint4": 1, "int2": 1, "uint2": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2,
    "int32": 4, "uint32": 4, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
    "complex64": 8, "complex128": 16, "V2": 2,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3b11fnuz": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1,
    "float8_e3m4": 1, "float8_e4m3": 1, "float8_e8m0fnu": 1, "float4_e2m1fn": 1,
}  # fmt: skip


# Keys by which readers other than Flax rebuild objects, and so run what is named.
_OBJECT_KEYS: Final = frozenset({"__reduce__", "__reduce_ex__", "__setstate__", "py/object", "py/reduce"})


@dataclass(frozen=True)
class MsgpackFault:
    """One way in which a file is not as it should be: a code, a sentence, and the keys that lead there."""

    code: str
    message: str
    place: str = ""


@dataclass
class _Open:
    """A map or array that is being read."""

    values_left: int
    is_map: bool
    keys: set[object] = field(default_factory=set)
    is_key_next: bool = False
    key: str = ""


def msgpack_faults(stream: BinaryIO, size_bytes: int) -> list[MsgpackFault]:
    """Everything wrong with the file in `stream`; of each code the first hundred faults.

    Raises:
        OSError: when it cannot be read.
        PartlyReadError: when not all of it was read.
    """
    walk = _Walk(MsgpackTokens(stream, size_bytes))
    try:
        walk.all()
    except MsgpackError as error:
        walk.fault("MP-CUT", str(error))
    return list(walk.faults)


def is_msgpack(stream: BinaryIO, size_bytes: int) -> bool:
    """Whether bytes of any name are one map or array of MessagePack from the first to the last.

    Raises:
        OSError: when they cannot be read.
        PartlyReadError: when not all of them were read.
    """
    stream.seek(0)
    first = stream.read(1)
    if not first or not (0x80 <= first[0] < 0xA0 or 0xDC <= first[0] < 0xE0):
        return False
    stream.seek(0)
    broken = {fault.code for fault in msgpack_faults(stream, size_bytes)} & _NO_MSGPACK
    return not broken


class _Walk:
    """One way through all values of a file."""

    def __init__(self, tokens: MsgpackTokens) -> None:
        self.faults: ByRule[MsgpackFault] = ByRule(attrgetter("code"), _FAULTS_LIMIT)
        self._tokens = tokens
        self._open: list[_Open] = []
        self._keys_left = _KEYS_BYTES

    def all(self) -> None:
        """Reads one value with everything in it, and what follows it."""
        for count in range(_VALUES_LIMIT):
            self._value()
            while self._open and self._open[-1].values_left == 0:
                self._open.pop()
            if not self._open:
                break
            if len(self._open) > _DEPTH_LIMIT or count == _VALUES_LIMIT - 1:
                raise MsgpackError("deeper or longer than any checkpoint")
        if self._tokens.bytes_left:
            self.fault("MP-TRAIL", f"{self._tokens.bytes_left} bytes follow its only value")

    def fault(self, code: str, message: str) -> None:
        """Notes what is wrong where the walk is."""
        if not self.faults.is_full(code):  # the place of a million others need not be worked out
            keys = [table.key for table in self._open if table.is_map]
            self.faults.append(MsgpackFault(code, message, shown("/".join(keys))))

    def _value(self) -> None:
        table = self._open[-1] if self._open else None
        if table is not None:
            table.values_left -= 1
        token = self._tokens.next()
        if table is not None and table.is_key_next:
            self._key(table, token)
        else:
            self._content(token)
        if table is not None and table.is_map:
            table.is_key_next = not table.is_key_next

    def _key(self, table: _Open, token: Token) -> None:
        if token.kind is TokenKind.PLAIN:
            key: object = token.value
        elif token.kind in _STRINGS and token.size <= min(_LONGEST_TEXT, self._keys_left):
            self._keys_left -= token.size
            key = self._tokens.take(token.size)
        else:
            raise MsgpackError(f"a key at byte {self._tokens.position} is a {token.kind.value}, or too long")
        table.key = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
        if table.key in _OBJECT_KEYS:
            self.fault("MP-OBJECT", "this key says how Python rebuilds an object; Flax never writes it")
        if key in table.keys:
            self.fault("MP-DUP", "this key is written twice; readers differ")
        table.keys.add(key)

    def _content(self, token: Token) -> None:
        if token.kind in (TokenKind.ARRAY, TokenKind.MAP):
            is_map = token.kind is TokenKind.MAP
            self._open.append(_Open(token.size * (2 if is_map else 1), is_map, is_key_next=is_map))
        elif token.kind is TokenKind.EXTENSION:
            self._extension(token)
        elif token.kind in _STRINGS:
            self._bytes(token)

    def _bytes(self, token: Token) -> None:
        data = self._tokens.take(token.size if token.size <= _LONGEST_BYTES else 2)
        rest = token.size - len(data)
        if rest and data not in PICKLE_STARTS:
            self._tokens.skip(rest)
            return
        if token.size > _LONGEST_PICKLE:
            self.fault("MP-LONG", f"{token.size} bytes begin as a pickle; up to {_LONGEST_PICKLE} are read")
            self._tokens.skip(rest)
            return
        data += self._tokens.take(rest)
        if data.startswith(PICKLE_STARTS) and (attack := attack_in(data)):
            self.fault("MP-PICKLE", f"its bytes are a pickle that calls up {attack}")
        if token.kind is TokenKind.TEXT and not _is_utf8(data):
            self.fault("MP-TEXT", "a text is not UTF-8")

    def _extension(self, token: Token) -> None:
        end = self._tokens.position + token.size
        if token.code in (_ARRAY, _SCALAR):
            for code, message in self._tensor():
                self.fault(code, message)
        elif token.code == _COMPLEX:
            self._tokens.skip(token.size)
        else:
            self.fault("MP-EXT", f"an extension of type {token.code}, which Flax does not write")
        if self._tokens.position > end:
            raise MsgpackError(f"a tensor reaches beyond byte {end}, where its extension ends")
        if self._tokens.position < end and token.code in (_ARRAY, _SCALAR) and not self.faults:
            self.fault("MP-TENSOR", f"{end - self._tokens.position} bytes follow the tensor in its extension")
        self._tokens.skip(end - self._tokens.position)

    def _tensor(self) -> Iterator[tuple[str, str]]:
        """Reads shape, type and numbers of one tensor, and yields what is wrong with them."""
        head, dimensions = self._tokens.next(), self._tokens.next()
        if head.kind is not TokenKind.ARRAY or head.size != 3 or dimensions.kind is not TokenKind.ARRAY:
            yield "MP-TENSOR", "a tensor is no list of shape, type and numbers"
            return
        if dimensions.size > _DIMENSIONS_LIMIT:
            yield "MP-TENSOR", f"a tensor has {dimensions.size} dimensions"
            return
        shape = [self._tokens.next().value for _ in range(dimensions.size)]
        named = self._tokens.next()
        name = self._tokens.take(min(named.size, _LONGEST_TEXT)).decode("utf-8", "replace")
        numbers = self._tokens.next()
        if name not in _WIDTHS:
            yield "MP-DTYPE", f"a tensor has the number format '{shown(name)}'"
        elif not all(type(size) is int and 0 <= size < 2**63 for size in shape):
            yield "MP-TENSOR", "a tensor has a dimension that is no size"
        elif numbers.kind is not TokenKind.BYTES or numbers.size != _size(shape, name):
            yield (
                "MP-TENSOR",
                f"a tensor has {numbers.size} bytes; its shape and type need {_size(shape, name)}",
            )
        self._tokens.skip(numbers.size)


def _size(shape: list[int | float | bool | None], name: str) -> int:
    return math.prod(size for size in shape if isinstance(size, int)) * _WIDTHS[name]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
