r"""Reads settings that tools and editors write, JSON with comments or YAML, as plain values.

>>> tree_of('{"a": ["b", 1], // why\n}', "a.json")
{'a': ['b', '1']}
>>> tree_of("a: &x [b]\nc: !reference [d]\n", "a.yml")
{'a': ['b'], 'c': ['d']}
>>> list(texts_in({"run": ["sh", "-c id"]}))
[('run', 'sh -c id'), ('run[0]', 'sh'), ('run[1]', '-c id')]
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

import yaml

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EVENTS_LIMIT: Final = 300_000
_VALUES_LIMIT: Final = 1_000_000
_PLACE_SHOWN: Final = 200
_STRING: Final = r'"(?:\\.|[^"\\])*+"'
_COMMENT: Final = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA: Final = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)


def tree_of(text: str, path: str) -> Tree:
    """The value of a file, with every scalar as text; of several documents a list.

    Raises:
        ValueError: when it is not what its name says, says one thing twice, or is too long.
        RecursionError: when it is nested too deep.
    """
    if path.lower().endswith((".yml", ".yaml")):
        return _of_yaml(text)
    for pattern in (_COMMENT, _LAST_COMMA):
        text = pattern.sub(lambda found: found[1] or "", text)
    value: Tree = json.loads(
        text, object_pairs_hook=_of_pairs, parse_int=str, parse_float=str, parse_constant=str
    )
    return value


def texts_in(tree: Tree) -> Iterator[tuple[str, str]]:
    """(place, text) of every text at any depth, and of every command line that is given in several."""
    for place, item in _all_in(tree):
        if isinstance(item, str):
            yield place, item
        elif isinstance(item, dict) and "args" in item:
            yield place, command_of(item)
        elif isinstance(item, list) and item and isinstance(item[0], str) and " " not in item[0].strip():
            yield place, joined(item)  # a program and its arguments, not one command after another


def dicts_in(tree: Tree) -> Iterator[tuple[str, dict[str, Tree]]]:
    """(place, mapping) of every mapping at any depth."""
    for place, item in _all_in(tree):
        if isinstance(item, dict):
            yield place, item


def joined(tree: Tree | None) -> str:
    """A command that is given as one text or as a list of words; "" for anything else."""
    if isinstance(tree, list):
        return " ".join(part for part in tree if isinstance(part, str))
    return tree if isinstance(tree, str) else ""


def command_of(settings: dict[str, Tree]) -> str:
    """The command line that settings give as a program and its arguments; "" when they give none."""
    program = joined(settings.get("command") or settings.get("entry"))
    return " ".join(filter(None, (program, joined(settings.get("args"))))) if program else ""


def _all_in(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """(place, value) of every value at any depth, in order."""
    waiting: list[tuple[str, Tree]] = [("", tree)]
    seen: set[int] = set()
    for _ in range(_VALUES_LIMIT):
        if not waiting:
            return
        place, item = waiting.pop()
        if not isinstance(item, str):
            if id(item) in seen:  # an alias may stand in many places
                continue
            seen.add(id(item))
        yield place, item
        inner: list[tuple[str, Tree]] = []
        if isinstance(item, dict):
            inner = [(f"{place}.{key}".lstrip(".")[:_PLACE_SHOWN], part) for key, part in item.items()]
        elif isinstance(item, list):
            inner = [(f"{place}[{at}]"[:_PLACE_SHOWN], part) for at, part in enumerate(item)]
        waiting += reversed(inner)


def _of_pairs(pairs: list[tuple[str, Tree | bool | None]]) -> dict[str, Tree]:
    value = {key: _as_text(part) for key, part in pairs}
    if len(value) != len(pairs):
        raise ValueError("a key is written twice")
    return value


def _as_text(part: Tree | bool | None) -> Tree:
    """A value of JSON, `true` and `null` as they are written."""
    if isinstance(part, list):
        return [_as_text(each) for each in part]
    return part if isinstance(part, str | dict) else json.dumps(part)


def _of_yaml(text: str) -> Tree:
    """Made from the parser's events: nothing is constructed, and tags mean nothing here."""
    try:
        documents = _Builder().built(text)
    except yaml.YAMLError as error:
        raise ValueError("is no YAML that can be read") from error
    return documents[0] if len(documents) == 1 else documents


class _Builder:
    """Puts events together to values; an alias is the very value that it stands for."""

    def __init__(self) -> None:
        self._documents: list[Tree] = []
        self._open: list[list[Tree] | dict[str, Tree]] = []
        self._keys: list[str | None] = []
        self._named: dict[str, Tree] = {}

    def built(self, text: str) -> list[Tree]:
        for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if count > _EVENTS_LIMIT:
                raise ValueError(f"has more than {_EVENTS_LIMIT} elements")
            self._take(event)
        return self._documents

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        if not isinstance(event, yaml.NodeEvent):
            return
        value = self._value(event)
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            self._named[str(event.anchor)] = value
        self._put(value)
        if isinstance(event, yaml.CollectionStartEvent) and isinstance(value, dict | list):
            self._open.append(value)
            self._keys.append(None)

    def _value(self, event: yaml.NodeEvent) -> Tree:
        if isinstance(event, yaml.AliasEvent):
            return self._named.get(str(event.anchor), "")
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        return {} if isinstance(event, yaml.MappingStartEvent) else []

    def _put(self, value: Tree) -> None:
        if not self._open:
            self._documents.append(value)
            return
        into = self._open[-1]
        if isinstance(into, list):
            into.append(value)
        elif self._keys[-1] is None:
            key = value if isinstance(value, str) else "?"
            self._keys[-1] = key
            if key in into and key != "<<":
                raise ValueError("a key is written twice")
        else:
            into[self._keys[-1]] = value
            self._keys[-1] = None
