"""Jinja where nobody promised a template: values of YAML and JSON, and files named `.template`.

Much there looks like Jinja and is none (Helm, Mustache, f-strings), so what cannot be parsed is let through.

>>> [key for key, _ in marked_in_yaml("deploy: '{{ lipsum.__globals__ }}'")]
['line 1']
>>> list(marked_in_json({"custom_chat_template": "{{ x }}", "eos_token": "</s>"}))
[('custom_chat_template', '{{ x }}')]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

_MARKS: Final = ("{{", "{%")
_DEPTH_LIMIT: Final = 50
_TEMPLATES_LIMIT: Final = 200
_EVENTS_LIMIT: Final = 200_000
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Keys of JSON whose values are written into prompts.
_KEYS: Final = ("template", "templates", "prompt")


def is_marked(text: str) -> bool:
    """Whether a text has the marks of Jinja."""
    return any(mark in text for mark in _MARKS)


def marked_in_yaml(text: str) -> Iterator[tuple[str, str]]:
    """(place, text) of every value with marks of Jinja; of the whole text where no value has them."""
    if not is_marked(text):
        return
    found = 0
    try:
        for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if number > _EVENTS_LIMIT or found >= _TEMPLATES_LIMIT:
                break
            if isinstance(event, yaml.ScalarEvent) and is_marked(str(event.value)):
                found += 1
                line = event.start_mark.line + 1 if event.start_mark else 1
                yield f"line {line}", str(event.value)
    except (yaml.YAMLError, RecursionError, ValueError):
        found = 0
    if not found:
        yield "", text


def marked_in_json(value: object) -> Iterator[tuple[str, str]]:
    """(key, text) of every value with marks of Jinja under a key that names a template or prompt."""
    waiting: list[tuple[str, object, bool, int]] = [("", value, False, 0)]
    found = 0
    while waiting and found < _TEMPLATES_LIMIT:
        key, item, is_named, depth = waiting.pop()
        if isinstance(item, str) and is_named and is_marked(item):
            found += 1
            yield key, item
        elif isinstance(item, dict) and depth < _DEPTH_LIMIT:
            waiting.extend(
                (
                    f"{key}.{name}" if key else str(name),
                    part,
                    is_named or str(name).lower().endswith(_KEYS),
                    depth + 1,
                )
                for name, part in item.items()
            )
        elif isinstance(item, list) and depth < _DEPTH_LIMIT:
            waiting.extend((key, part, is_named, depth + 1) for part in item)
