"""Reads one file of Python code, a notebook or a script: what it does, or why that cannot be said."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.code.calls import CallSite, UnreadableSourceError, find_calls
from scanner.code.names import Siblings
from scanner.code.notebooks import read_notebook
from scanner.code.phases import Phase
from scanner.code.reach import CODE_LIMIT_BYTES, CODE_SUFFIXES, code_map
from scanner.code.table import told_by
from scanner.manifest import Snapshot

NOTEBOOK_SUFFIX: Final = ".ipynb"
_NOTEBOOK_LIMIT_BYTES: Final = 32 * 1024**2
_SCRIPT_LIMIT_BYTES: Final = 1024**2
_SCRIPT_SUFFIXES: Final = frozenset({".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1", ".command"})
_SCRIPT_NAMES: Final = frozenset({"dockerfile", "containerfile", "makefile", "justfile", "procfile"})


@dataclass(frozen=True)
class CodeFile:
    """One file of code.

    Attributes:
        sites: What needs an explanation.
        fault: Why it cannot be read, a clause, or "".
        fault_line: Where, or None.
        unread_cells: Numbers of the cells of a notebook that are no Python.
        acting_cells: Numbers of those with an output that has the kernel run code.
    """

    sites: tuple[CallSite, ...] = ()
    fault: str = ""
    fault_line: int | None = None
    unread_cells: tuple[int, ...] = ()
    acting_cells: tuple[int, ...] = ()


def is_python(path: str) -> bool:
    """Whether a file of this name is Python source."""
    return path.lower().endswith(CODE_SUFFIXES)


def is_script(path: str) -> bool:
    """Whether a file of this name is run by a shell or builds an image."""
    pure = PurePosixPath(path.lower())
    return pure.suffix in _SCRIPT_SUFFIXES or pure.name.split(".")[0] in _SCRIPT_NAMES


def is_code(path: str) -> bool:
    """Whether a file of this name is Python, a notebook or a script."""
    return is_python(path) or is_script(path) or path.lower().endswith(NOTEBOOK_SUFFIX)


@functools.lru_cache(maxsize=1)
def code_listing(snapshot: Snapshot) -> tuple[str, ...]:
    """A line for every file of code, by path; made once, because what is said of every file names it."""
    entries = sorted((each for each in snapshot.files if is_code(each.path)), key=lambda each: each.path)
    return tuple(f"{entry.sha256}  {entry.path}\n" for entry in entries)


def read_any(snapshot: Snapshot, path: str) -> CodeFile:
    """A file of Python, a notebook or a script, by its name.

    Raises:
        PartlyReadError: when it was not read far enough.
        OSError: when it cannot be opened.
    """
    if path.lower().endswith(NOTEBOOK_SUFFIX):
        return _read(snapshot, path, _NOTEBOOK_LIMIT_BYTES, _notebook)
    if is_script(path):
        return _read(snapshot, path, _SCRIPT_LIMIT_BYTES, _script)
    return read_code(snapshot, path)


@functools.lru_cache(maxsize=64)
def read_code(snapshot: Snapshot, path: str) -> CodeFile:
    """What a Python file does; kept for a while, since configuration asks for what was read before.

    Raises:
        PartlyReadError: when it was not read far enough.
        OSError: when it cannot be opened.
    """
    siblings = code_map(snapshot).siblings_of(path)
    return _read(snapshot, path, CODE_LIMIT_BYTES, functools.partial(_judged, siblings=siblings))


def _read(snapshot: Snapshot, path: str, limit_bytes: int, judge: Callable[[bytes], CodeFile]) -> CodeFile:
    with snapshot.open(path) as stream:
        data = stream.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        return CodeFile(fault=f"is longer than {limit_bytes} bytes")
    return judge(data)


def _notebook(data: bytes) -> CodeFile:
    """What the code cells of a notebook do: together, because names of one are used in the next."""
    try:
        book = read_notebook(data)
    except (ValueError, RecursionError):
        return CodeFile(fault="is no notebook that can be read")
    read = [_judged("\n".join(book.python).encode("utf-8", "replace"))]
    if read[0].fault:
        read = [_judged(cell.encode("utf-8", "replace")) for cell in book.python]
    sites = [site for each in read for site in each.sites]
    fault = "has more than a megabyte of code" if book.is_cut else ""
    fault = next((each.fault for each in read if each.fault), fault)
    commands = _commands(book.commands)
    return CodeFile((*sites, *commands), fault, unread_cells=book.unread, acting_cells=book.acting)


def _script(data: bytes) -> CodeFile:
    """Which lines of a script hand the machine over."""
    return CodeFile(tuple(_commands(data.decode("utf-8", "replace").splitlines())))


def _judged(source: bytes, siblings: Siblings | None = None) -> CodeFile:
    try:
        return CodeFile(tuple(find_calls(source, siblings)))
    except UnreadableSourceError as error:
        return CodeFile(fault=str(error), fault_line=error.line)


def _commands(lines: Sequence[str]) -> Iterator[CallSite]:
    for number, line in enumerate(lines, start=1):
        yield from told_by(line, number, "has", Phase.CALL)
