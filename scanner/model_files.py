"""Reads the files that say what a model is: config, card, licence texts, GGUF header. Shared by checks.

Everything here is hostile input: sizes are limited, JSON and YAML cannot hang the reader, and what is
broken raises a ModelFileError that names the file.

>>> import tempfile, pathlib
>>> from scanner.manifest import FileEntry, Snapshot
>>> from scanner.references import ModelRef
>>> root = tempfile.mkdtemp()
>>> _ = pathlib.Path(root, "config.json").write_text('{"model_type": "llama"}')
>>> files = (FileEntry("config.json", 23, "0" * 64),)
>>> read_config(Snapshot(ModelRef.parse(root), None, root, files))
{'model_type': 'llama'}
"""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from scanner.errors import ScanError
from scanner.manifest import FileEntry, Snapshot
from scanner.tensorfiles.gguf_header import (
    GgufArray,
    GgufError,
    GgufHeader,
    GgufTensor,
    read_gguf_header,
    read_gguf_header_from,
)
from scanner.tensorfiles.safetensors_header import SafetensorsReading, read_safetensors_from

__all__ = [
    "CONFIG_LIMIT_BYTES", "TEXT_LIMIT_BYTES", "GgufArray", "GgufError", "GgufHeader", "GgufTensor",
    "ModelCard", "ModelFileError", "gguf_header_of", "gguf_metadata", "is_licence_name", "licence_files",
    "model_card", "read_config", "read_json", "read_text", "safetensors_header_of",
]  # fmt: skip

CONFIG_LIMIT_BYTES: Final = 4 * 1024**2
TEXT_LIMIT_BYTES: Final = 4 * 1024**2
_MAX_YAML_DEPTH: Final = 50
# A value takes up to 60 bytes of memory, however short it is written; an index of 200,000 tensors has fewer.
_MAX_ELEMENTS: Final = 2_000_000
_CARD_NAMES: Final = ("readme.md", "modelcard.md", "model_card.md")
_LICENCE_STEMS: Final = ("license", "licence", "copying", "notice", "use_policy", "unlicense")
# "MODEL_LICENSE", "Llama-2-Community-License-Agreement", "MiMo Use Policy".
_LICENCE_ENDS: Final = ("license", "licence", "license_agreement", "licence_agreement", "use_policy")
# The last two cannot be read here: they are licences all the same, which a person must read.
_LICENCE_SUFFIXES: Final = frozenset({"", ".txt", ".md", ".rst", ".html", ".rtf", ".pdf", ".docx"})


class ModelFileError(ScanError):
    """A file of the model is missing, too large, or not what its name says."""


@dataclass(frozen=True)
class ModelCard:
    """A README with its front matter.

    Attributes:
        front_matter: Its YAML head as plain values, keys as strings; {} when it has none.
        text: The Markdown below it.
        path: Path inside the snapshot.
    """

    front_matter: Mapping[str, object]
    text: str
    path: str


def read_text(snapshot: Snapshot, path: str, limit_bytes: int = TEXT_LIMIT_BYTES) -> str:
    """The file as text, in UTF-8 unless its byte-order mark says UTF-16, as YAML and pip read it.

    Bytes that are neither become U+FFFD, and the mark is dropped.

    Raises:
        ModelFileError: when the file cannot be read or is longer than `limit_bytes`.
    """
    data = _read_bytes(snapshot, path, limit_bytes)
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if is_wide else "utf-8-sig", "replace")


def read_json(snapshot: Snapshot, path: str, limit_bytes: int = CONFIG_LIMIT_BYTES) -> object:
    """The JSON value of a file: strict UTF-8, no duplicate keys; NaN and Infinity are let through.

    NOTE: transformers itself writes `Infinity` into config.json (`time_step_limit` of Mamba models).

    Raises:
        ModelFileError: when the file cannot be read, is too long or is not JSON.
    """
    data = _read_bytes(snapshot, path, limit_bytes)
    elements = data.count(b",") + data.count(b"[") + data.count(b"{")
    if elements > _MAX_ELEMENTS:
        raise ModelFileError(f"{path}: has about {elements} elements; {_MAX_ELEMENTS} are read")
    try:
        value: object = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique_pairs)
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ModelFileError(f"{path}: not valid JSON ({error})") from error
    return value


def read_config(snapshot: Snapshot) -> dict[str, object] | None:
    """The keys of config.json; None when the model has none.

    Raises:
        ModelFileError: when it cannot be read, is too long, or is not a JSON object.
    """
    if snapshot.find("config.json") is None:
        return None
    value = read_json(snapshot, "config.json")
    if not isinstance(value, dict):
        raise ModelFileError(f"config.json: is {type(value).__name__}; expected an object")
    return value


