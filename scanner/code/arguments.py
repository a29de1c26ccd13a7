r"""Which rows of the table hold for a call with the arguments that it has.

>>> import ast
>>> from scanner.code.table import rows_for
>>> tree = ast.parse("import numpy\nnumpy.load('x', None, True)")
>>> [row_applies(row, tree.body[1].value, Names.of(tree)) for row in rows_for("numpy.load")]
[True]
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from scanner.code.names import Names
from scanner.code.table import Method, Row, methods


def row_applies(row: Row, node: ast.Call, names: Names) -> bool:
    """Whether a row holds for this call: some are dangerous with certain arguments only."""
    if any(_is_given(row, node, names, name, value) for name, value in row.unless.items()):
        return False
    if row.only_with and not any(keyword.arg in row.only_with for keyword in node.keywords):
        return False
    if not has_text(row.only_text, node, names):
        return False
    if row.unless_argument:
        return not any(path in row.unless_argument for each in given_to(node) for path in names.paths(each))
    return all(_is_given(row, node, names, name, value) for name, value in row.only_if.items())


def method_of(func: ast.Attribute) -> Method | None:
    """The method of the table that an attribute names, by two names where the table has two."""
    owner = func.value.attr if isinstance(func.value, ast.Attribute) else getattr(func.value, "id", "")
    return methods().get(f"{owner}.{func.attr}") or methods().get(func.attr)


def given_to(node: ast.Call) -> list[ast.expr]:
    """The arguments of a call, by place and by name."""
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def given_as(node: ast.Call, names: Names, name: str, position: int | None = None) -> object:
    """The constant that an argument is given, also through a variable that holds nothing else, or None."""
    value = next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    for keyword in node.keywords:
        if keyword.arg is None and isinstance(keyword.value, ast.Dict):  # f(**{"name": True})
            keys = zip(keyword.value.keys, keyword.value.values, strict=True)
            value = next((part for key, part in keys if getattr(key, "value", None) == name), value)
    is_plain = not any(isinstance(each, ast.Starred) for each in node.args)
    if value is None and position is not None and is_plain and position < len(node.args):
        value = node.args[position]
    if isinstance(value, ast.Name):
        value = names.constants.values.get(value.id, value)
    return value.value if isinstance(value, ast.Constant) else None


def has_text(pattern: str, node: ast.Call, names: Names) -> bool:
    """Whether a text among the arguments matches; every call does when nothing is asked for."""
    return not pattern or any(re.search(pattern, text) for text in _texts(node, names))


def _texts(node: ast.Call, names: Names) -> Iterator[str]:
    for argument in given_to(node):
        for value in (argument, *names.held_by(argument)):
            if (text := names.text(value)) is not None:
                yield text
            yield from (
                part.value
                for part in ast.walk(value)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


def _is_given(row: Row, node: ast.Call, names: Names, name: str, wanted: bool) -> bool:
    """Whether an argument says yes or no; nothing said is neither."""
    given = given_as(node, names, name, row.positions.get(name))
    return given is not None and bool(given) is wanted
