"""Reads all Python code of a model: what each file does, and which files a loader would run."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.check import CheckContext
from scanner.code.calls import CallSite, UnreadableSourceError, find_calls, parse_source
from scanner.code.closure import ImportedFile, closure, file_of, imports_of, is_entry
from scanner.code.references import CodeReference
from scanner.manifest import FileEntry

_SUFFIXES: Final = (".py", ".pyw")
# The longest modelling file of transformers has 600 kB.
_LIMIT_BYTES: Final = 4 * 1024**2


@dataclass(frozen=True)
class CodeFile:
    """One Python file.

    Attributes:
        path: Path in the snapshot.
        sites: What needs an explanation.
        fault: Why it cannot be read, a clause, or "".
        fault_line: Where, or None.
        is_reached: Whether loading runs it.
        is_entry: Whether its name is one that loaders run, and no configuration asks for it.
    """

    path: str
    sites: tuple[CallSite, ...]
    fault: str
    fault_line: int | None
    is_reached: bool
    is_entry: bool


@dataclass(frozen=True)
class CodeReview:
    """All code of a model.

    Attributes:
        files: Sorted by path.
        listing: "sha256  path" per line, sorted: what was read.
        local: References whose code lies in the model.
        unresolved: References to this repository whose code is nowhere in it.
        missing: (path, line, module) of imports that lead to no file.
    """

    files: tuple[CodeFile, ...]
    listing: str
    local: frozenset[CodeReference]
    unresolved: tuple[CodeReference, ...]
    missing: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class _Parsed:
    sites: tuple[CallSite, ...] = ()
    imports: tuple[ImportedFile, ...] = ()
    fault: str = ""
    line: int | None = None


def review_code(context: CheckContext, references: Sequence[CodeReference]) -> CodeReview:
    """Parses every Python file of the snapshot and follows `references` and imports between them.

    Raises:
        CheckTimeoutError: when the check's time is up.
    """
    entries = sorted(context.snapshot.with_suffix(*_SUFFIXES), key=lambda entry: entry.path)
    paths = frozenset(entry.path for entry in entries)
    parsed: dict[str, _Parsed] = {}
    for entry in entries:
        context.check_deadline()
        parsed[entry.path] = _read(context, entry)
    named = {reference: _file_named(reference, paths) for reference in references}
    by_name = {path for path in paths if is_entry(path)}
    asked_for = {path for path in named.values() if path is not None}
    reach = closure(by_name | asked_for, {path: list(each.imports) for path, each in parsed.items()}, paths)
    files = tuple(
        CodeFile(path, each.sites, each.fault, each.line, path in reach.reached, path in by_name - asked_for)
        for path, each in parsed.items()
    )
    asked = [reference for reference in references if reference.kind in ("auto-map", "custom-pipeline")]
    return CodeReview(
        files,
        "".join(f"{entry.sha256}  {entry.path}\n" for entry in entries),
        frozenset(reference for reference, path in named.items() if path is not None),
        tuple(reference for reference in asked if named[reference] is None),
        reach.missing,
    )


def _file_named(reference: CodeReference, paths: frozenset[str]) -> str | None:
    if reference.repository:
        return None
    return file_of(reference.module, str(PurePosixPath(reference.path).parent), paths)


def _read(context: CheckContext, entry: FileEntry) -> _Parsed:
    try:
        with context.snapshot.open(entry.path) as stream:
            source = stream.read(_LIMIT_BYTES + 1)
    except OSError as error:
        return _Parsed(fault=f"cannot be read ({error.strerror or error})")
    if len(source) > _LIMIT_BYTES:
        return _Parsed(fault=f"is longer than {_LIMIT_BYTES} bytes")
    try:
        tree: ast.Module = parse_source(source)
        return _Parsed(tuple(find_calls(tree)), tuple(imports_of(tree, entry.path)))
    except UnreadableSourceError as error:
        return _Parsed(fault=str(error), line=error.line)