def gguf_metadata(path: str | os.PathLike[str]) -> GgufHeader:
    """The header of the GGUF file at `path` on disk: metadata, arrays as summaries, tensor list.

    For a file of a snapshot: `gguf_header_of(snapshot, entry)`.

    Raises:
        GgufError: when it is not GGUF, cut off, or claims absurd sizes.
    """
    return read_gguf_header(path)


def gguf_header_of(snapshot: Snapshot, entry: FileEntry) -> GgufHeader:
    """The header of a GGUF file of a snapshot, of which no more than that need have been read.

    Raises:
        GgufError: when it is not GGUF, cut off, or claims absurd sizes.
        PartlyReadError: when not all of the header was read.
    """
    name = PurePosixPath(entry.path).name
    try:
        with snapshot.open(entry.path) as stream:
            return read_gguf_header_from(stream, entry.size_bytes, name)
    except OSError as error:
        raise GgufError(f"{name}: {error.strerror or error}") from error


def safetensors_header_of(snapshot: Snapshot, entry: FileEntry) -> SafetensorsReading:
    """The header of a safetensors file of a snapshot, of which no more than that need have been read.

    Raises:
        OSError: when it cannot be read.
        PartlyReadError: when not all of the header was read.
    """
    with snapshot.open(entry.path) as stream:
        return read_safetensors_from(stream, entry.size_bytes)


def model_card(snapshot: Snapshot) -> ModelCard | None:
    """The model card (README.md at the top of the snapshot); None when there is none.

    Raises:
        ModelFileError: when it cannot be read, or its front matter is not a YAML mapping.
    """
    entry = _top_level(snapshot, _CARD_NAMES)
    if entry is None:
        return None
    try:
        front_matter, text = frontmatter.parse(read_text(snapshot, entry.path), handler=_BoundedYaml())
    # ValueError and OverflowError: absurd numbers and dates; RecursionError: none known, but hostile input.
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise ModelFileError(
            f"{entry.path}: front matter is not readable YAML ({_first_line(error)})",
            hint="front matter stands between two lines of --- and is a YAML mapping",
        ) from error
    return ModelCard({str(key): value for key, value in front_matter.items()}, text, entry.path)


def licence_files(snapshot: Snapshot) -> tuple[FileEntry, ...]:
    """Files that hold licence texts, notices or use policies, by name, in any folder, sorted by path."""
    return tuple(entry for entry in snapshot.files if is_licence_name(PurePosixPath(entry.path).name))


class _BoundedYaml(YAMLHandler):  # type: ignore[misc]
    """SafeLoader behind a look at the events: aliases can make a short text exponentially large."""

    def load(self, fm: str, **_: object) -> dict[object, object]:
        depth = 0
        for event in yaml.parse(fm, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise yaml.YAMLError("aliases are not accepted in front matter")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_YAML_DEPTH:
                raise yaml.YAMLError(f"nested more than {_MAX_YAML_DEPTH} deep")
        value = yaml.load(fm, Loader=_LOADER)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise yaml.YAMLError(f"is {type(value).__name__}; expected a mapping")
        return value


# The C loader is ten times faster on the long evaluation tables of some cards.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read_bytes(snapshot: Snapshot, path: str, limit_bytes: int) -> bytes:
    entry = snapshot.partly_read.get(path)
    if entry is not None and entry.size_bytes > limit_bytes:
        raise _too_long(path, limit_bytes)  # as it would be if it had been fetched
    try:
        with snapshot.open(path) as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from error
    if len(data) > limit_bytes:
        raise _too_long(path, limit_bytes)
    return data


def _too_long(path: str, limit_bytes: int) -> ModelFileError:
    return ModelFileError(f"{path}: longer than {limit_bytes} bytes; not read")


def _unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice[:80]!r} is written twice")
    return value


def _top_level(snapshot: Snapshot, names: tuple[str, ...]) -> FileEntry | None:
    by_name = {entry.path.lower(): entry for entry in reversed(snapshot.files) if "/" not in entry.path}
    return next((by_name[name] for name in names if name in by_name), None)


def is_licence_name(name: str) -> bool:
    """Whether a file of this name (without folders) holds a licence text, a notice or a use policy."""
    lowered = PurePosixPath(name.lower().replace("-", "_").replace(" ", "_"))
    if lowered.suffix not in _LICENCE_SUFFIXES:
        return False
    return lowered.stem.startswith(_LICENCE_STEMS) or lowered.stem.endswith(_LICENCE_ENDS)


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return "".join(character if character.isprintable() else "?" for character in text)
