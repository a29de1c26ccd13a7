r"""Reads the YAML in which Keras kept models until version 2.6, in bounded memory and without making objects.

Tags are passed over: what an unsafe loader makes of them is judged where YAML is read for names of code.

>>> [document] = read_yaml(b"class_name: Lambda\nconfig: {function: !!python/tuple [4wEA, null]}\n")
>>> document.value
{'class_name': 'Lambda', 'config': {'function': ['4wEA', None]}}

Source: YAML 1.1; keras 2.4.3, "engine/saving.py", `model_from_yaml`; CVE-2021-37678.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from scanner.keras.faults import first_line
from scanner.keras.json_text import LIMIT_BYTES, JsonDocument, JsonTextError, Overwritten

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# With what aliases stand for; a value takes up to a hundred bytes of memory.
_VALUES_LIMIT: Final = 500_000
_TAG: Final = "tag:yaml.org,2002:"
_TRUE: Final = frozenset({"yes", "true", "on"})
_MERGE: Final = object()  # the key "<<", under which other tables are poured in


@dataclass
class _Value:
    """A value, and how many it and those in it are when aliases are written out."""

    held: object
    count: int = 1


@dataclass
class _Open:
    """A table or list that has not ended; of a table, keys and values in turn."""

    anchor: str | None
    is_table: bool
    items: list[object] = field(default_factory=list)
    count: int = 1


def read_yaml(data: bytes) -> list[JsonDocument]:
    """The documents of a YAML text, as JSON values.

    Raises:
        JsonTextError: when it is not YAML, too long, or larger than can be read once aliases are written out.
    """
    if len(data) > LIMIT_BYTES:
        raise JsonTextError(f"longer than {LIMIT_BYTES} bytes")
    try:
        return list(_documents(data))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise JsonTextError(f"not valid YAML ({ascii(first_line(error))[1:-1][:120]})") from error


def _documents(data: bytes) -> Iterator[JsonDocument]:
    anchors: dict[str, _Value] = {}
    overwritten = Overwritten()
    waiting: list[_Open] = []
    for event in yaml.parse(data, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            anchors, overwritten = {}, Overwritten()
        elif isinstance(event, yaml.CollectionStartEvent):
            waiting.append(_Open(event.anchor, isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.CollectionEndEvent):
            value = _value(event, waiting, anchors, overwritten)
            if not waiting:
                yield overwritten.document(value.held)
                continue
            waiting[-1].items.append(value.held)
            waiting[-1].count += value.count
            if waiting[-1].count > _VALUES_LIMIT:
                raise JsonTextError(f"more than {_VALUES_LIMIT} values once aliases are written out")


def _value(
    event: yaml.Event, waiting: list[_Open], anchors: dict[str, _Value], overwritten: Overwritten
) -> _Value:
    if isinstance(event, yaml.AliasEvent):
        known = anchors.get(str(event.anchor))
        if known is None:
            raise JsonTextError(f"the alias {ascii(str(event.anchor)[:40])} stands for nothing before it")
        return known
    if isinstance(event, yaml.ScalarEvent):
        value, anchor = _Value(_scalar(event)), event.anchor
    else:
        ended = waiting.pop()
        held = _table(ended.items, overwritten) if ended.is_table else ended.items
        value, anchor = _Value(held, ended.count), ended.anchor
    if anchor:
        anchors[anchor] = value
    return value


def _scalar(event: yaml.ScalarEvent) -> object:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or tagged
        return text
    if text == "<<":
        return _MERGE
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    if tag == f"{_TAG}null":
        return None
    if tag == f"{_TAG}bool":
        return text.lower() in _TRUE
    return text


def _table(items: list[object], overwritten: Overwritten) -> dict[str, object]:
    pairs = list(zip(items[::2], items[1::2], strict=True))
    own = overwritten.table([(str(key), value) for key, value in pairs if key is not _MERGE])
    poured: dict[str, object] = {}
    for key, value in pairs:
        if key is _MERGE:
            for table in value if isinstance(value, list) else [value]:
                if isinstance(table, dict):
                    poured = {**table, **poured}  # the first one wins
    return {**poured, **own}


_RESOLVER: Final = yaml.resolver.Resolver()
