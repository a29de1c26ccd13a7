"""Jinja where nobody promised a template: values of YAML, TOML and JSON, and files named `.template`.

Much there looks like Jinja and is none (Helm, Mustache, f-strings), so what cannot be parsed is let through.

>>> [key for key, _ in marked_in_yaml("deploy: '{{ lipsum.__globals__ }}'")]
['line 1']
>>> list(marked_in_json({"custom_chat_template": "{{ x }}", "eos_token": "</s>"}))
[('custom_chat_template', '{{ x }}')]
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Final

import yaml

from scanner.model_files import ModelFileError

_MARKS: Final = ("{{", "{%")
_ANY_MARK: Final = re.compile(rb"\{\{|\{%|\\(?:x|u00|U000000)(?:7[bB]|25)")
# Different ones; a millisecond each.
_TEMPLATES_LIMIT: Final = 2000
_SHOWN: Final = 300
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Keys of JSON whose values are written into prompts.
_KEYS: Final = ("template", "templates", "prompt")


def marked_in_toml(text: str) -> Iterator[tuple[str, str]]:
    """(key, text) of every value of TOML with marks of Jinja, once; the whole text where none has them.

    Raises:
        ModelFileError: when there are too many, after the first of them.
    """
    found = False
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        value = {}
    for place in _marked(value, is_named=True):
        found = True
        yield place
    if not found and is_marked(text):
        yield "", text


def may_be_marked(data: bytes) -> bool:
    """Whether bytes have marks of Jinja, or signs of them written by number as JSON, YAML and TOML allow."""
    return _ANY_MARK.search(data) is not None


def is_marked(text: str) -> bool:
    """Whether a text has the marks of Jinja."""
    return any(mark in text for mark in _MARKS)


def marked_in_yaml(text: str) -> Iterator[tuple[str, str]]:
    """(place, text) of every value with marks of Jinja, once; of the whole text where no value has them.

    Raises:
        ModelFileError: when there are too many, after the first of them.
    """
    seen: set[str] = set()
    is_read = False
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.ScalarEvent) and _is_new(str(event.value), seen):
                line = event.start_mark.line + 1 if event.start_mark else 1
                yield f"line {line}", str(event.value)
        is_read = bool(seen)
    except (yaml.YAMLError, RecursionError, ValueError):
        is_read = False
    if not is_read and is_marked(text):
        yield "", text


def _is_new(text: str, seen: set[str]) -> bool:
    """Whether a text has marks of Jinja and was not seen before."""
    if text in seen or not is_marked(text):
        return False
    if len(seen) >= _TEMPLATES_LIMIT:
        raise ModelFileError(
            f"more than {_TEMPLATES_LIMIT} values have marks of Jinja; the rest was not read"
        )
    seen.add(text)
    return True


def marked_in_json(value: object) -> Iterator[tuple[str, str]]:
    """(key, text) of every value with marks of Jinja, once, under a key that names a template or prompt.

    Raises:
        ModelFileError: when there are too many, after the first of them.
    """
    yield from _marked(value, is_named=False)


def json_or_text(text: str) -> object:
    """The JSON that a text is, or the text."""
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else text
    except (ValueError, RecursionError):
        return text


def _marked(value: object, *, is_named: bool) -> Iterator[tuple[str, str]]:
    """The same; with `is_named`, under any key."""
    waiting: list[tuple[str, object, bool]] = [("", value, is_named)]
    seen: set[str] = set()
    while waiting:
        key, item, is_read = waiting.pop()
        if isinstance(item, str) and is_read and _is_new(item, seen):
            yield key, item
        elif isinstance(item, dict):
            for name, part in item.items():
                inner = (f"{key}.{name}" if key else str(name))[:_SHOWN]
                waiting.append((inner, part, is_read or str(name).lower().endswith(_KEYS)))
        elif isinstance(item, list):
            waiting.extend((key, part, is_read) for part in item)
