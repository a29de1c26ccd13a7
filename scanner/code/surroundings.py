r"""What code changes around itself, so that something else runs programs or code for it later.

Modules put in the place of others, archives on the path that modules come from, commands in variables of the
environment that other programs start, and functions that a module hands every unknown name to.

>>> import ast
>>> from scanner.code.phases import Phases
>>> tree = ast.parse("from os import system as __getattr__")
>>> file = CodeReading(Names.of(tree), Phases.of(tree))
>>> [each.sentence for each in changed_around(tree.body[0], file)]
['hands every unknown name to os.system, which starts a program']
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from scanner.code.arguments import given_to
from scanner.code.names import GATES, Names
from scanner.code.phases import Phase
from scanner.code.reading import CodeReading
from scanner.code.table import CallSite, danger_of, hidden, rows_for, site
from scanner.findings import Severity

# Variables whose text a program of the system, a compiler of torch and triton, or Python itself starts.
# Source: the manuals of man, git and less; docs.python.org (pydoc, webbrowser); torch._inductor.cpp_builder.
_COMMANDS: Final = frozenset(
    {"PAGER", "MANPAGER", "GIT_PAGER", "EDITOR", "VISUAL", "BROWSER", "CC", "CXX", "CPP", "LD", "AR", "NVCC",
     "CUDAHOSTCXX", "HOSTCC", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXTERNAL_DIFF",
     "GIT_PROXY_COMMAND", "LESSOPEN", "SHELL", "MAKE", "TRITON_CC"}
)  # fmt: skip
# More than the name of a pager or a compiler with its options: a shell, an interpreter, signs of a shell.
_SHELL_TEXT: Final = re.compile(
    r"^\s*(\S*/)?((ba|z|da|k|c)?sh|python[\d.]*|perl|ruby|node|env|curl|wget|eval|exec)\s+\S|[;&|`]|\$\("
)
_ARCHIVES: Final = re.compile(
    r"\.(zip|whl|egg|pyz|jar|bin|pt|pth|safetensors|dat|npz|npy|so|model|onnx|gguf|h5|pkl|ckpt|mar)$",
    re.IGNORECASE,
)
_PATH_CHANGES: Final = frozenset({"sys.path.insert", "sys.path.append", "sys.path.extend"})
_SETTERS: Final = frozenset({"os.environ.setdefault", "os.environ.__setitem__", "os.putenv"})
_RUNNING: Final = frozenset({"process", "execution"})
_IMPORTING: Final = frozenset({"importlib.import_module", "builtins.__import__", "importlib.__import__"})


def changed_around(node: ast.AST, file: CodeReading) -> Iterator[CallSite]:
    """What one statement or call changes so that others run programs or code."""
    if isinstance(node, ast.ImportFrom):
        yield from _renamed(node, file)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                yield from _put(target, node.value, file)
    elif isinstance(node, ast.AugAssign) and "sys.path" in file.names.paths(node.target):
        yield from _path(node, [node.value], file)
    elif isinstance(node, ast.Call):
        called = set(file.names.paths(node.func))
        if called & _PATH_CHANGES:
            yield from _path(node, node.args, file)
        elif called & _SETTERS and len(node.args) == 2:
            yield from _variable(node, node.args[0], node.args[1], file)
        elif "os.environ.update" in called:
            yield from _variables(node, file)
        yield from _named_from_outside(node, file)


def _renamed(node: ast.ImportFrom, file: CodeReading) -> Iterator[CallSite]:
    """`from os import system as __getattr__`, and any other name that is there for somebody else to call."""
    for alias in node.names if not node.level else ():
        path, name = f"{node.module}.{alias.name}", alias.asname
        row = next((row for row in rows_for(path) if not row.is_conditional), None)
        if name is None or name == alias.name or row is None or row.kind not in _RUNNING:
            continue
        phase = file.phases.of_node(node)
        if name.startswith("__") and name.endswith("__"):
            verb = "hands every unknown name to" if name == "__getattr__" else f"takes for {name[:60]}"
            yield site(node.lineno, row.kind, path, verb, phase)
        elif name not in file.names.used and alias.name.islower():
            yield site(node.lineno, row.kind, path, f"hands on, under the name {ascii(name)[:60]},", phase)


def _put(target: ast.Subscript, value: ast.expr, file: CodeReading) -> Iterator[CallSite]:
    """`sys.modules['x'] = os` and `os.environ['PAGER'] = 'sh -c ...'`."""
    owners = file.names.paths(target.value)
    if "os.environ" in owners:
        yield from _variable(target, target.slice, value, file)
    owner = next((path for path in file.names.paths(value) if path in GATES), "")
    if "sys.modules" in owners and owner and file.names.text(target.slice) != owner:
        message = f"puts the module {owner} in the place of another, which hides what is taken from it"
        yield hidden(target.lineno, owner, message, file.phases.of_node(target), ("CWE-506", "CWE-913"))


def _variables(node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    for keyword in node.keywords:
        if keyword.arg is not None:
            yield from _variable(node, ast.Constant(keyword.arg), keyword.value, file)
    for given in (each for each in given_to(node) if isinstance(each, ast.Dict)):
        for key, value in zip(given.keys, given.values, strict=True):
            if key is not None:
                yield from _variable(node, key, value, file)


def _variable(node: ast.expr, key: ast.expr, value: ast.expr, file: CodeReading) -> Iterator[CallSite]:
    name, text = file.names.text(key) or "", file.names.text(value)
    phase = file.phases.of_node(node)
    if name == "PYTHONBREAKPOINT" and text is not None and (danger := danger_of(text)) is not None:
        yield site(node.lineno, danger.kind, text, f"makes {name} call", phase)
    elif name in _COMMANDS and (_SHELL_TEXT.search(text) if text is not None else _is_own(value, file.names)):
        yield site(node.lineno, "process", name, "puts a command into", phase)


def _is_own(node: ast.expr, names: Names) -> bool:
    """Whether a place is worked out from that of the file itself."""
    held = [value for part in ast.walk(node) if isinstance(part, ast.Name) for value in names.held_by(part)]
    parts = (part for value in (node, *held) for part in ast.walk(value))
    return any(isinstance(part, ast.Name) and part.id == "__file__" for part in parts)


def _path(node: ast.expr | ast.stmt, given: list[ast.expr], file: CodeReading) -> Iterator[CallSite]:
    """An archive, or weights that are one, from which Python then takes modules."""
    values = [each for argument in given for each in (argument, *file.names.held_by(argument))]
    for part in (part for value in values for part in ast.walk(value)):
        text = part.value if isinstance(part, ast.Constant) else None
        if isinstance(text, str) and _ARCHIVES.search(text):
            shown = ascii(text[:60])
            yield site(node.lineno, "execution", shown, "has modules taken from", file.phases.of_node(node))
            return


def _named_from_outside(node: ast.Call, file: CodeReading) -> Iterator[CallSite]:
    """`getattr(import_module(m), f)(x)`: a value names module and function, and what it names is called."""
    taken, names, phase = node.func, file.names, file.phases.of_node(node)
    if not isinstance(taken, ast.Call) or len(taken.args) < 2:
        return
    if "builtins.getattr" not in names.paths(taken.func) or not _is_said(taken.args[1], names):
        return
    for made in (taken.args[0], *names.held_by(taken.args[0])):
        if not isinstance(made, ast.Call) or not made.args or not _is_said(made.args[0], names):
            continue
        if _IMPORTING & set(names.paths(made.func)):
            message = "calls whatever function of whatever module a value names"
            # Factories are called for one class or another; what makes an object calls what its files say.
            severity = Severity.HIGH if phase.rank < Phase.CALL.rank else Severity.MEDIUM
            yield CallSite(node.lineno, "import", "getattr", message, severity, ("CWE-470",), phase)
            return


def _is_said(node: ast.expr, names: Names) -> bool:
    """Whether only the running program knows a name, and nothing of it stands in the source."""
    is_glued = any(isinstance(part, ast.JoinedStr | ast.BinOp) for part in ast.walk(node))
    return names.text(node) is None and not is_glued
