r"""Every plain value of a configuration with the keys that lie above it, from JSON, TOML or YAML.

>>> [(pair.keys, pair.value) for pair in pairs_of({"a": [{"b": "x"}, "y"]})]
[(('a', 'b'), 'x'), (('a',), 'y')]
>>> [(pair.keys, pair.value, pair.line) for pair in yaml_pairs("a:\n- b: x\n- y\n")]
[(('a', 'b'), 'x', 2), (('a',), 'y', 3)]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EVENTS_LIMIT: Final = 3_000_000
# The parser takes time by the square of the depth.
_DEPTH_LIMIT: Final = 1000
# Keys above a value that are kept: rules ask for two, and a deep file must not cost its depth squared.
_KEPT: Final = 6
_LONGEST: Final = 100_000


@dataclass(frozen=True)
class Pair:
    """One plain value.

    Attributes:
        keys: The keys above it, its own last; lists leave no trace.
        value: As text: "true" for a truth.
        line: 1-based for YAML, else None.
    """

    keys: tuple[str, ...]
    value: str
    line: int | None = None


def pairs_of(value: object) -> Iterator[Pair]:
    """Every text and truth of a parsed value, in order and without recursion.

    What LangChain writes as a list of names stands as one, under "lc constructor" or "lc secret".
    """
    waiting: list[tuple[tuple[str, ...], object]] = [((), value)]
    while waiting:
        keys, item = waiting.pop()
        if isinstance(item, list):
            waiting.extend((keys, part) for part in reversed(item))
        elif isinstance(item, dict):
            yield from _langchain(keys, item)
            inner = [((*keys, str(name))[-_KEPT:], part) for name, part in item.items()]
            waiting.extend(reversed(inner))
        elif isinstance(item, str):
            yield Pair(keys, item[:_LONGEST])
        elif isinstance(item, bool):
            yield Pair(keys, str(item).lower())


def _langchain(keys: tuple[str, ...], item: dict[str, object]) -> Iterator[Pair]:
    parts, kind = item.get("id"), item.get("type")
    if "lc" in item and isinstance(parts, list) and isinstance(kind, str):
        yield Pair((*keys, f"lc {kind}"), ".".join(part for part in parts if isinstance(part, str))[:300])


def yaml_pairs(text: str) -> Iterator[Pair]:
    """Every plain value of a YAML text, as the parser comes to it: nothing is constructed, no alias followed.

    Raises:
        yaml.YAMLError: where it is no YAML.
        ValueError: where it is too long or nested too deep.
    """
    above: list[_Open] = []
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if number > _EVENTS_LIMIT or len(above) > _DEPTH_LIMIT:
            raise ValueError("too long, or nested too deep, to be read")
        if isinstance(event, yaml.CollectionEndEvent):
            above.pop()
        elif isinstance(event, yaml.NodeEvent):
            yield from _node(event, above)


@dataclass
class _Open:
    """A mapping or a list that has begun.

    Attributes:
        keys: Those above what comes next in it.
        is_key: Whether a key comes next; never in a list.
        is_mapping: Whether it is a mapping.
    """

    keys: tuple[str, ...]
    is_key: bool
    is_mapping: bool


def _node(event: yaml.NodeEvent, above: list[_Open]) -> Iterator[Pair]:
    top = above[-1] if above else _Open((), False, False)
    is_key = top.is_key
    keys = top.keys
    if top.is_mapping and is_key:
        name = str(event.value)[:300] if isinstance(event, yaml.ScalarEvent) else ""
        top.keys = (*keys, name)
    elif top.is_mapping:
        top.keys = keys[:-1]
    top.is_key = top.is_mapping and not is_key
    if isinstance(event, yaml.CollectionStartEvent):
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        above.append(_Open(keys[-_KEPT:], is_mapping, is_mapping))
    elif isinstance(event, yaml.ScalarEvent) and not is_key:
        line = event.start_mark.line + 1 if event.start_mark else None
        yield Pair(keys, str(event.value)[:_LONGEST], line)
