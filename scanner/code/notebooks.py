r"""The cells of a Jupyter notebook as Python and as commands of a shell, each cell read by itself.

A notebook runs cell by cell: one that is broken, or of another language, hinders no other.

>>> cells = [{"cell_type": "code", "source": "%time f()"}, {"cell_type": "code", "source": "f("}]
>>> book = read_notebook(json.dumps({"cells": cells}).encode())
>>> book.python, book.unread
(('f()',), (2,))
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scanner.code.calls import UnreadableSourceError, parsed

# Python that is read of one notebook, as much as of one file.
_CODE_LIMIT_CHARACTERS: Final = 1024**2
# Cells that a shell runs as a whole; those that are Python all the same (`%%script python`) are read as such.
_SHELL_CELL: Final = re.compile(r"\s*%%(bash|sh|script|system|sx|cmd|powershell|!)(?!\w)")
# `%time f()`, `!ls`, `files = !ls`. Source: IPython 9, core/inputtransformer2.py.
_MAGIC: Final = re.compile(r"([^%!]*)(%%?|!!?)(.*)", re.DOTALL)
_COMPARED: Final = ("==", "<=", ">=")
_HELP: Final = re.compile(r"([ \t]*)(\?{1,2}[%\w.*]+|[%\w.*]+\?{1,2})[ \t]*")
_WORD_AND_OPTIONS: Final = re.compile(r"\w+[ \t]*(?:-\w+[ \t]*(?:\d+[ \t]+)?)*")
# Outputs of kinds that a browser runs, and what of a page has the kernel run code. Source: Jupyter Notebook
# 6, static/services/kernels/kernel.js; JupyterLab 4, @jupyterlab/services.
_RUN_BY_BROWSERS: Final = frozenset(
    {"text/html", "application/javascript", "text/javascript", "image/svg+xml", "html", "javascript", "svg"}
)
_TELLS_KERNEL: Final = re.compile(
    r"\bkernel\s*\.\s*execute\s*\(|\brequestExecute\b|\bexecute_(all_)?cells?\b"
)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Notebook:
    """What the code cells of a notebook hold.

    Attributes:
        python: The source of every cell that is Python, with what only IPython understands replaced.
        commands: Lines for a shell, and those of cells that could not be read.
        unread: Numbers of cells that are no Python, the first is 1.
        acting: Numbers of cells with an output that has the kernel run code when it is shown.
        is_cut: Whether there is more code than is read.
    """

    python: tuple[str, ...]
    commands: tuple[str, ...]
    unread: tuple[int, ...]
    acting: tuple[int, ...]
    is_cut: bool


def read_notebook(data: bytes) -> Notebook:
    """The code cells of a notebook, up to a megabyte of code.

    Raises:
        ValueError: when it is no notebook.
        RecursionError: when it is nested too deep.
    """
    python: list[str] = []
    commands: list[str] = []
    unread: list[int] = []
    left = _CODE_LIMIT_CHARACTERS
    cells = list(_code_cells(json.loads(data)))  # all else of the file may go before a tree is made
    for number, text, _ in cells:
        left -= len(text)
        if left < 0:
            break
        lines = list(_lines_of(text))
        source = _python_in(text, lines)
        is_shell = _SHELL_CELL.match(text) is not None
        if source is not None:
            python.append(source)
        elif not is_shell:
            unread.append(number)
        is_whole = is_shell or source is None
        commands += lines if is_whole else [line for line in lines if _magic_in(line) is not None]
    acting = tuple(number for number, _, acts in cells if acts)
    return Notebook(tuple(python), tuple(commands), tuple(unread), acting, left < 0)


def _code_cells(value: object) -> Iterator[tuple[int, str, bool]]:
    """(number, source, whether an output acts) of every code cell; the third format has sheets of them."""
    cells = value.get("cells") if isinstance(value, dict) else None
    sheets = value.get("worksheets") if isinstance(value, dict) else None
    if not isinstance(cells, list) and not isinstance(sheets, list):
        raise ValueError("a notebook without cells")
    kept = list(cells) if isinstance(cells, list) else []
    for sheet in sheets if isinstance(sheets, list) else []:
        inside = sheet.get("cells") if isinstance(sheet, dict) else None
        kept += inside if isinstance(inside, list) else []
    for number, cell in enumerate(kept, start=1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            yield number, _joined(source), any(map(_acts, _shown(cell.get("outputs"))))


def _joined(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _shown(outputs: object) -> Iterator[str]:
    """What of the outputs of a cell a browser runs; the third format has it beside the kind of output."""
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data", output) if isinstance(output, dict) else None
        for kind, text in data.items() if isinstance(data, dict) else ():
            if kind in _RUN_BY_BROWSERS:
                yield _joined(text)


def _acts(text: str) -> bool:
    return _TELLS_KERNEL.search(text) is not None


def _lines_of(text: str) -> Iterator[str]:
    """The lines of a cell; a magic that goes on behind a backslash is one line."""
    lines = iter(_LINE_END.split(text))
    for line in lines:
        parts = [line]
        if line.endswith("\\") and _magic_in(line) is not None:
            while parts[-1].endswith("\\") and (following := next(lines, None)) is not None:
                parts[-1] = parts[-1][:-1]
                parts.append(following)
        yield "".join(parts)


def _python_in(text: str, lines: list[str]) -> str | None:
    """The Python of a cell; None when it is none, also without what only IPython understands."""
    if _is_python(text):
        return text
    plain = list(map(_without_magic, lines))
    return "\n".join(plain) if plain != lines and _is_python("\n".join(plain)) else None


def _without_magic(line: str) -> str:
    """A line as Python: of a magic the code that it runs, `pass` for all else.

    Inside brackets `pass` is a fault, so that code which only looks like a magic there is not passed over.
    """
    if (asked := _HELP.fullmatch(line)) is not None:
        return f"{asked[1]}pass"
    magic = _magic_in(line)
    if magic is None:
        return line
    before, sign, rest = magic
    for code in (rest.strip(), _WORD_AND_OPTIONS.sub("", rest.strip(), count=1)) if "%" in sign else ():
        if code and _is_python(before.strip() + code):
            return before + code
    return before[: len(before) - len(before.lstrip())] + "pass"


def _magic_in(line: str) -> tuple[str, str, str] | None:
    """(what stands before, sign, rest) of a line that begins with a magic, or assigns what one gives."""
    match = _MAGIC.fullmatch(line)
    if match is None:
        return None
    before = match[1].strip()
    assigns = before.endswith("=") and not before.endswith(_COMPARED)
    return (match[1], match[2], match[3]) if assigns or not before else None


def _is_python(source: str) -> bool:
    try:
        parsed(source.encode("utf-8", "replace"))
    except UnreadableSourceError:
        return False
    return True
