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
import re
from _compat_pickle import NAME_MAPPING
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.data_files import DataTable, data_text, decoded
from scanner.errors import ScanError
from scanner.pickles.stream import HIDDEN, OUTSIDE

_FILE: Final = "pickle_globals.yaml"
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
# No library spells its names with other letters, but some other letters look like these.
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*", re.ASCII)
_LENGTH_LIMIT: Final = 512
# Built-in types whose methods a setting may name: `str.lower`.
_VALUE_TYPES: Final = frozenset(
    {"str", "unicode", "bytes", "int", "float", "list", "dict", "tuple", "set", "frozenset"}
)
_WORD_LISTS: Final = (
    "closed_libraries", "naming_libraries", "rebuilding_words", "private_rebuilding_words",
    "suspicious_words", "hostile_words", "running_classes", "module_names", "standard_library",
)  # fmt: skip
# Functions that Python 2 had elsewhere; loaders of today still find them under their old names.
_RENAMED: Final[Mapping[tuple[str, str], tuple[str, str]]] = NAME_MAPPING


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
        is_listed: Whether the table or the standard library has it; else its spelling decided.
    """

    tier: Tier
    why: str
    is_listed: bool = True


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    module: str
    names: list[str] | str
    why: str
    below: bool = False
    functions: bool = False


class _IdleRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    module: str
    names: list[str]
    tier: Tier
    why: str


class _Table(DataTable, frozen=True):
    aliases: dict[str, str]
    plumbing: list[_Row]
    instance: list[_Row]
    idle: list[_IdleRow]
    attack: list[_Row]
    closed_libraries: list[str]
    naming_libraries: list[str]
    rebuilding_words: list[str]
    private_rebuilding_words: list[str]
    suspicious_words: list[str]
    hostile_words: list[str]
    running_classes: list[str]
    module_names: list[str]
    standard_library: list[str]


@dataclass(frozen=True)
class Rules:
    """The table, ready to be asked.

    Attributes:
        aliases: Modules by the names that they had, to the names that they have.
        names: Verdicts of single names.
        modules: Verdicts of everything in a module; better ones than attack are of its classes only.
        trees: Verdicts of everything in and below a module.
        functional: Modules and trees whose verdict is of their functions too.
        idle: Verdicts of single names when they are called with harmless arguments.
        words: Lists of libraries and of words by their name in the table.
    """

    aliases: Mapping[str, str]
    names: Mapping[tuple[str, str], Verdict]
    modules: Mapping[str, Verdict]
    trees: Mapping[str, Verdict]
    functional: frozenset[str]
    idle: Mapping[tuple[str, str], Verdict]
    words: Mapping[str, frozenset[str]]


@functools.lru_cache(maxsize=4096)
def classify(module: str, name: str) -> Verdict:
    """How the global `module`.`name` is judged by itself.

    Raises:
        PickleGlobalsError: when the table that comes with Weighbridge is broken.
    """
    rules = rules_of_names()
    if module == OUTSIDE:
        return Verdict(Tier.INSTANCE, "only the program that wrote the file can find it")
    if HIDDEN in (module, name) or not is_plausible(module, name):
        return Verdict(Tier.ATTACK, "its name is computed while loading, which hides it from readers", False)
    module, name = canonical(module, name)
    if (module, name) in rules.names:
        return rules.names[module, name]
    if any(part.startswith("__") and part.endswith("__") for part in name.split(".")):
        return Verdict(Tier.ATTACK, "it reaches into the machinery of Python", False)
    if "." in name:
        return _reaching(module, name, rules)
    return _owned(module, name, rules) or _by_spelling(module, name, rules)


def is_plausible(module: str, name: str) -> bool:
    """Whether both parts are written as Python names, which random bytes are not."""
    is_short = len(module) + len(name) <= _LENGTH_LIMIT
    return is_short and bool(_IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(name))


def is_function(name: str) -> bool:
    """Whether this is written as functions are: without a capital."""
    return not name.rpartition(".")[2].lstrip("_")[:1].isupper()


def words_of(name: str) -> frozenset[str]:
    """The words that a name is put together from, in small letters."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def _owned(module: str, name: str, rules: Rules) -> Verdict | None:
    """What is said of the whole module, or of one above it."""
    owner, verdict = module, rules.modules.get(module)
    if verdict is None:
        owner, verdict = _in_tree(module, rules.trees)
    if verdict is None or verdict.tier is Tier.ATTACK or owner in rules.functional or not is_function(name):
        return verdict
    return None


def _reaching(module: str, name: str, rules: Rules) -> Verdict:
    """A dotted name walks through attributes: harmless from a class to its method, not from a module."""
    first, *rest = name.split(".")
    if module == "builtins" and first in _VALUE_TYPES and len(rest) == 1:
        return Verdict(Tier.INSTANCE, "a method of a built-in value", False)
    owner = rules.modules.get(module) or _in_tree(module, rules.trees)[1]
    own = rules.names.get((module, first))
    walks = is_function(first) and (len(rest) > 1 or module.split(".")[0] in rules.words["closed_libraries"])
    names_module = bool(rules.words["module_names"] & {first, *rest})
    if walks or names_module or Tier.ATTACK in (owner and owner.tier, own and own.tier):
        return Verdict(Tier.ATTACK, "its dotted name reaches through attributes to something else", False)
    return _by_spelling(module, name, rules)


def _by_spelling(module: str, name: str, rules: Rules) -> Verdict:
    if module.split(".")[0] in rules.words["standard_library"]:
        return Verdict(Tier.ATTACK, "no checkpoint needs this part of the standard library")
    if name in rules.words["module_names"]:
        return Verdict(Tier.ATTACK, "it is a module that another one has imported", False)
    if words_of(f"{module}_{name}") & rules.words["hostile_words"]:
        return Verdict(Tier.ATTACK, "its own name says that it does harm", False)
    last = name.rpartition(".")[2]
    is_method = last != name  # which a setting may name without calling it
    if is_function(name) and not is_method and words_of(last) & rules.words["suspicious_words"]:
        return Verdict(Tier.ATTACK, "it is a function of this name", False)
    return Verdict(Tier.INSTANCE, "a class or constructor that is no part of a tensor", False)


def canonical(module: str, name: str) -> tuple[str, str]:
    """A global under the name that it has today: Python 2 and old libraries had others."""
    module, name = _RENAMED.get((module, name), (module, name))
    for old, new in rules_of_names().aliases.items():
        if module == old or module.startswith(old + "."):
            return new + module[len(old) :], name
    return module, name


def _in_tree(module: str, trees: Mapping[str, Verdict]) -> tuple[str, Verdict | None]:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        owner = ".".join(parts[:length])
        if owner in trees:
            return owner, trees[owner]
    return module, None


@functools.cache
def rules_of_names() -> Rules:
    """The table that comes with Weighbridge.

    Raises:
        PickleGlobalsError: when it is broken.
    """
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
    rows = [*table.plumbing, *table.instance]
    return Rules(
        table.aliases, names, modules, trees,
        frozenset(row.module for row in rows if row.functions),
        {(row.module, name): Verdict(row.tier, row.why) for row in table.idle for name in row.names},
        {field: frozenset(getattr(table, field)) for field in _WORD_LISTS},
    )  # fmt: skip


def _load() -> _Table:
    table = decoded(data_text(_FILE), _FILE, _Table, PickleGlobalsError)
    for row in (*table.plumbing, *table.instance, *table.attack):
        if not row.why or (isinstance(row.names, str) and row.names != "*"):
            raise PickleGlobalsError(
                f"data file {_FILE}, module {row.module}: needs a reason and names or '*'"
            )
    return table
