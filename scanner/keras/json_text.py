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
    """The text is not JSON or YAML, or more than can be read."""


@dataclass(frozen=True)
class JsonDocument:
    """A value of JSON, or of YAML in its terms.

    Attributes:
        value: As `json` or YAML reads it: of keys written twice, the last one.
        duplicates: Keys written twice in one object.
        hidden: The values of the keys that were overwritten.
    """

    value: object
    duplicates: tuple[str, ...] = ()
    hidden: tuple[object, ...] = ()


class Overwritten:
    """Makes tables of keys and values, and keeps the values of keys that are written again."""

    def __init__(self) -> None:
        self._held: list[tuple[str, object]] = []

    def table(self, items: list[tuple[str, object]]) -> dict[str, object]:
        """These keys with the last value of each."""
        table = dict(items)
        if len(table) != len(items):
            last = {key: index for index, (key, _) in enumerate(items)}
            self._held.extend((key, value) for at, (key, value) in enumerate(items) if last[key] != at)
        return table

    def document(self, value: object) -> JsonDocument:
        """`value` with all that was overwritten in it."""
        # A scalar that was overwritten may be the name of what its object would have been.
        hidden = [held if isinstance(held, dict | list) else {key: held} for key, held in self._held]
        return JsonDocument(value, tuple(dict.fromkeys(key for key, _ in self._held)), tuple(hidden))


def read_document(data: bytes) -> JsonDocument:
    """The JSON value that `data` is.

    Raises:
        JsonTextError: when it is not, or too long or too deep.
    """
    _bound(data)
    overwritten = Overwritten()
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=overwritten.table)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise JsonTextError(f"not valid JSON ({_first(error)})") from error
    return overwritten.document(value)


def embedded_documents(data: bytes) -> Iterator[JsonDocument]:
    """Every JSON object that stands in `data`, which is something else between them.

    Raises:
        JsonTextError: when there is more than can be read.
    """
    _bound(data)
    text = data.decode("latin-1")  # one character a byte; JSON of Keras is ASCII
    at = failures = 0
    while match := _OBJECT.search(data, at):
        overwritten = Overwritten()
        decoder = json.JSONDecoder(object_pairs_hook=overwritten.table)
        try:
            value, at = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as error:
            failures += 1
            if failures > _FAILURES_LIMIT:
                raise JsonTextError(f"{failures} objects in it are not valid JSON") from error
            at = match.end()
            continue
        yield overwritten.document(value)


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


def _first(error: Exception) -> str:
    return "".join(character if character.isprintable() else "?" for character in first_line(error)[:120])
