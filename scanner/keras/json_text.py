r"""Reads the JSON of a Keras model in bounded memory, and keeps what a key written twice would hide.

>>> document = read_document(b'{"class_name": "Lambda", "class_name": "Dense"}')
>>> document.value, document.duplicates
({'class_name': 'Dense'}, ('class_name',))
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.graphs.wire import Wire, WireError
from scanner.keras.faults import first_line

# The configuration of the largest application of Keras takes half a megabyte; a vocabulary some more.
LIMIT_BYTES: Final = 16 * 1024**2
# An empty list takes two bytes of text and sixty of memory.
_CONTAINERS_LIMIT: Final = 500_000
_VALUES_LIMIT: Final = 2_000_000
_OBJECT: Final = re.compile(rb'\{\s*"')
# Text between the objects of a protobuf; more objects than this that cannot be read are no accident.
_FAILURES_LIMIT: Final = 50


class JsonTextError(ScanError):
    """The text is not JSON, or more than can be read."""


@dataclass(frozen=True)
class JsonDocument:
    """A JSON value.

    Attributes:
        value: As `json` reads it: of keys written twice, the last one.
        duplicates: Keys written twice in one object.
        hidden: The values of the keys that were overwritten.
    """

    value: object
    duplicates: tuple[str, ...] = ()
    hidden: tuple[object, ...] = ()


def read_document(data: bytes) -> JsonDocument:
    """The JSON value that `data` is.

    Raises:
        JsonTextError: when it is not, or too long or too deep.
    """
    _bound(data)
    overwritten: list[tuple[str, object]] = []
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_hook(overwritten))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise JsonTextError(f"not valid JSON ({_first(error)})") from error
    return _document(value, overwritten)


def embedded_documents(data: bytes) -> Iterator[JsonDocument]:
    """Every JSON object that stands in `data`, which is something else between them.

    Raises:
        JsonTextError: when there is more than can be read.
    """
    _bound(data)
    text = data.decode("latin-1")  # one character a byte; JSON of Keras is ASCII
    at = failures = 0
    while match := _OBJECT.search(data, at):
        overwritten: list[tuple[str, object]] = []
        decoder = json.JSONDecoder(object_pairs_hook=_hook(overwritten))
        try:
            value, at = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as error:
            failures += 1
            if failures > _FAILURES_LIMIT:
                raise JsonTextError(f"{failures} objects in it are not valid JSON") from error
            at = match.end()
            continue
        yield _document(value, overwritten)


def metadata_documents(data: bytes) -> Iterator[JsonDocument]:
    """The JSON texts that TensorFlow reads in the metadata of a SavedModel, whatever stands between them."""
    wire = Wire(io.BytesIO(data), len(data))
    try:
        for field in wire.reached(wire.root, 1, 4):
            with suppress(JsonTextError):
                yield read_document(wire.raw(field, LIMIT_BYTES))
    except WireError:
        return  # no reader gets further


def _bound(data: bytes) -> None:
    if len(data) > LIMIT_BYTES:
        raise JsonTextError(f"longer than {LIMIT_BYTES} bytes")
    containers = data.count(b"{") + data.count(b"[")
    if containers > _CONTAINERS_LIMIT or data.count(b",") > _VALUES_LIMIT:
        raise JsonTextError(f"{containers} lists and objects; at most {_CONTAINERS_LIMIT} are read")


def _hook(overwritten: list[tuple[str, object]]):  # type: ignore[no-untyped-def]  # the hook's own signature
    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        table = dict(items)
        if len(table) != len(items):
            overwritten.extend(_overwritten(items))
        return table

    return pairs


def _overwritten(items: list[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    last = {key: index for index, (key, _) in enumerate(items)}
    return ((key, value) for index, (key, value) in enumerate(items) if last[key] != index)


def _document(value: object, overwritten: list[tuple[str, object]]) -> JsonDocument:
    # A scalar that was overwritten may be the name of what its object would have been.
    hidden = [held if isinstance(held, dict | list) else {key: held} for key, held in overwritten]
    return JsonDocument(value, tuple(dict.fromkeys(key for key, _ in overwritten)), tuple(hidden))


def _first(error: Exception) -> str:
    return "".join(character if character.isprintable() else "?" for character in first_line(error)[:120])
