"""JSON for the vocabulary: every value encodes to JSON and decodes back to an equal value.

Frozen dataclasses go through msgspec, which validates types while it decodes.

>>> from scanner.findings import Location
>>> decode(encode(Location("config.json", line=3)), Location)
Location(path='config.json', line=3, detail='')
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from scanner.errors import InvalidValueError

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON of a value, its keys in the order of the fields."""
    return msgspec.json.encode(value)


def encode_pretty(value: object) -> bytes:
    """Indented UTF-8 JSON of a value, for files that people open."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def decode(data: bytes | str, kind: type[T]) -> T:
    """The value of type `kind` that `data` (JSON) describes.

    Raises:
        InvalidValueError: when the JSON is broken or does not describe a `kind`.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise InvalidValueError(f"not a {kind.__name__}: {error}") from error


def to_builtins(value: object) -> Any:  # noqa: ANN401 - the JSON edge: dicts, lists, strings, numbers
    """Plain dicts and lists for a value, as `json.loads(encode(value))` would give."""
    return msgspec.to_builtins(value)


def canonical(value: object) -> bytes:
    """The canonical JSON of a value: UTF-8, keys sorted, no white space; equal values, equal bytes."""
    return msgspec.json.encode(value, order="sorted")


def digest(value: object) -> str:
    """sha256 (hex) of a value's canonical JSON: equal values, equal digests."""
    return hashlib.sha256(canonical(value)).hexdigest()
