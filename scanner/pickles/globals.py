"""What a name looked up by a pickle means: known attack, class instance, or tensor plumbing.

>>> classify("os", "system").tier is Tier.ATTACK
True
>>> classify("torch._utils", "_rebuild_tensor_v2").tier is Tier.PLUMBING
True
>>> classify("sklearn.svm._classes", "SVC").tier is Tier.INSTANCE
True
"""

from __future__ import annotations

import enum
import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.pickles.stream import HIDDEN

_FILE: Final = "pickle_globals.yaml"
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class PickleGlobalsError(ScanError):
    """The table of pickle globals cannot be read."""


class Tier(enum.Enum):
    """What a looked-up name can do, worst last."""

    PLUMBING = "plumbing"
    INSTANCE = "instance"
    ATTACK = "attack"


@dataclass(frozen=True)
class Verdict:
    """How a global is judged.

    Attributes:
        tier: Its class.
        why: The reason, a clause without a capital or a stop.
        is_listed: Whether the table names it; else its spelling decided.
    """

    tier: Tier
    why: str
    is_listed: bool = True


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    module: str
    names: list[str] | str
    why: str
    below: bool = False


class _Table(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    title: str
    version: int
    retrieved: object
    licence: str
    source: str
    aliases: dict[str, str]
    plumbing: list[_Row]
    instance: list[_Row]
    attack: list[_Row]
    suspicious_words: list[str]
    standard_library: list[str]


@dataclass(frozen=True)
class _Rules:
    aliases: Mapping[str, str]
    names: Mapping[tuple[str, str], Verdict]
    modules: Mapping[str, Verdict]
    trees: Mapping[str, Verdict]
    suspicious_words: frozenset[str]
    standard_library: frozenset[str]


def classify(module: str, name: str) -> Verdict:
    """How the global `module`.`name` is judged.

    Raises:
        PickleGlobalsError: when the table that comes with Weighbridge is broken.
    """
    rules = _rules()
    if HIDDEN in (module, name) or not is_plausible(module, name):
        return Verdict(Tier.ATTACK, "its name is computed while loading, which hides it from readers", False)
    module = _canonical(module, rules.aliases)
    if (module, name) in rules.names:
        return rules.names[module, name]
    if "." in name:
        return _reaching(module, name, rules)
    if module in rules.modules:
        return rules.modules[module]
    tree = _in_tree(module, rules.trees)
    if tree is not None:
        return tree
    return _by_spelling(module, name, rules)


def is_plausible(module: str, name: str) -> bool:
    """Whether both parts are written as Python names, which random bytes are not."""
    return bool(_IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(name))


def _reaching(module: str, name: str, rules: _Rules) -> Verdict:
    """A dotted name walks through attributes: harmless from a class to its method, not from a module."""
    first, *rest = name.split(".")
    walks = not first.lstrip("_")[:1].isupper() or any(part.startswith("__") for part in rest)
    owner = rules.modules.get(module) or _in_tree(module, rules.trees)
    if walks or (owner is not None and owner.tier is Tier.ATTACK):
        return Verdict(Tier.ATTACK, "its dotted name reaches through attributes to something else", False)
    return _by_spelling(module, name.replace(".", "_"), rules)


def _by_spelling(module: str, name: str, rules: _Rules) -> Verdict:
    if module.split(".")[0] in rules.standard_library:
        return Verdict(Tier.ATTACK, "no checkpoint needs this part of the standard library", False)
    is_function = not name.lstrip("_")[:1].isupper()
    words = {word.lower() for word in _WORD.findall(name)}
    if is_function and words & rules.suspicious_words:
        return Verdict(Tier.ATTACK, "loading would call a function of this name", False)
    return Verdict(Tier.INSTANCE, "a class or constructor that is no part of a tensor", False)


def _canonical(module: str, aliases: Mapping[str, str]) -> str:
    for old, new in aliases.items():
        if module == old or module.startswith(old + "."):
            return new + module[len(old) :]
    return module


def _in_tree(module: str, trees: Mapping[str, Verdict]) -> Verdict | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        found = trees.get(".".join(parts[:length]))
        if found is not None:
            return found
    return None


@functools.cache
def _rules() -> _Rules:
    table = _load()
    names: dict[tuple[str, str], Verdict] = {}
    modules: dict[str, Verdict] = {}
    trees: dict[str, Verdict] = {}
    # In this order, so that a row of a worse tier wins where two rows are equally exact.
    for tier, rows in (
        (Tier.PLUMBING, table.plumbing),
        (Tier.INSTANCE, table.instance),
        (Tier.ATTACK, table.attack),
    ):
        for row in rows:
            verdict = Verdict(tier, row.why)
            if row.below:
                trees[row.module] = verdict
            elif isinstance(row.names, str):
                modules[row.module] = verdict
            else:
                names.update({(row.module, name): verdict for name in row.names})
    return _Rules(
        table.aliases, names, modules, trees,
        frozenset(table.suspicious_words), frozenset(table.standard_library),
    )  # fmt: skip


def _load() -> _Table:
    text = importlib.resources.files("scanner").joinpath("data", _FILE).read_text(encoding="utf-8")
    try:
        table = msgspec.convert(yaml.safe_load(text), _Table)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise PickleGlobalsError(f"data file {_FILE}: {error}", hint="reinstall Weighbridge") from error
    for row in (*table.plumbing, *table.instance, *table.attack):
        if not row.why or (isinstance(row.names, str) and row.names != "*"):
            raise PickleGlobalsError(
                f"data file {_FILE}, module {row.module}: needs a reason and names or '*'"
            )
    return table
