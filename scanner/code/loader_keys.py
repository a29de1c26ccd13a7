"""What the keys of loaders ask for: a table says of each whether its value is imported, opened or run.

>>> from scanner.code.pairs import pairs_of
>>> config = {"sentence_transformers": {"activation_fn": "os.abort"}, "type": "llama"}
>>> [(named.kind, named.key, named.target) for named in named_by(pairs_of(config))]
[('target', 'key sentence_transformers.activation_fn', 'os.abort')]
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.code.pairs import Pair, yaml_pairs
from scanner.code.places import climbs_out, is_of_the_system, leaves_folder
from scanner.code.table import danger_of
from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError

_FILE: Final = "loader_keys.yaml"
_SHOWN: Final = 300
_SOURCE_LONGEST: Final = 100_000
_NAMES_PER_FILE: Final = 2000
_DOTTED: Final = re.compile(r"[^\W\d]\w*([.:][^\W\d]\w*)+")
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# "owner/name", with a revision or the name of a layer behind it; "paged|owner/name" in newer versions.
_REPOSITORY: Final = re.compile(r"(?:\w+\|)?[\w.-]+/[\w.-]+(?:[@:][\w.:-]+)?")
_MODEL: Final = re.compile(r"(hf[-_]hub|local-dir):\S+")
_PICKLE: Final = re.compile(r"\w+://\S+\.(pkl|pickle|pth|pt|bin|ckpt)", re.IGNORECASE)


class LoaderKeysError(ScanError):
    """The table of keys cannot be read."""


class Key(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One row: what the value of a key is, as the head of the table tells."""

    key: str
    says: str
    loader: str
    under: str = ""
    beside: str = ""
    file: str = ""
    values: tuple[str, ...] = ()


class _Table(DataTable, frozen=True):
    keys: list[Key]
    brought: tuple[str, ...]
    own_hosts: tuple[str, ...]


@dataclass(frozen=True)
class Named:
    """One place that asks for something.

    Attributes:
        kind: As a CodeReference has it.
        key: "key activation_fn".
        target: What it asks for.
        line: 1-based, or None.
    """

    kind: str
    key: str
    target: str
    line: int | None = None


def named_by(pairs: Iterable[Pair], file: str = "") -> Iterator[Named]:
    """Everything that these keys and values ask for, each once.

    Args:
        pairs: The keys and values.
        file: Name of their file, without folders.

    Raises:
        LoaderKeysError: when the table that comes with Weighbridge is broken.
    """
    told: set[tuple[str, str]] = set()
    waiting: list[tuple[str, Named]] = []  # for a key that may come later
    seen: set[str] = set()
    for pair in pairs:
        seen.update(_beside().intersection(pair.keys[-1:]))
        for row in _rows_for(pair.keys):
            named = _named(row, pair, file)
            if named is None or (pair.keys[-1], pair.value) in told or len(told) > _NAMES_PER_FILE:
                continue
            told.add((pair.keys[-1], pair.value))
            if row.beside:
                waiting.append((row.beside, named))
            else:
                yield named
    yield from (named for beside, named in waiting if beside in seen)


def named_in_yaml(text: str) -> Iterator[Named]:
    """What the keys of a YAML text ask for, up to where it is no YAML any more: no loader reads on.

    Raises:
        ValueError: when it is too long or nested too deep to be read.
    """
    with contextlib.suppress(yaml.YAMLError):
        yield from named_by(yaml_pairs(text))


def _named(row: Key, pair: Pair, file: str) -> Named | None:
    """What a row says of a value that stands under its key."""
    if (row.values and pair.value not in row.values) or (row.file and row.file != file):
        return None
    kind = _SAYS[row.says](pair)
    if not kind:
        return None
    whole = f"{pair.value}.load" if row.says == "module" else pair.value
    longest = _SOURCE_LONGEST if kind == "source" else _SHOWN
    return Named(kind, f"key {'.'.join(pair.keys)}"[:_SHOWN], whole[:longest], pair.line)


def mentions_keys(data: bytes) -> bool:
    """Whether a JSON text may hold one of these keys with a value that matters; others need no parsing."""
    return bool(_searched()[0].search(data)) or mentions_danger(data)


def mentions_danger(data: bytes) -> bool:
    """Whether a text that may be no JSON has one of these keys with a name that is known as a danger."""
    named = _searched()[1].finditer(data)
    return any(_dangerous(match[1].decode("ascii", "replace")) for match in named)


