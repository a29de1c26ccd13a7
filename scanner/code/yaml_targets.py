r"""Names of code in YAML, seen in the parser's events: nothing is constructed.

Hydra targets, class paths, MLflow loaders, Python and Java tags, and the tags of HyperPyYAML.

>>> [(each.kind, each.target, each.line) for each in targets_in("model:\n  _target_: os.system\n", "a.yaml")]
[('target', 'os.system', 2)]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from scanner.code.places import leaves_folder
from scanner.errors import ScanError

# Keys by which Hydra, Lightning, torchtune and latent-diffusion name what they call, and MLflow its loader.
NAMING_KEYS: Final = frozenset({"_target_", "__target__", "class_path", "_component_", "loader_module"})
_LOOSE_KEYS: Final = frozenset({"target", "python_class", "callable", "factory", "entry_point", "entrypoint"})
_TARGET_KEYS: Final = NAMING_KEYS | _LOOSE_KEYS
_FOLDER_KEYS: Final = frozenset({"code"})  # of MLmodel: a folder that is put first on the path
# Files beside an MLmodel.
_PLACE_KEYS: Final = frozenset(
    {"model_path", "data", "code", "python_model", "pickled_model", "model_data", "serialized_model", "path"}
)
# Elements that aliases may make of a file, by repeating what they stand for.
_EXPANDED_LIMIT: Final = 10_000_000
_ALIAS: Final = re.compile(r"[\s\[,]\*\w")
_NOTHING: Final = ("null", "~", "none")
_TAG: Final = "tag:yaml.org,2002:"
_PYTHON_TAG: Final = f"{_TAG}python/"
# Python tags that make plain values.
_PLAIN_TAGS: Final = frozenset(
    {"none", "bool", "bytes", "str", "unicode", "int", "long", "float", "complex", "list", "tuple", "dict"}
)
# Tags of HyperPyYAML that make or call what follows the colon.
_HYPER_TAGS: Final = ("!new:", "!name:", "!apply:", "!module:")
_OTHER_LANGUAGES: Final = re.compile(
    r"^(!ruby/|!php/|!!?java\.|tag:ruby|tag:yaml\.org,2002:(ruby/|\w+\.\w+))"
)
_DOTTED: Final = re.compile(r"[^\W\d][\w-]*(\.[^\W\d]\w*)+|[^\W\d]\w*:[^\W\d][\w.]*")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EVENTS_LIMIT: Final = 3_000_000
_DEPTH_LIMIT: Final = 1000  # the parser takes time by the square of it


class TargetFileError(ScanError):
    """A YAML file that may name code cannot be parsed."""


@dataclass(frozen=True)
class YamlTarget:
    """One name of code in a YAML file.

    Attributes:
        kind: "target" for Hydra and its like, "loose-target" where the key may mean something else,
            "bomb" for aliases that grow without bound, "escape" for a file outside the folder,
            "yaml-tag" for a tag that an unsafe loader calls, "foreign-tag" for one of another language,
            "custom-code-folder" for a folder of code.
        key: "key _target_", "key loader_module" or "tag".
        target: "os.system".
        line: 1-based.
    """

    kind: str
    key: str
    target: str
    line: int


def mentions_code(text: str) -> bool:
    """Whether a text may name code; others need no parsing."""
    if _ALIAS.search(text):
        return True
    words = (*_TARGET_KEYS, "!", "tag:", "\\", "code:")
    return any(word in text for word in words)


def targets_in(text: str, path: str, *, is_mlmodel: bool = False) -> list[YamlTarget]:
    """Every name of code in a YAML text.

    Raises:
        TargetFileError: when it is not YAML and mentions code.
    """
    if not is_mlmodel and not mentions_code(text):
        return []
    found: list[YamlTarget] = []
    try:
        found.extend(_read(text, is_mlmodel))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if any(word in text for word in (*NAMING_KEYS, "!!python", _PYTHON_TAG, *_HYPER_TAGS)):
            reason = " ".join(str(error).split())[:200]
            raise TargetFileError(f"{path}: not readable YAML ({ascii(reason)[1:-1]})") from error
    return found


def tags_in(text: str) -> list[YamlTarget]:
    """Python tags in a text that may be YAML, up to where it is none."""
    found: list[YamlTarget] = []
    try:
        for each in _read(text, False):
            if each.kind == "yaml-tag":
                found.append(each)  # noqa: PERF401 - those before a fault count
    except (yaml.YAMLError, RecursionError, ValueError):
        pass
    return found


def _read(text: str, is_mlmodel: bool) -> Iterator[YamlTarget]:
    key = ""
    growth = _Growth()
    places = _Places()
    named: dict[str, str] = {}
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if number > _EVENTS_LIMIT:
            raise ValueError(f"more than {_EVENTS_LIMIT} elements")
        if places.depth > _DEPTH_LIMIT:
            raise ValueError(f"nested more than {_DEPTH_LIMIT} deep")
        line = event.start_mark.line + 1 if event.start_mark else 1
        growth.take(event)
        if growth.size > _EXPANDED_LIMIT:
            yield YamlTarget("bomb", "aliases", f"{_EXPANDED_LIMIT} elements", line)
            return
        tag = getattr(event, "tag", None)
        if isinstance(tag, str):
            yield from _of_tag(tag, line)
        value = _value(event, named)
        is_key = places.is_key(event)
        if key and value and not is_key and value.lower() not in _NOTHING:
            yield from _of_key(key, value, line)
        if is_key:
            known = value in _TARGET_KEYS or (is_mlmodel and value in _PLACE_KEYS)
            key = value if known else ""
        elif value:
            key = ""


def _value(event: yaml.Event, named: dict[str, str]) -> str:
    """The text of a scalar, also where an alias stands for it; `named` keeps those with an anchor."""
    if isinstance(event, yaml.AliasEvent):
        return named.get(str(event.anchor), "")
    if not isinstance(event, yaml.NodeEvent):
        return ""
    value = str(event.value) if isinstance(event, yaml.ScalarEvent) else ""
    if event.anchor:  # an anchor may be given anew, also to what is no scalar
        named[str(event.anchor)] = value
    return value


class _Places:
    """Tells keys of mappings from values: a value may be spelled like a key."""

    def __init__(self) -> None:
        self._open: list[bool | None] = []  # whether a key comes next in a mapping; None in a sequence

    @property
    def depth(self) -> int:
        """How many mappings and sequences are open."""
        return len(self._open)

    def is_key(self, event: yaml.Event) -> bool:
        """Whether the next event of the parser is a key."""
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        if not isinstance(event, yaml.NodeEvent):
            return False
        is_key = bool(self._open and self._open[-1])
        if self._open and self._open[-1] is not None:
            self._open[-1] = not is_key
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append(True if isinstance(event, yaml.MappingStartEvent) else None)
        return is_key


class _Growth:
    """How many elements a file has once every alias is replaced by what it stands for."""

    def __init__(self) -> None:
        self.size = 0
        self._anchors: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []

    def take(self, event: yaml.Event) -> None:
        """Counts the next event of the parser."""
        if isinstance(event, yaml.AliasEvent):
            self.size += self._anchors.get(str(event.anchor), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self.size))
        elif isinstance(event, yaml.CollectionEndEvent) and self._open:
            anchor, before = self._open.pop()
            if anchor:
                self._anchors[anchor] = self.size - before + 1
        elif isinstance(event, yaml.ScalarEvent):
            self.size += 1


def _of_key(key: str, value: str, line: int) -> Iterator[YamlTarget]:
    place = f"key {key}"
    if key in NAMING_KEYS:
        whole = f"{value}.load" if key == "loader_module" else value
        yield YamlTarget("target", place, whole[:300], line)
    elif key in _PLACE_KEYS:
        if leaves_folder(value):
            yield YamlTarget("escape", place, value[:300], line)
        elif key in _FOLDER_KEYS:
            yield YamlTarget("custom-code-folder", place, value[:300], line)
    elif _DOTTED.fullmatch(value):
        yield YamlTarget("loose-target", place, value[:300], line)


def _of_tag(tag: str, line: int) -> Iterator[YamlTarget]:
    if tag.startswith(_PYTHON_TAG):
        kind, _, name = tag.removeprefix(_PYTHON_TAG).partition(":")
        if kind.split("/")[0] not in _PLAIN_TAGS:
            yield YamlTarget("yaml-tag", f"tag python/{kind[:40]}", name[:300], line)
    elif tag.startswith(_HYPER_TAGS):
        word, _, name = tag.partition(":")
        yield YamlTarget("target", f"tag {word}", name[:300], line)
    elif tag.startswith("!include:"):
        place = tag.removeprefix("!include:")
        if leaves_folder(place):
            yield YamlTarget("escape", "tag !include", place[:300], line)
    elif _OTHER_LANGUAGES.match(tag):
        yield YamlTarget("foreign-tag", "tag", tag.removeprefix(_TAG)[:300], line)
