r"""Resolves names in Python source to what they mean, through imports, aliases and glued-together strings.

The source is parsed, never imported. The reading ignores order and scope: a name that means two things is
taken for both, which errs on the side of seeing too much.

>>> import ast
>>> tree = ast.parse("import os as o\nf = getattr(o, 'sys' + 'tem')\nf('echo')")
>>> names = Names.of(tree)
>>> names.paths(tree.body[2].value.func)
('os.system',)
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from scanner.code.bindings import assignments, rebound_by
from scanner.code.folding import Constants, folded
from scanner.code.table import danger_of

_BUILTINS: Final = frozenset(dir(builtins))
_IMPORTERS: Final = frozenset(
    {"builtins.__import__", "importlib.import_module", "importlib.__import__", "pkgutil.resolve_name",
     "pydoc.locate", "importlib._bootstrap._gcd_import", "imp.load_module", "unittest.mock._importer",
     "django.utils.module_loading.import_string", "werkzeug.utils.import_string", "traitlets.import_item",
     "hydra.utils.get_method", "hydra.utils.get_object"}
)  # fmt: skip
_GETTERS: Final = frozenset({"operator.attrgetter", "operator.methodcaller", "operator.itemgetter"})
_ENTRY_POINTS: Final = frozenset({"importlib.metadata.EntryPoint", "importlib_metadata.EntryPoint"})
# Modules from which one attribute is enough to do anything.
GATES: Final = frozenset(
    {"os", "posix", "nt", "subprocess", "builtins", "sys", "importlib", "socket", "ctypes",
     "shutil", "pty", "runpy"}
)  # fmt: skip
# Full names by local name, by the module as it is written in an import.
Siblings = Mapping[str, Mapping[str, str]]
_PATHS_LIMIT: Final = 16
_PATH_LENGTH: Final = 200
_ROUNDS: Final = 4


@dataclass
class Names:
    """What the names of one module stand for.

    Attributes:
        meanings: Full names by local name: {"o": {"os"}}.
        starred: Modules of which everything is imported.
        values: Expressions that are assigned to each name.
        modules: Local names of whole modules.
        constants: Names that are given a value once and nowhere else.
        used: Names that are read anywhere.
        siblings: What other files of the model hand on, full names by local name, by module as written.
    """

    meanings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    starred: set[str] = field(default_factory=set)
    values: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    modules: set[str] = field(default_factory=set)
    constants: Constants = field(default_factory=lambda: Constants({}))
    used: set[str] = field(default_factory=set)
    siblings: Siblings = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module, siblings: Siblings | None = None) -> Names:
        """The names of a parsed module; `siblings` has what files beside it hand on."""
        names = cls(siblings=siblings or {})
        nodes = list(ast.walk(tree))
        names.used = {
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        for node in nodes:
            names._take_import(node)
        assigned = [pair for node in nodes for pair in assignments(node)]
        for target, value in assigned:
            names.values[target].append(value)
        rebound = {name for node in nodes for name in rebound_by(node)}
        constants = {
            name: values[0]
            for name, values in names.values.items()
            if len(values) == 1 and name not in rebound
        }
        names.constants = Constants(constants)
        for _ in range(_ROUNDS):  # an alias of an alias needs another round
            for target, value in assigned:
                found = {path for path in names.paths(value) if len(path) <= _PATH_LENGTH}
                names.meanings[target].update(_worst(found) if len(found) > _PATHS_LIMIT else found)
        return names

    def paths(self, node: ast.expr) -> tuple[str, ...]:
        """Every full name that an expression may stand for; () when it is none of an import or built-in."""
        if isinstance(node, ast.Name):
            return self._of_name(node.id)
        if isinstance(node, ast.Attribute):
            return tuple(self._attribute(path, node.attr) for path in self.paths(node.value))
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.Subscript):
            return self._of_subscript(node)
        if isinstance(node, ast.NamedExpr):
            return self.paths(node.value)
        if isinstance(node, ast.IfExp):
            return self.paths(node.body) + self.paths(node.orelse)
        if isinstance(node, ast.BoolOp):
            return tuple(path for value in node.values for path in self.paths(value))
        return ()

    def text(self, node: ast.expr) -> str | None:
        """The text that constants make together, through variables that hold nothing else."""
        return folded(node, self.constants)

    def held_by(self, node: ast.expr) -> tuple[ast.expr, ...]:
        """What is assigned to a variable anywhere; () for other expressions."""
        return tuple(self.values.get(node.id, ())) if isinstance(node, ast.Name) else ()

    def is_module(self, name: str) -> bool:
        """Whether a local name is that of an imported module."""
        return name in self.modules

    def _take_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                self.meanings[alias.asname or whole].add(whole)
                self.modules.add(alias.asname or whole)
        elif isinstance(node, ast.ImportFrom):
            self._take_sibling(node)
            for alias in node.names if not node.level else ():
                if alias.name == "*":
                    self.starred.add(str(node.module))
                else:
                    self.meanings[alias.asname or alias.name].add(_below(str(node.module), alias.name))

    def _take_sibling(self, node: ast.ImportFrom) -> None:
        """`from .json import loads`, where the json.py of the model has `from os import system as loads`."""
        module = "." * node.level + (node.module or "")
        held = self.siblings.get(module, {})
        for alias in node.names:
            for name in held if alias.name == "*" else held.keys() & {alias.name}:
                self.meanings[name if alias.name == "*" else alias.asname or name].add(held[name])
            inner = f"{module}{'.' if node.module else ''}{alias.name}"
            if inner in self.siblings:
                self.meanings[alias.asname or alias.name].add(inner)

    def _attribute(self, path: str, name: str) -> str:
        return self.siblings.get(path, {}).get(name) or _below(path, name)

    def _of_name(self, name: str) -> tuple[str, ...]:
        if self.meanings.get(name):
            return tuple(sorted(self.meanings[name]))
        if name == "__builtins__":
            return ("builtins",)
        # A definition of the same name does not hide the built-in one: it may never run.
        built_in = (f"builtins.{name}",) if name in _BUILTINS else ()
        return built_in + tuple(f"{module}.{name}" for module in sorted(self.starred))

    def _of_call(self, node: ast.Call) -> tuple[str, ...]:
        called = self.paths(node.func)
        if node.args and any(path in _IMPORTERS for path in called):
            module = self.text(node.args[0])
            return () if module is None else (module.replace(":", "."),)
        if len(node.args) >= 2 and "builtins.getattr" in called:
            name = self.text(node.args[1])
            return () if name is None else tuple(_below(path, name) for path in self.paths(node.args[0]))
        if found := self._of_getter(node):
            return found
        if "functools.partial" in called and node.args:
            return self.paths(node.args[0])
        if node.args and "builtins.vars" in called:
            return self.paths(node.args[0])
        if node.args and "builtins.dict" in called:  # of what a module holds: dict(vars(os))
            return tuple(path for path in self.paths(node.args[0]) if path in GATES)
        return tuple(f"{path}()" for path in called[:1] if path == "builtins.globals")

    def _of_getter(self, node: ast.Call) -> tuple[str, ...]:
        """`os.__getattribute__('system')`, `os.__dict__.get('system')`, `attrgetter('system')(os)`."""
        if isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("get", "pop", "setdefault", "__getitem__"):
                return self._of_key(self.paths(node.func.value), self.text(node.args[0]), is_mapping=True)
            if node.func.attr in ("__getattribute__", "__getattr__"):
                return self._of_key(self.paths(node.func.value), self.text(node.args[-1]), is_mapping=False)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "load":
            return self._of_entry_point(node.func.value)
        for made in (node.func, *self.held_by(node.func)):
            if (
                isinstance(made, ast.Call)
                and made.args
                and node.args
                and _GETTERS & set(self.paths(made.func))
            ):
                return self._of_way(self.paths(node.args[0]), self.text(made.args[0]))
        return ()

    def _of_way(self, owners: tuple[str, ...], way: str | None) -> tuple[str, ...]:
        """`attrgetter('os.system')(x)`: attribute after attribute; behind a module, what x is matters not."""
        reached = owners or ("",)
        for name in (way or "").split("."):
            reached = self._of_key(reached, name, is_mapping=False)
        return tuple(path for path in reached if not path.startswith("."))

    def _of_entry_point(self, owner: ast.expr) -> tuple[str, ...]:
        """`EntryPoint('x', 'os:system', 'group').load()`."""
        for made in (owner, *self.held_by(owner)):
            if isinstance(made, ast.Call) and _ENTRY_POINTS & set(self.paths(made.func)):
                by_name = [each.value for each in made.keywords if each.arg == "value"]
                text = next(map(self.text, [*by_name, *made.args[1:2]]), None)
                return () if text is None else (text.replace(":", "."),)
        return ()

    def _of_key(self, owners: tuple[str, ...], key: str | None, *, is_mapping: bool) -> tuple[str, ...]:
        if key is None:
            return ()
        if "sys.modules" in owners:
            return (key,)
        if any(path.startswith(("builtins.globals", "builtins.locals")) for path in owners):
            return self._of_name(key)
        kept = [path for path in owners if not is_mapping or path in GATES or path.split(".")[0] in GATES]
        return tuple(_below(path.removesuffix(".__dict__"), key) for path in kept)

    def _of_subscript(self, node: ast.Subscript) -> tuple[str, ...]:
        return self._of_key(self.paths(node.value), self.text(node.slice), is_mapping=False)


def _worst(paths: Iterable[str]) -> list[str]:
    """The first few of these, those that need an explanation most before all others."""
    return sorted(paths, key=_weight)[:_PATHS_LIMIT]


@functools.lru_cache(maxsize=4096)
def _weight(path: str) -> tuple[int, str]:
    danger = danger_of(path)
    return (1 if danger is None else -danger.severity.rank, path)


def _below(path: str, name: str) -> str:
    """The attribute `name` of `path`; what a module keeps under its built-ins is a built-in."""
    if name == "__builtins__" or (name == "__self__" and path.startswith("builtins.")):
        return "builtins"
    if name.lstrip("_") in GATES and name != path:  # modules import each other: shutil.os is os
        return name.lstrip("_")
    return path if name == "__dict__" else f"{path}.{name}"