def _rows_for(keys: tuple[str, ...]) -> Iterator[Key]:
    if not keys:
        return
    above = keys[-2] if len(keys) > 1 else ""
    table = _rows()
    for row in (*table.get(keys[-1], ()), *table.get("*", ())):
        if not row.under or row.under == above:
            yield row


def _class(pair: Pair) -> str:
    return "target" if _DOTTED.fullmatch(pair.value) else ""


def _capital(pair: Pair) -> str:
    if not _DOTTED.fullmatch(pair.value):
        return ""
    return "target" if pair.value.replace(":", ".").split(".")[-1][0].isupper() else _loose(pair)


def _loose(pair: Pair) -> str:
    return "loose-target" if _DOTTED.fullmatch(pair.value) and _dangerous(pair.value) else ""


def _module(pair: Pair) -> str:
    return "target" if _MODULE.fullmatch(pair.value) else ""


def _path(pair: Pair) -> str:
    return "escape" if leaves_folder(pair.value) else ""


def _place(pair: Pair) -> str:
    return "escape" if is_of_the_system(pair.value) else ""


def _climbs(pair: Pair) -> str:
    return "escape" if is_of_the_system(pair.value) or climbs_out(pair.value) else ""


def _kernel(pair: Pair) -> str:
    return "cross-repository" if _REPOSITORY.fullmatch(pair.value) else ""


def _model(pair: Pair) -> str:
    return "other-model" if _MODEL.fullmatch(pair.value) else ""


def _pickle(pair: Pair) -> str:
    is_own = pair.value.startswith(_table().own_hosts)
    return "other-model" if _PICKLE.fullmatch(pair.value) and not is_own else ""


def _source(pair: Pair) -> str:
    return "source" if pair.value.strip() else ""


def _operator(pair: Pair) -> str:
    return "" if pair.value.startswith(_table().brought) else "own-operator"


def _written(pair: Pair) -> str:
    return "" if pair.value.startswith(_table().brought) else _class(pair)


def _switch(pair: Pair) -> str:
    return "safeguard-off" if pair.value.lower() in ("true", "yes", "on") else ""


def _runs(pair: Pair) -> str:
    return "runs-what-it-writes"


def _secret(pair: Pair) -> str:
    """A key that stands where its own name asks for it is how such files are written."""
    place = pair.keys[-2].lower() if len(pair.keys) > 1 else ""
    return "" if place and pair.value.lower().endswith(place) else "reads-secret"


_SAYS: Final[Mapping[str, Callable[[Pair], str]]] = {
    "class": _class, "capital": _capital, "dangerous": _loose, "module": _module, "path": _path,
    "place": _place, "climbs": _climbs, "kernel": _kernel, "model": _model, "pickle": _pickle,
    "source": _source, "operator": _operator, "written": _written, "switch": _switch,
    "runs": _runs, "secret": _secret,
}  # fmt: skip


def _dangerous(name: str) -> bool:
    danger = danger_of(name.replace(":", "."))
    return danger is not None and danger.severity.rank > 1


@functools.cache
def _searched() -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Keys that few files have, and keys that name code with a value that is a dotted name."""
    rare: set[str] = {"lc", "custom_imports"}
    loose: set[str] = set()
    for row in _table().keys:
        word = row.under if row.key == "*" else row.key
        (loose if row.says in ("dangerous", "capital") or row.under == "nodes" else rare).add(word)
    rare -= {"types", "imports", "unsafe"}
    rare_words = b"|".join(re.escape(word).encode() for word in sorted(rare))
    rare_names = {row.key for row in _table().keys if row.says == "class"}
    loose_words = b"|".join(re.escape(word).encode() for word in sorted(loose | rare_names))
    return (
        re.compile(rb'"(?:' + rare_words + rb')"\s*:|"op"\s*:\s*"Custom"|"init_parameters"'),
        re.compile(rb'"(?:' + loose_words + rb')"\s*:\s*"(\w{1,80}(?:[.:]\w{1,80}){1,8})"'),
    )


@functools.cache
def _beside() -> frozenset[str]:
    return frozenset(row.beside for row in _table().keys)


@functools.cache
def _rows() -> Mapping[str, tuple[Key, ...]]:
    rows: dict[str, tuple[Key, ...]] = {}
    for row in _table().keys:
        rows[row.key] = (*rows.get(row.key, ()), row)
    return rows


@functools.cache
def _table() -> _Table:
    table = decoded(data_text(_FILE), _FILE, _Table, LoaderKeysError)
    if unknown := {row.says for row in table.keys} - _SAYS.keys():
        raise LoaderKeysError(f"data file {_FILE}: unknown {sorted(unknown)}", hint="reinstall Weighbridge")
    return table
