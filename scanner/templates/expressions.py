"""Writes expressions of a template as text: as they stand, or so that equal meanings look equal.

>>> from scanner.templates.syntax import parse_template
>>> output = parse_template("{{ messages[0]['content'] | trim }}").body[0]
>>> written(output.nodes[0])
'messages[0].content | trim'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jinja2 import nodes

_COMPARED: Final = {
    "eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in",
}  # fmt: skip
_NO_NAMES: Final[Mapping[str, str]] = {}


def written(node: nodes.Node | None, names: Mapping[str, str] = _NO_NAMES) -> str:
    """An expression in one spelling: `m['role']` is `m.role`, `a ~ b` is `a + b`, names as in `names`."""
    from jinja2 import nodes

    if node is None:
        return ""
    if isinstance(node, nodes.Name):
        return names.get(node.name, node.name)
    if isinstance(node, nodes.NSRef):
        return f"{names.get(node.name, node.name)}.{node.attr}"
    if isinstance(node, nodes.Const | nodes.TemplateData):
        return repr(node.value if isinstance(node, nodes.Const) else node.data)
    if isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Slice):
        return _part(node, names)
    if isinstance(node, nodes.Filter | nodes.Test | nodes.Call):
        return _applied(node, names)
    if isinstance(node, nodes.BinExpr | nodes.Concat | nodes.UnaryExpr | nodes.Compare | nodes.CondExpr):
        return _operation(node, names)
    if isinstance(node, nodes.List | nodes.Tuple):
        return "[" + ", ".join(written(item, names) for item in node.items) + "]"
    if isinstance(node, nodes.Dict):
        pairs = (f"{written(item.key, names)}: {written(item.value, names)}" for item in node.items)
        return "{" + ", ".join(pairs) + "}"
    inner = ", ".join(written(child, names) for child in node.iter_child_nodes())
    return f"{type(node).__name__}({inner})"


def _part(node: nodes.Getattr | nodes.Getitem | nodes.Slice, names: Mapping[str, str]) -> str:
    from jinja2 import nodes

    if isinstance(node, nodes.Slice):
        step = "" if node.step is None else f":{written(node.step, names)}"
        return f"{written(node.start, names)}:{written(node.stop, names)}{step}"
    owner = _closed(node.node, names)
    if isinstance(node, nodes.Getattr):
        return f"{owner}.{node.attr}"
    key = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return (
        f"{owner}.{key}"
        if isinstance(key, str) and key.isidentifier()
        else f"{owner}[{written(node.arg, names)}]"
    )


def _applied(node: nodes.Filter | nodes.Test | nodes.Call, names: Mapping[str, str]) -> str:
    from jinja2 import nodes

    given = [written(each, names) for each in node.args or ()]
    given += [f"{each.key}={written(each.value, names)}" for each in node.kwargs or ()]
    given += [written(each, names) for each in (node.dyn_args, node.dyn_kwargs) if each is not None]
    arguments = ", ".join(given)
    if isinstance(node, nodes.Call):
        return f"{_closed(node.node, names)}({arguments})"
    word = "|" if isinstance(node, nodes.Filter) else "is"
    return f"{_closed(node.node, names)} {word} {node.name}" + (f"({arguments})" if arguments else "")


def _operation(node: nodes.Node, names: Mapping[str, str]) -> str:
    from jinja2 import nodes

    if isinstance(node, nodes.Concat):
        return " + ".join(_closed(each, names) for each in node.nodes)
    if isinstance(node, nodes.Add):
        return f"{_closed(node.left, names)} + {_closed(node.right, names)}"
    if isinstance(node, nodes.BinExpr):
        return f"{_closed(node.left, names)} {node.operator} {_closed(node.right, names)}"
    if isinstance(node, nodes.UnaryExpr):
        return f"{node.operator} {_closed(node.node, names)}"
    if isinstance(node, nodes.Compare):
        rest = (f" {_COMPARED[each.op]} {_closed(each.expr, names)}" for each in node.ops)
        return _closed(node.expr, names) + "".join(rest)
    if isinstance(node, nodes.CondExpr):
        other = f" else {_closed(node.expr2, names)}" if node.expr2 is not None else ""
        return f"{_closed(node.expr1, names)} if {_closed(node.test, names)}{other}"
    return ""


def _closed(node: nodes.Node | None, names: Mapping[str, str]) -> str:
    """An operand: in brackets where two readings were possible without them."""
    from jinja2 import nodes

    plain = nodes.Name | nodes.Const | nodes.Getattr | nodes.Getitem | nodes.Call | nodes.List | nodes.Dict
    text = written(node, names)
    return text if node is None or isinstance(node, plain | nodes.Tuple | nodes.NSRef) else f"({text})"
