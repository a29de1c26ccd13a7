"""Runs the tests of a task on code that a model wrote: little may run, with few means, in its own process.

Not a sandbox. Three fences: only source without imports beyond a short list, without names that reach out
and without underscored attributes is run at all; the process gets no environment, an empty folder, limits on
time, memory and files; an audit hook ends it at the first event that touches the system.
"""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
import tempfile
from typing import Final

_HARMLESS: Final = frozenset(
    {"collections", "datetime", "functools", "itertools", "math", "re", "statistics", "string"}
)
# strptime imports this when it is first called, which the fence would take for an attempt to read files.
_LATE: Final = "_strptime"
_REACHING: Final = frozenset(
    {
        "open", "exec", "eval", "compile", "input", "breakpoint", "getattr", "setattr", "delattr", "globals",
        "locals", "vars", "dir", "type", "object", "super", "memoryview", "help", "exit", "quit",
    }
)  # fmt: skip
_SECONDS: Final = 5
_MEMORY_BYTES: Final = 512 * 1024**2
_RUNNER: Final = """
import builtins, sys
{preload}
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
    resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
except ImportError:
    pass
source = sys.stdin.read()
code = builtins.compile(source, "model", "exec")
def fence(event, arguments):
    if event not in ("exec", "import", "object.__getattr__", "sys._getframe", "compile"):
        raise RuntimeError(event)
sys.addaudithook(fence)
exec(code, {{"__name__": "model"}})
"""


def may_run(source: str) -> bool:
    """Whether the source stays within what is run at all."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return all(_is_harmless(node) for node in ast.walk(tree))


@functools.lru_cache(maxsize=1024)
def passes(source: str, tests: str) -> bool | None:
    """Whether the tests pass on the source; None when it may not be run."""
    if not may_run(source):
        return None
    preload = "\n".join(f"import {name}" for name in (*sorted(_HARMLESS), _LATE))
    runner = _RUNNER.format(preload=preload, seconds=_SECONDS, memory=_MEMORY_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter, isolated, on source that was let through
                [sys.executable, "-I", "-S", "-c", runner],
                input=f"{source}\n\n{tests}", text=True, capture_output=True, cwd=folder, env={},
                timeout=2 * _SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _is_harmless(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name in _HARMLESS for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and node.module in _HARMLESS and all(a.name[0] != "_" for a in node.names)
    if isinstance(node, ast.Attribute):
        return not node.attr.startswith("_")
    if isinstance(node, ast.Name):
        return node.id not in _REACHING and not node.id.startswith("__")
    return True
