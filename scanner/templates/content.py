"""Which expressions of a chat template are what somebody said, and which are the date.

>>> from scanner.templates.syntax import parse_template
>>> followed(parse_template("{% set c = messages[0].content %}{% set d = c | lower %}"))[0] >= {"c", "d"}
True
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Final

from scanner.templates.folding import text_of
from scanner.templates.known import block_value, name_of
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

CONTENT_KEYS: Final = frozenset({"content", "text", "reasoning_content"})
DATE_NAMES: Final = frozenset({"strftime_now", "date_string", "today", "now", "current_date"})


def followed(tree: nodes.Template) -> tuple[Set[str], Set[str]]:
    """Names that hold message content, and names that hold a date, followed through assignments."""
    from jinja2 import nodes

    pairs: list[tuple[nodes.Node, nodes.Node]] = []
    parts: set[str] = set()
    for node, _ in walk(tree):
        if isinstance(node, nodes.Assign):
            pairs.append((node.target, node.node))
        elif isinstance(node, nodes.AssignBlock):
            pairs.append((node.target, block_value(node)))
        elif isinstance(node, nodes.For) and isinstance(node.iter, nodes.Call):
            pairs.append((node.target, node.iter))  # for word in content.split()
        elif isinstance(node, nodes.For):
            parts |= names_in(node.target)  # for part in message.content: a mapping, not text
    pairs.extend(_handed_to_macros(tree))
    contents: set[str] = {"content"} - parts
    dates: set[str] = set(DATE_NAMES)
    for _ in range(3):  # a name may be handed on before the line that fills it, inside a loop
        for target, value in pairs:
            if is_content(value, contents):
                contents |= names_in(target)
            if is_date(value, dates):
                dates |= names_in(target)
    return contents, dates


def _handed_to_macros(tree: nodes.Template) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    """(parameter, argument) of every call of a macro that the template defines."""
    from jinja2 import nodes

    macros = {node.name: node for node, _ in walk(tree) if isinstance(node, nodes.Macro)}
    for node, _ in walk(tree):
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in macros:
            parameters = macros[node.node.name].args
            yield from zip(parameters, node.args, strict=False)
            by_name = {parameter.name: parameter for parameter in parameters}
            yield from ((by_name[each.key], each.value) for each in node.kwargs if each.key in by_name)


def names_in(target: nodes.Node) -> set[str]:
    """Variables and attributes of namespaces that an assignment fills."""
    from jinja2 import nodes

    plain = {part.name for part, _ in walk(target) if isinstance(part, nodes.Name)}
    return plain | {f"{part.name}.{part.attr}" for part, _ in walk(target) if isinstance(part, nodes.NSRef)}


def _is_attribute_of(node: nodes.Getattr, names: Set[str]) -> bool:
    """Whether this is an attribute of a namespace that was filled with something followed."""
    from jinja2 import nodes

    return isinstance(node.node, nodes.Name) and f"{node.node.name}.{node.attr}" in names


def is_content(node: nodes.Node | None, contents: Set[str]) -> bool:
    """Whether an expression is a message's text or made from it."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name in contents
    if isinstance(node, nodes.Getattr):
        return node.attr in CONTENT_KEYS or _is_attribute_of(node, contents)
    if isinstance(node, nodes.Getitem):
        key = text_of(node.arg)
        return key in CONTENT_KEYS if key is not None else is_content(node.node, contents)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        if node.node.attr == "get" and node.args:
            return text_of(node.args[0]) in CONTENT_KEYS
        return is_content(node.node.node, contents)
    if isinstance(node, nodes.Filter):
        if node.name == "map":
            return any(text_of(each.value) in CONTENT_KEYS for each in node.kwargs if each.key == "attribute")
        if node.name in ("string", "tojson") and name_of(node.node) == "messages":
            return True
        return node.name not in ("length", "count") and is_content(node.node, contents)
    if isinstance(node, nodes.Add | nodes.Concat | nodes.CondExpr):
        return any(is_content(part, contents) for part in node.iter_child_nodes())
    return False


def is_date(node: nodes.Node | None, dates: Set[str]) -> bool:
    """Whether an expression is a date or made from it."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name in dates
    if isinstance(node, nodes.Getattr) and _is_attribute_of(node, dates):
        return True
    if isinstance(node, nodes.Call | nodes.Getattr | nodes.Getitem | nodes.Filter):
        return is_date(node.node, dates)
    if isinstance(node, nodes.Operand):
        return is_date(node.expr, dates)
    if isinstance(node, nodes.Add | nodes.Concat | nodes.CondExpr):
        return any(is_date(part, dates) for part in node.iter_child_nodes())
    return False
