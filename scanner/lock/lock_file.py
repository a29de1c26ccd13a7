"""Reads and writes `model.lock.json`: JSON in a fixed order, so that git shows what changed and no more.

>>> decode_lock(b"[]", "model.lock.json")
Traceback (most recent call last):
scanner.lock.model_lock.LockError: model.lock.json: not a model lock (is list)
"""

from __future__ import annotations

import json
import re
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from scanner.errors import ScanError
from scanner.lock.model_lock import SCHEMA_ID, LockError, ModelLock
from scanner.records import decode, to_builtins

# 100,000 files take about 40 MB.
_LIMIT_BYTES: Final = 256 * 1024**2
_SCHEMA: Final = re.compile(r"weighbridge\.model-lock/(\d{1,6})")
_AGAIN: Final = "take it back from version control, or remove it and let `weighbridge fetch` make it anew"


def encode_lock(lock: ModelLock) -> bytes:
    """The bytes of the lock's file: equal locks, equal bytes; a file's line for nothing is left out."""
    return json.dumps(_plain(lock), indent=2, ensure_ascii=False).encode() + b"\n"


def read_lock(path: Path) -> ModelLock:
    """The lock in the file `path`.

    Raises:
        LockError: when it cannot be read, is no lock, is one of a newer version, or was damaged or edited so
            that its parts no longer agree.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT_BYTES + 1)
    except OSError as error:
        raise LockError(
            f"{path}: {error.strerror or error}", hint="`weighbridge fetch MODEL --lock FILE` makes a lock"
        ) from error
    if len(data) > _LIMIT_BYTES:
        raise LockError(f"{path}: longer than {_LIMIT_BYTES} bytes, no lock is", hint=_AGAIN)
    return decode_lock(data, str(path))


def decode_lock(data: bytes, where: str) -> ModelLock:
    """The lock that the bytes of its file hold; `where` is how errors call it.

    Raises:
        LockError: as `read_lock`.
    """
    document = _document(data, where)
    _require_version(document, where)
    _require_plain(document, where)
    try:
        lock = decode(data, ModelLock)
    except ScanError as error:
        raise LockError(f"{where}: {error}", hint=_AGAIN) from error
    # A key that is misspelt would be read as if it were not there.
    if unknown := _unknown_key(document, to_builtins(lock)):
        raise LockError(f"{where}: unknown key {unknown!r:.80}", hint=_AGAIN)
    return lock


def shipped_schema() -> bytes:
    """The JSON Schema that comes with the package."""
    return (resources.files("scanner") / "data" / "model-lock.schema.json").read_bytes()


def encoded_schema() -> bytes:
    """The JSON Schema of the format, made from the types it is encoded from; draft 2020-12."""
    (schema,), components = msgspec.json.schema_components([ModelLock], ref_template="#/$defs/{name}")
    for component in components.values():
        # Of a docstring the first paragraph; the rest is for readers of the code.
        component["description"] = " ".join(component["description"].split("\n\n")[0].split())
        component["additionalProperties"] = False
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Weighbridge model lock ({SCHEMA_ID})",
        **schema,
        "$defs": components,
    }
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"


def _plain(lock: ModelLock) -> dict[str, Any]:
    document: dict[str, Any] = to_builtins(lock)
    document["files"] = [
        {key: value for key, value in file.items() if value != ""} for file in document["files"]
    ]
    return document


def _document(data: bytes, where: str) -> dict[str, Any]:
    try:
        document = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise LockError(f"{where}: not a model lock (not JSON: {error})", hint=_AGAIN) from error
    if not isinstance(document, dict):
        raise LockError(f"{where}: not a model lock (is {type(document).__name__})", hint=_AGAIN)
    return document


def _require_version(document: dict[str, Any], where: str) -> None:
    schema = document.get("schema")
    match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if match is None:
        raise LockError(f"{where}: not a model lock (schema is {schema!r:.80})", hint=_AGAIN)
    if schema != SCHEMA_ID:
        raise LockError(
            f"{where}: schema is {schema}, known is {SCHEMA_ID}",
            hint="a newer Weighbridge made this lock; use that one, or fetch the model again",
        )


def _require_plain(value: object, where: str) -> None:
    """Refuses control characters and halves of characters: errors and reports quote what a lock says."""
    if isinstance(value, str):
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            raise LockError(f"{where}: control characters in {value!a:.80}", hint=_AGAIN)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _require_plain(key, where)
            _require_plain(inner, where)
    elif isinstance(value, list):
        for inner in value:
            _require_plain(inner, where)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is written twice")
    return value


def _unknown_key(given: object, known: object) -> str:
    """The first key that is in the document and not in the value that was read from it, or ""."""
    if isinstance(given, dict) and isinstance(known, dict):
        deeper = ((key, _unknown_key(value, known[key])) for key, value in given.items() if key in known)
        return next((key for key in given if key not in known), "") or next((k for _, k in deeper if k), "")
    if isinstance(given, list) and isinstance(known, (list, tuple)):
        return next((key for pair in zip(given, known, strict=True) if (key := _unknown_key(*pair))), "")
    return ""
