r"""When code runs: as soon as its file is imported, when an object is made of it, or only when it is called.

>>> import ast
>>> tree = ast.parse("class M:\n    def __init__(self):\n        b()\n    def g(self):\n        c()")
>>> phases = Phases.of(tree)
>>> [phases.of_node(node).value for node in ast.walk(tree) if isinstance(node, ast.Call)]
['construction', 'call']
"""

from __future__ import annotations

import ast
import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

# Methods that Python or a loader calls while an object is made of a class.
# Source: transformers 5 (modeling_utils, dynamic_module_utils), the handler of hosted inference endpoints.
_MAKING: Final = frozenset(
    {"__init__", "__new__", "__post_init__", "__setstate__", "__reduce__", "__reduce_ex__", "__del__",
     "__enter__", "from_pretrained", "from_config", "_from_config", "from_dict", "_init_weights", "post_init",
     "load", "setup", "initialize", "model_fn", "init", "_load_from_state_dict", "load_state_dict"}
)  # fmt: skip
# Methods that run while a class or module is looked at: before anybody calls anything.
_AT_IMPORT: Final = frozenset({"__init_subclass__", "__set_name__", "__class_getitem__", "__prepare__"})
_OF_MODULE: Final = frozenset({"__getattr__", "__dir__"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Functions = dict[str, list[tuple[_Function, ast.ClassDef | None]]]


class Phase(enum.Enum):
    """When a piece of code runs, earliest first."""

    IMPORT = "import"
    CONSTRUCTION = "construction"
    CALL = "call"
    MAIN = "main"  # only when the file is run as a script

    @property
    def rank(self) -> int:
        """0 for what runs first."""
        return list(Phase).index(self)


@dataclass
class Phases:
    """When each part of a file runs.

    Attributes:
        scopes: The function that each node lies in, by identity; None at the top and in class bodies.
        guarded: Nodes below `if __name__ == "__main__"`, by identity.
        run: The phase of every function, by identity.
    """

    scopes: dict[int, _Function | None] = field(default_factory=dict)
    guarded: set[int] = field(default_factory=set)
    run: dict[int, Phase] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module) -> Phases:
        """The phases of a parsed module."""
        phases = cls()
        functions = _walk(tree, phases)
        uses = _uses(tree, phases)
        for name, held in functions.items():
            for function, owner in held:
                phases.run[id(function)] = _first_phase(name, owner)
        for name, made in _making(tree).items():
            functions[name].extend(made)
        phases._spread(uses, functions)
        return phases

    def of_node(self, node: ast.AST) -> Phase:
        """When the code of a node runs."""
        scope = self.scopes.get(id(node))
        if scope is not None:
            return self.run.get(id(scope), Phase.CALL)
        return Phase.MAIN if id(node) in self.guarded else Phase.IMPORT

    def _spread(self, uses: Mapping[int, set[str]], functions: _Functions) -> None:
        """What runs early calls others early; `uses` has the names that a scope (0: the top) calls."""
        waiting = [(0, Phase.IMPORT)]
        waiting += [(scope, phase) for scope, phase in self.run.items() if phase.rank < Phase.CALL.rank]
        done: set[tuple[str, Phase]] = set()
        while waiting:
            scope, phase = waiting.pop()
            for name in uses.get(scope, set()):
                if (name, phase) in done:
                    continue
                done.add((name, phase))
                for function, _ in functions.get(name, ()):
                    if phase.rank < self.run[id(function)].rank:
                        self.run[id(function)] = phase
                        waiting.append((id(function), phase))


def _walk(tree: ast.Module, phases: Phases) -> _Functions:
    """Fills scopes; gives every function by its name, with the class that it lies in."""
    functions: _Functions = defaultdict(list)
    waiting: list[tuple[ast.AST, _Function | None, ast.ClassDef | None, bool]] = [(tree, None, None, False)]
    while waiting:
        node, scope, owner, guarded = waiting.pop()
        phases.scopes[id(node)] = scope
        if guarded:
            phases.guarded.add(id(node))
        if isinstance(node, _Function):
            functions[getattr(node, "name", "")].append((node, owner if scope is None else None))
            inside, outside = _split(node)
            waiting.extend((child, node, None, False) for child in inside)
            waiting.extend((child, scope, owner, guarded) for child in outside)
            continue
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in names:
                functions[name].append((node.value, None))
        inner = node if isinstance(node, ast.ClassDef) else owner
        if isinstance(node, ast.If) and scope is None and _is_main(node.test):
            waiting.extend((child, scope, owner, True) for child in node.body)
            waiting.extend((child, scope, owner, guarded) for child in (node.test, *node.orelse))
            continue
        waiting.extend((child, scope, inner, guarded) for child in ast.iter_child_nodes(node))
    return functions


def _split(node: _Function) -> tuple[list[ast.AST], list[ast.AST]]:
    """What runs when a function is called, and what runs where it is defined: decorators and defaults."""
    if isinstance(node, ast.Lambda):
        return [node.body], [node.args]
    outside = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
    return list(node.body), outside


def _is_main(test: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(test))


def _first_phase(name: str, owner: ast.ClassDef | None) -> Phase:
    if name in _AT_IMPORT or (owner is None and name in _OF_MODULE):
        return Phase.IMPORT
    if owner is not None and _is_metaclass(owner) and name in ("__new__", "__init__", "__call__"):
        return Phase.IMPORT
    return Phase.CONSTRUCTION if owner is not None and name in _MAKING else Phase.CALL


def _is_metaclass(node: ast.ClassDef) -> bool:
    bases = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
    return bool(bases & {"type", "ABCMeta", "EnumMeta", "EnumType"})


def _uses(tree: ast.Module, phases: Phases) -> dict[int, set[str]]:
    """Names of what each scope calls, hands on, or decorates with; 0 stands for the top of the file."""
    aliases = _aliases(tree)
    uses: dict[int, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        scope = phases.scopes.get(id(node))
        if scope is None and id(node) in phases.guarded:
            continue
        key = 0 if scope is None else id(scope)
        uses[key].update(aliases.get(name, name) for name in _named(node))
    return uses


def _named(node: ast.AST) -> Iterator[str]:
    """Names of functions that a node calls or hands to a call."""
    if isinstance(node, ast.Call):
        handed = [*node.args, *(keyword.value for keyword in node.keywords)]
        for part in (node.func, *handed):
            yield from _name(part)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for part in node.decorator_list:
            yield from _name(part)


def _name(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Lambda):
        yield ""  # one without a name, handed on or called where it stands
    elif isinstance(node, ast.Starred):
        yield from _name(node.value)


def _making(tree: ast.Module) -> _Functions:
    """Methods that run when a class of this file is called, by its name."""
    made: _Functions = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            own = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in _MAKING]
            made[node.name].extend((each, node) for each in own)
    return made


def _aliases(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
