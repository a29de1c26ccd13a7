"""Names of code in a JSON value: which class a loader is to take, and from where.

>>> list(names_in_json({"auto_map": {"AutoModel": "modeling_x.X"}}))
[('auto-map', 'key auto_map.AutoModel', 'modeling_x.X')]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from scanner.code.places import leaves_folder
from scanner.code.yaml_targets import NAMING_KEYS

_SHOWN: Final = 300
# How jsonpickle writes what is to be called when the file is decoded.
_PICKLED_KEYS: Final = frozenset(
    {"py/object", "py/type", "py/function", "py/reduce", "py/class", "py/module", "py/repr"}
)
# Keys whose values are files beside the one that names them.
_FILE_KEYS: Final = frozenset({"weight_map"})


def names_in_json(value: object) -> Iterator[tuple[str, str, str]]:
    """(kind, place, target) of everything that asks for code at any depth; without recursion."""
    waiting: list[tuple[str, object]] = [("", value)]
    told: set[int] = set()
    while waiting:
        key, item = waiting.pop()
        if isinstance(item, list):
            waiting.extend((key, part) for part in reversed(item) if isinstance(part, dict | list))
        elif isinstance(item, dict):
            for name, part in item.items():
                inner = (f"{key}.{name}" if key else str(name))[:_SHOWN]
                for kind, place, target in _named(inner, str(name), part, told):
                    yield kind, f"key {place}", target[:_SHOWN]
                if isinstance(part, dict | list):
                    waiting.append((inner, part))


def _named(key: str, name: str, value: object, told: set[int]) -> Iterator[tuple[str, str, str]]:
    if name == "auto_map":
        for target_key, target in _targets(value, told):
            yield _repository_kind(target, "auto-map"), f"{key}{target_key}", target
    elif name in NAMING_KEYS and isinstance(value, str):
        yield "target", key, f"{value}.load" if name == "loader_module" else value
    elif name in _PICKLED_KEYS:
        yield from (("target", key, text) for text in _texts(value))
    elif name == "parent_library" and isinstance(value, str):
        yield "target", key, f"{value}.load"
    elif name == "trust_remote_code" and value is True:
        yield "trust", key, "true"
    elif name == "custom_pipelines" and isinstance(value, dict):
        yield from _pipelines(key, value)
    elif name in _FILE_KEYS and isinstance(value, dict):
        outside = {text for text in value.values() if isinstance(text, str) and leaves_folder(text)}
        yield from (("escape", key, text) for text in sorted(outside)[:10])


def _pipelines(key: str, value: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for task, settings in value.items():
        implementation = settings.get("impl") if isinstance(settings, dict) else None
        if isinstance(implementation, str):
            yield _repository_kind(implementation, "custom-pipeline"), f"{key}.{task}.impl", implementation


def _repository_kind(target: str, kind: str) -> str:
    if leaves_folder(target.replace("--", "/", 1)) or leaves_folder(target.rpartition("--")[2]):
        return "escape"
    return "cross-repository" if "--" in target else kind


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from (text for text in item.values() if isinstance(text, str))
            elif isinstance(item, str) and "." in item:
                yield item


def _targets(value: object, told: set[int]) -> Iterator[tuple[str, str]]:
    """(key, name) of every class of an auto_map: a mapping, or a list for slow and fast tokenizers.

    What lies in one inside another is told once; `told` has the identities of such lists and mappings.
    """
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        key, item = waiting.pop()
        if isinstance(item, str):
            yield key, item
            continue
        if id(item) in told:
            continue
        told.add(id(item))
        if isinstance(item, list):
            waiting.extend((key, part) for part in reversed(item))
        elif isinstance(item, dict):
            inner = [(f"{key}.{name}"[:_SHOWN], part) for name, part in item.items()]
            waiting.extend(reversed(inner))
