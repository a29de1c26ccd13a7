"""Finds every chat template that a model brings, wherever loaders look for one.

>>> import tempfile, pathlib
>>> from scanner.manifest import FileEntry, Snapshot
>>> from scanner.references import ModelRef
>>> root = tempfile.mkdtemp()
>>> _ = pathlib.Path(root, "chat_template.jinja").write_text("{{ messages }}")
>>> snapshot = Snapshot(ModelRef.parse(root), None, root, (FileEntry("chat_template.jinja", 14, "0" * 64),))
>>> find_templates(snapshot).templates[0].source
'{{ messages }}'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.errors import ScanError
from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import (
    GgufError,
    ModelFileError,
    gguf_header_of,
    read_json,
    read_text,
    safetensors_header_of,
)
from scanner.parts import PartlyReadError
from scanner.templates.loose import (
    is_marked,
    json_or_text,
    marked_in_json,
    marked_in_toml,
    marked_in_yaml,
    may_be_marked,
)

# tokenizer_config.json lists added tokens; those of some models take tens of megabytes.
_JSON_LIMIT_BYTES: Final = 64 * 1024**2
# Files that nothing says are templates are read up to this length; longer ones with marks are told.
_LOOSE_BYTES: Final = 4 * 1024**2
_CHUNK_BYTES: Final = 1024**2
_VOCABULARIES: Final = frozenset({"tokenizer.json", "vocab.json", "merges.json", "added_tokens.json"})
_JSON_NAMES: Final = frozenset({"tokenizer_config.json", "chat_template.json", "processor_config.json"})
_KEY: Final = "chat_template"
_LOOSE_SUFFIXES: Final = (".template", ".tmpl", ".tpl", ".prompt", ".toml", ".ini", ".cfg")
_YAML_NAMES: Final = (".yaml", ".yml", "mlmodel")
_PLAIN_SUFFIXES: Final = frozenset({"", ".txt", ".html"})
# What a Modelfile writes into prompts; its licence may hold addresses.
_SAID_IN_MODELFILE: Final = re.compile(
    r'^[ \t]*(SYSTEM|TEMPLATE|MESSAGE)[ \t]+("""(?:.*?)"""|[^\n]*)', re.IGNORECASE | re.MULTILINE | re.DOTALL
)
_GGUF_KEY: Final = "tokenizer.chat_template"
_GGUF_MAGIC: Final = b"GGUF"
_GGUF_LEAST_BYTES: Final = 24
# The length of the header, and how long it may be. Source: safetensors, safetensors/src/tensor.rs.
_SAFETENSORS_LENGTH_BYTES: Final = 8
_SAFETENSORS_HEADER_BYTES: Final = 100_000_000
_METADATA: Final = "metadata key"
_SHOWN: Final = 80


@dataclass(frozen=True)
class ChatTemplate:
    """One template.

    Attributes:
        path: File in the snapshot.
        key: Where in the file: "key chat_template", "key chat_template, tool_use", "" for a file of its own.
        source: Its text.
        is_jinja: Whether it is Jinja; of a Modelfile of Ollama, whose templates are of another language, the
            words alone are read.
        is_loose: Whether nothing says that it is Jinja, so that what cannot be parsed is something else.
    """

    path: str
    key: str
    source: str
    is_jinja: bool = True
    is_loose: bool = False


@dataclass(frozen=True)
class TemplateSearch:
    """What the search yields.

    Attributes:
        templates: In the order of the files.
        unread: (path, reason) for each place that may hold a template and cannot be read.
        not_fetched: The same for places that were not read far enough to tell.
    """

    templates: tuple[ChatTemplate, ...]
    unread: tuple[tuple[str, str], ...]
    not_fetched: tuple[tuple[str, str], ...] = ()


class UnexpectedTemplateError(ScanError):
    """A template key holds something that is no template."""


def find_templates(snapshot: Snapshot) -> TemplateSearch:
    """Every template of a snapshot: in tokenizer and processor files, .jinja files and headers of weights."""
    templates: list[ChatTemplate] = []
    unread: list[tuple[str, str]] = []
    not_fetched: list[tuple[str, str]] = []
    for entry in snapshot.files:
        try:
            templates.extend(templates_in(snapshot, entry))
        except PartlyReadError as error:
            not_fetched.append((entry.path, str(error)))
        except (ModelFileError, GgufError, OSError, UnexpectedTemplateError) as error:
            unread.append((entry.path, str(error)))
    return TemplateSearch(tuple(templates), tuple(unread), tuple(not_fetched))


def templates_in(snapshot: Snapshot, entry: FileEntry) -> Iterator[ChatTemplate]:
    """The templates of one file; none for a file of another kind.

    Raises:
        PartlyReadError: when it was not read far enough to tell.
        ModelFileError: when it cannot be read; GgufError when it is a GGUF file that cannot be.
        UnexpectedTemplateError: when something else stands where a template belongs.
        OSError: when it cannot be opened.
    """
    name = PurePosixPath(entry.path).name.lower()
    if name.endswith(".json") and (name in _JSON_NAMES or _mentions_template(snapshot, entry)):
        yield from _in_json(snapshot, entry)
    elif name.endswith((".jinja", ".jinja2", ".j2")):
        source = read_text(snapshot, entry.path)
        if "\0" in source or source.count("\ufffd") > len(source) // 100:
            raise UnexpectedTemplateError(f"{entry.path}: is no text, or in another encoding than UTF-8")
        yield ChatTemplate(entry.path, "", source)
    elif name.endswith((*_LOOSE_SUFFIXES, *_YAML_NAMES)) or _is_named_template(entry.path):
        yield from _loose(snapshot, entry)
    elif name == "modelfile" or name.endswith(".modelfile"):
        for match in _SAID_IN_MODELFILE.finditer(read_text(snapshot, entry.path)):
            yield ChatTemplate(entry.path, match[1].upper(), match[2].strip('"'), is_jinja=False)
    elif name.endswith(".gguf") or _is_gguf(snapshot, entry):
        yield from _in_gguf(snapshot, entry)
    elif name.endswith(".safetensors"):
        yield from _in_safetensors(snapshot, entry)


def _in_json(snapshot: Snapshot, entry: FileEntry) -> Iterator[ChatTemplate]:
    """The template under the usual key, and what looks like one under others."""
    value = read_json(snapshot, entry.path, _JSON_LIMIT_BYTES)
    others = value
    if isinstance(value, dict):
        yield from _in_value(entry.path, value.get(_KEY))
        others = {key: item for key, item in value.items() if key != _KEY}
    for key, text in marked_in_json(others):
        yield ChatTemplate(entry.path, f"key {ascii(key[:_SHOWN])[1:-1]}", text, is_loose=True)


def _is_named_template(path: str) -> bool:
    """Whether a plain text is a template or a prompt by the name of the file or its folder."""
    pure = PurePosixPath(path.lower())
    names = f"{pure.parent.name}/{pure.stem}"
    return pure.suffix in _PLAIN_SUFFIXES and ("template" in names or "prompt" in names)


def _loose(snapshot: Snapshot, entry: FileEntry) -> Iterator[ChatTemplate]:
    """What looks like Jinja in a file that may hold something else."""
    if not _holds(snapshot, entry, may_be_marked):
        return
    text = read_text(snapshot, entry.path, _LOOSE_BYTES)
    if entry.path.lower().endswith(".toml"):
        for place, found in marked_in_toml(text):
            yield ChatTemplate(entry.path, place and f"key {ascii(place)[1:-1]}", found, is_loose=True)
    elif entry.path.lower().endswith(_YAML_NAMES):
        for place, found in marked_in_yaml(text):
            yield ChatTemplate(entry.path, place, found, is_loose=True)
    elif is_marked(text):
        yield ChatTemplate(entry.path, "", text, is_loose=True)


def _mentions_template(snapshot: Snapshot, entry: FileEntry) -> bool:
    """Whether a JSON file of another name has a chat template; vocabularies are large and have none."""
    if PurePosixPath(entry.path).name.lower() in _VOCABULARIES and entry.size_bytes > _LOOSE_BYTES:
        return False
    key = f'"{_KEY}"'.encode()
    return _holds(snapshot, entry, lambda data: b'emplate"' in data) and _holds(
        snapshot, entry, lambda data: key in data or may_be_marked(data)
    )


def _holds(snapshot: Snapshot, entry: FileEntry, is_there: Callable[[bytes], bool]) -> bool:
    """Whether a file of any length holds a place for which this says yes."""
    tail = b""
    with snapshot.open(entry.path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if is_there(tail + chunk):
                return True
            tail = chunk[-32:]
    return False


def _is_gguf(snapshot: Snapshot, entry: FileEntry) -> bool:
    """Whether a file is GGUF under another name: llama.cpp goes by the first bytes alone."""
    if entry.size_bytes < _GGUF_LEAST_BYTES:
        return False
    try:
        with snapshot.open(entry.path) as stream:
            return stream.read(len(_GGUF_MAGIC)) == _GGUF_MAGIC
    except PartlyReadError:
        return False  # the check of kinds tells that nobody has seen what it is


def _in_gguf(snapshot: Snapshot, entry: FileEntry) -> Iterator[ChatTemplate]:
    header = gguf_header_of(snapshot, entry)
    for key in header.metadata:
        if key == _GGUF_KEY or key.startswith(f"{_GGUF_KEY}."):
            if not isinstance(header.metadata[key], str):
                raise UnexpectedTemplateError(f"{entry.path}, key {key}: the template is no text")
            yield ChatTemplate(entry.path, f"key {key}", header.text(key))


def _in_safetensors(snapshot: Snapshot, entry: FileEntry) -> Iterator[ChatTemplate]:
    """Templates among the texts that a writer of safetensors left beside the tensors."""
    with snapshot.open(entry.path) as stream:
        length = int.from_bytes(stream.read(_SAFETENSORS_LENGTH_BYTES), "little")
        header = stream.read(min(length, _SAFETENSORS_HEADER_BYTES))
    if not may_be_marked(header) and _KEY.encode() not in header:
        return
    others: dict[str, object] = {}
    for key, text in safetensors_header_of(snapshot, entry).metadata.items():
        if key.endswith(_KEY):
            yield ChatTemplate(entry.path, f"{_METADATA} {ascii(key[:_SHOWN])[1:-1]}", text)
        else:
            others[key] = json_or_text(text)
    for place, found in marked_in_json(others):
        yield ChatTemplate(entry.path, f"{_METADATA} {ascii(place)[1:-1]}", found, is_loose=True)


def _in_value(path: str, value: object) -> Iterator[ChatTemplate]:
    """A template, or several with names: a list of {name, template}, or a mapping of name to template."""
    if value is None:
        return
    if isinstance(value, str):
        yield ChatTemplate(path, f"key {_KEY}", value)
        return
    named = list(value.items()) if isinstance(value, dict) else _named(path, value)
    for name, source in named:
        if not isinstance(source, str):
            raise UnexpectedTemplateError(f"{path}, key {_KEY}: the template '{name}' is no text")
        yield ChatTemplate(path, f"key {_KEY}, {name}", source)


def _named(path: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnexpectedTemplateError(f"{path}, key {_KEY}: neither a template nor a list of named ones")
    return [(str(item.get("name")), item.get("template")) for item in value]
