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
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_BUILTINS: Final = frozenset(dir(builtins))
_IMPORTERS: Final = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
_FOLD_LIMIT: Final = 100_000
_PATHS_LIMIT: Final = 16
_ROUNDS: Final = 4


@dataclass
class Names:
    """What the names of one module stand for.

    Attributes:
        meanings: Full names by local name: {"o": {"os"}}.
        starred: Modules of which everything is imported.
    """

    meanings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    starred: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, tree: ast.Module) -> Names:
        """The names of a parsed module."""
        names = cls()
        nodes = list(ast.walk(tree))
        for node in nodes:
            names._take_import(node)
        assigned = [pair for node in nodes for pair in _assignments(node)]
        for _ in range(_ROUNDS):  # an alias of an alias needs another round
            for target, value in assigned:
                names.meanings[target].update(names.paths(value)[:_PATHS_LIMIT])
        return names

    def paths(self, node: ast.expr) -> tuple[str, ...]:
        """Every full name that an expression may stand for; () when it is none of an import or built-in."""
        if isinstance(node, ast.Name):
            return self._of_name(node.id)
        if isinstance(node, ast.Attribute):
            return tuple(_below(path, node.attr) for path in self.paths(node.value))
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

    def _take_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                self.meanings[alias.asname or whole].add(whole)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                if alias.name == "*":
                    self.starred.add(str(node.module))
                else:
                    self.meanings[alias.asname or alias.name].add(f"{node.module}.{alias.name}")

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
            module = folded(node.args[0])
            return () if module is None else (module,)
        if len(node.args) >= 2 and "builtins.getattr" in called:
            name = folded(node.args[1])
            return () if name is None else tuple(_below(path, name) for path in self.paths(node.args[0]))
        if "functools.partial" in called and node.args:
            return self.paths(node.args[0])
        if node.args and "builtins.vars" in called:
            return self.paths(node.args[0])
        return tuple(f"{path}()" for path in called[:1] if path == "builtins.globals")

    def _of_subscript(self, node: ast.Subscript) -> tuple[str, ...]:
        key = folded(node.slice)
        if key is None:
            return ()
        owners = self.paths(node.value)
        if "sys.modules" in owners:
            return (key,)
        if any(path.startswith("builtins.globals") or path.startswith("builtins.locals") for path in owners):
            return self._of_name(key)
        return tuple(_below(path.removesuffix(".__dict__"), key) for path in owners)


def folded(node: ast.expr) -> str | None:
    """The text that constants make together ('sys' + 'tem', chr(101), ''.join([...]), 'metsys'[::-1])."""
    text = _fold(node, 0)
    return text if text is not None and len(text) <= _FOLD_LIMIT else None


def _fold(node: ast.expr, depth: int) -> str | None:
    if depth > 200:
        return None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _glued([node.left, node.right], depth)
    if isinstance(node, ast.JoinedStr):
        return _glued(
            [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values], depth
        )
    if isinstance(node, ast.Subscript):
        text = _fold(node.value, depth + 1)
        return text[::-1] if text is not None and ast.unparse(node.slice) == "::-1" else None
    return _fold_call(node, depth) if isinstance(node, ast.Call) else None


def _fold_call(node: ast.Call, depth: int) -> str | None:
    if isinstance(node.func, ast.Name) and node.func.id == "chr" and len(node.args) == 1:
        code = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
        return chr(code) if isinstance(code, int) and 0 <= code < 0x110000 else None
    if not isinstance(node.func, ast.Attribute) or len(node.args) > 2:
        return None
    text = _fold(node.func.value, depth + 1)
    if text is None:
        return None
    if node.func.attr == "join" and node.args and isinstance(node.args[0], ast.List | ast.Tuple):
        return _glued(node.args[0].elts, depth, text)
    if node.func.attr == "replace" and len(node.args) == 2:
        old, new = _fold(node.args[0], depth + 1), _fold(node.args[1], depth + 1)
        return (
            text.replace(old, new)
            if old and new is not None and len(new) * len(text) <= _FOLD_LIMIT
            else None
        )
    return {"lower": text.lower(), "upper": text.upper(), "strip": text.strip()}.get(node.func.attr)


def _glued(parts: Iterable[ast.expr], depth: int, glue: str = "") -> str | None:
    texts = [_fold(part, depth + 1) for part in parts]
    whole = [text for text in texts if text is not None]
    return glue.join(whole) if len(whole) == len(texts) and sum(map(len, whole)) <= _FOLD_LIMIT else None


def _below(path: str, name: str) -> str:
    """The attribute `name` of `path`; what a module keeps under its built-ins is a built-in."""
    return "builtins" if name == "__builtins__" else path if name == "__dict__" else f"{path}.{name}"


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _targets(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield from _targets(node.target, node.value)


def _targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for inner, part in zip(target.elts, value.elts, strict=False):
            yield from _targets(inner, part)
