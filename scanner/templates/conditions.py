"""Conditions in a chat template that turn on what the user said or on the day: where a trigger would hide.

>>> from scanner.templates.syntax import parse_template
>>> source = "{% if 'invoice' in messages[-1].content %}{{ 'Pay at once.' }}{% endif %}"
>>> [danger.code for danger in hidden_conditions(parse_template(source))]
['TPL-HIDDEN']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scanner.findings import Confidence, Severity
from scanner.templates.dangers import Danger
from scanner.templates.syntax import text_of, walk

if TYPE_CHECKING:
    from jinja2 import nodes

_CONTENT_KEYS: Final = frozenset({"content", "text", "reasoning_content"})
_DATE_NAMES: Final = frozenset({"strftime_now", "date_string", "today", "now", "current_date"})
# Control marks of templates are wrapped in signs: "<think>", "[INST]", "/no_think", "{%". Words are not.
_MARK: Final = re.compile(r"^[^\w\s]|[^\w\s.,!?'\"]$|<\||\|>", re.UNICODE)
_LETTERS: Final = re.compile(r"[^\W\d_]", re.UNICODE)
_WORD_LETTERS: Final = 3
_LOOKING: Final = frozenset({"startswith", "endswith", "find", "index", "count", "rfind", "__contains__"})


def hidden_conditions(tree: nodes.Template) -> list[Danger]:
    """Every condition on words of a message or on the date, one per line."""
    from jinja2 import nodes

    contents, dates = _followed(tree)
    found: dict[tuple[str, int], Danger] = {}
    for node, _ in walk(tree):
        tests = [node.test] if isinstance(node, nodes.If | nodes.CondExpr) else []
        if isinstance(node, nodes.For) and node.test is not None:
            tests.append(node.test)
        for test in tests:
            for danger in _in_test(test, contents, dates):
                found.setdefault((danger.message, danger.line), danger)
    return sorted(found.values(), key=lambda danger: danger.line)


def _in_test(test: nodes.Node, contents: frozenset[str], dates: frozenset[str]) -> Iterator[Danger]:
    from jinja2 import nodes

    for node, _ in walk(test):
        if not isinstance(node, nodes.Compare | nodes.Call | nodes.Test):
            continue
        parts = list(node.iter_child_nodes())
        word = next((word for word in map(_word, _constants(node)) if word), "")
        if any(_is_date(part, dates) for part in parts) and not _asks_existence(node):
            message = "what the prompt says depends on the date"
            yield Danger("TPL-HIDDEN", message, node.lineno, Severity.MEDIUM, Confidence.MEDIUM)
        elif word and _compares_content(node, contents):
            message = f"what the prompt says depends on the words '{word[:40]}' in a message"
            yield Danger("TPL-HIDDEN", message, node.lineno, Severity.MEDIUM, Confidence.MEDIUM)


def _compares_content(node: nodes.Node, contents: frozenset[str]) -> bool:
    from jinja2 import nodes

    if isinstance(node, nodes.Compare):
        return _is_content(node.expr, contents) or any(_is_content(op.expr, contents) for op in node.ops)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        return node.node.attr in _LOOKING and _is_content(node.node.node, contents)
    return isinstance(node, nodes.Test) and _is_content(node.node, contents)


def _constants(node: nodes.Node) -> Iterator[str]:
    """The texts that a comparison, call or test holds something against; keys of subscripts are none."""
    from jinja2 import nodes

    if isinstance(node, nodes.Compare):
        operands: list[nodes.Node] = [node.expr, *(op.expr for op in node.ops)]
    elif isinstance(node, nodes.Call | nodes.Test):
        operands = list(node.args or ())
    else:
        return
    for operand in operands:
        parts = operand.items if isinstance(operand, nodes.List | nodes.Tuple) else [operand]
        yield from (text for text in map(text_of, parts) if text is not None)


def _word(text: str) -> str:
    """The text when it is words of a language, "" when it is a control mark."""
    stripped = text.strip()
    letters = len(_LETTERS.findall(stripped))
    is_word = letters >= _WORD_LETTERS or (letters > 0 and not stripped.isascii())
    return stripped if is_word and not _MARK.search(stripped) else ""


def _asks_existence(node: nodes.Node) -> bool:
    """Whether this is `x is defined` or a comparison with none, which every dated template asks."""
    from jinja2 import nodes

    if isinstance(node, nodes.Test):
        return node.name in ("defined", "undefined", "none", "string", "boolean", "callable", "true", "false")
    if isinstance(node, nodes.Compare):
        return all(isinstance(op.expr, nodes.Const) and op.expr.value in (None, "") for op in node.ops)
    return isinstance(node, nodes.Call) and not _is_date_method(node)


def _is_date_method(node: nodes.Call) -> bool:
    from jinja2 import nodes

    return isinstance(node.node, nodes.Getattr) and node.node.attr in _LOOKING


def _followed(tree: nodes.Template) -> tuple[frozenset[str], frozenset[str]]:
    """Names that hold message content, and names that hold a date, followed through assignments."""
    from jinja2 import nodes

    pairs: list[tuple[nodes.Node, nodes.Node]] = []
    parts: set[str] = set()
    for node, _ in walk(tree):
        if isinstance(node, nodes.Assign):
            pairs.append((node.target, node.node))
        elif isinstance(node, nodes.For) and isinstance(node.iter, nodes.Call):
            pairs.append((node.target, node.iter))  # for word in content.split()
        elif isinstance(node, nodes.For):
            parts |= _names(node.target)  # for part in message.content: a mapping, not text
    pairs.extend(_handed_to_macros(tree))
    contents: set[str] = {"content"} - parts
    dates: set[str] = set(_DATE_NAMES)
    for _ in range(3):  # a name may be handed on before the line that fills it, inside a loop
        for target, value in pairs:
            if _is_content(value, frozenset(contents)):
                contents |= _names(target)
            if _is_date(value, frozenset(dates)):
                dates |= _names(target)
    return frozenset(contents), frozenset(dates)


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


def _names(target: nodes.Node) -> set[str]:
    from jinja2 import nodes

    plain = {part.name for part, _ in walk(target) if isinstance(part, nodes.Name)}
    return plain | {f"{part.name}.{part.attr}" for part, _ in walk(target) if isinstance(part, nodes.NSRef)}


def _is_attribute_of(node: nodes.Getattr, names: frozenset[str]) -> bool:
    """Whether this is an attribute of a namespace that was filled with something followed."""
    from jinja2 import nodes

    return isinstance(node.node, nodes.Name) and f"{node.node.name}.{node.attr}" in names


def _is_content(node: nodes.Node | None, contents: frozenset[str]) -> bool:
    """Whether an expression is a message's text or made from it."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name in contents
    if isinstance(node, nodes.Getattr):
        return node.attr in _CONTENT_KEYS or _is_attribute_of(node, contents)
    if isinstance(node, nodes.Getitem):
        key = text_of(node.arg)
        return key in _CONTENT_KEYS if key is not None else _is_content(node.node, contents)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        if node.node.attr == "get" and node.args:
            return text_of(node.args[0]) in _CONTENT_KEYS
        return _is_content(node.node.node, contents)
    if isinstance(node, nodes.Filter):
        return node.name not in ("length", "count") and _is_content(node.node, contents)
    if isinstance(node, nodes.Add | nodes.Concat | nodes.CondExpr):
        return any(_is_content(part, contents) for part in node.iter_child_nodes())
    return False


def _is_date(node: nodes.Node | None, dates: frozenset[str]) -> bool:
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name in dates
    if isinstance(node, nodes.Getattr) and _is_attribute_of(node, dates):
        return True
    if isinstance(node, nodes.Call | nodes.Getattr | nodes.Getitem | nodes.Filter):
        return _is_date(node.node, dates)
    if isinstance(node, nodes.Operand):
        return _is_date(node.expr, dates)
    if isinstance(node, nodes.Add | nodes.Concat | nodes.CondExpr):
        return any(_is_date(part, dates) for part in node.iter_child_nodes())
    return False
