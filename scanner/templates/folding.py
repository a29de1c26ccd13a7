"""What text expressions of constants come to, however it is glued together.

>>> from scanner.templates.syntax import parse_template
>>> tree = parse_template("{% set a = '__cla' %}{{ x[a ~ 'ss__'] }}")
>>> text_of(tree.body[1].nodes[0].arg, Known.of(tree)[0])
'__class__'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from scanner.templates.known import NOTHING, Known, is_call_of, name_of
from scanner.templates.numbers import number_of

if TYPE_CHECKING:
    from jinja2 import nodes

_TEXT_LIMIT: Final = 100_000
_DEPTH: Final = 60
_CHANGES: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower, "upper": str.upper, "trim": str.strip, "strip": str.strip, "title": str.title,
    "capitalize": str.capitalize, "swapcase": str.swapcase,
    "string": str, "safe": str, "escape": str, "e": str,
}  # fmt: skip


def text_of(node: nodes.Node | None, known: Known = NOTHING, depth: int = 0) -> str | None:
    """The text that constants make together ('__cla' ~ 'ss__'); None when anything else takes part."""
    from jinja2 import nodes

    if node is None or depth > _DEPTH:
        return None
    if isinstance(node, nodes.Const | nodes.TemplateData):
        return _literal(node)
    if (name := name_of(node)) and name in known.values:
        if name not in known.texts:
            known.texts[name] = None  # for a name that stands for itself
            known.texts[name] = text_of(known.values[name], known, depth + 1)
        return known.texts[name]
    if isinstance(node, nodes.Add | nodes.Concat):
        return _joined(list(node.iter_child_nodes()), "", known, depth)
    if isinstance(node, nodes.Mul):
        return _repeated(node, known, depth)
    if isinstance(node, nodes.Mod):
        return _formatted(text_of(node.left, known, depth + 1), _items(node.right, known), known, depth)
    if isinstance(node, nodes.Getitem):
        return _picked(node, known, depth)
    if isinstance(node, nodes.Filter):
        return _filtered(node, known, depth)
    return _called(node, known, depth) if isinstance(node, nodes.Call) else None


def _literal(node: nodes.Const | nodes.TemplateData) -> str | None:
    from jinja2 import nodes

    value: object = node.data if isinstance(node, nodes.TemplateData) else node.value
    return value if isinstance(value, str) else None


def _joined(parts: list[nodes.Node], glue: str, known: Known, depth: int) -> str | None:
    texts: list[str] = []
    size = 0
    for part in parts:
        text = text_of(part, known, depth + 1)
        if text is None:
            return None
        size += len(text) + len(glue)
        if size > _TEXT_LIMIT:
            return None
        texts.append(text)
    return glue.join(texts)


def _repeated(node: nodes.Mul, known: Known, depth: int) -> str | None:
    for one, other in ((node.left, node.right), (node.right, node.left)):
        text = text_of(one, known, depth + 1)
        if text is not None:
            times = number_of(other, known)
            return text * times if 0 <= times * len(text) <= _TEXT_LIMIT else None
    return None


def _formatted(text: str | None, given: list[nodes.Node], known: Known, depth: int) -> str | None:
    """'%s%s' with its arguments; character codes are filled in, whatever is not known is left out."""
    if text is None or len(text) > _TEXT_LIMIT:
        return None
    pieces = text.split("%")
    out = [pieces[0]]
    arguments = iter(given)
    for piece in pieces[1:]:
        argument = next(arguments, None)
        if piece[:1] == "s":
            out.append(text_of(argument, known, depth + 1) or "")
        elif piece[:1] == "c":
            code = number_of(argument, known)
            out.append(chr(code) if 0 < code < 0x110000 else "")
        else:
            return None
        out.append(piece[1:])
    return "".join(out)


def _picked(node: nodes.Getitem, known: Known, depth: int) -> str | None:
    """`'abc'[::-1]`, `'abc'[0]`, `['a', 'b'][1]`, `{'k': 'v'}['k']`."""
    from jinja2 import nodes

    if isinstance(node.node, nodes.List | nodes.Tuple) and isinstance(node.arg, nodes.Const):
        index = node.arg.value
        inside = isinstance(index, int) and -len(node.node.items) <= index < len(node.node.items)
        return text_of(node.node.items[index], known, depth + 1) if inside else None
    if isinstance(node.node, nodes.Dict):
        wanted = text_of(node.arg, known, depth + 1)
        held = (item.value for item in node.node.items if text_of(item.key) == wanted)
        return text_of(next(held, None), known, depth + 1)
    text = text_of(node.node, known, depth + 1)
    if text is None:
        return None
    if isinstance(node.arg, nodes.Slice):
        ends = [None if each is None else number_of(each, known) for each in (node.arg.start, node.arg.stop)]
        step = None if node.arg.step is None else number_of(node.arg.step, known)
        return text[ends[0] : ends[1] : step or 1]
    index = number_of(node.arg, known)
    return text[index] if -len(text) <= index < len(text) and isinstance(node.arg, nodes.Const) else None


def _filtered(node: nodes.Filter, known: Known, depth: int) -> str | None:
    if node.name == "join":
        glue = text_of(node.args[0], known, depth + 1) if node.args else ""
        return _joined(_items(node.node, known), glue or "", known, depth)
    if node.name in ("first", "last"):
        items = _items(node.node, known)
        picked = items[0 if node.name == "first" else -1] if items else None
        return text_of(picked, known, depth + 1)
    text = text_of(node.node, known, depth + 1)
    if text is None:
        return None
    if node.name == "reverse":
        return text[::-1]
    if node.name == "format":
        return _formatted(text, list(node.args), known, depth)
    if node.name == "replace":
        return _replaced(text, node.args, known, depth)
    change = _CHANGES.get(node.name)
    return None if change is None else change(text)


def _called(node: nodes.Call, known: Known, depth: int) -> str | None:
    from jinja2 import nodes

    if not isinstance(node.node, nodes.Getattr):
        return None
    text = text_of(node.node.node, known, depth + 1)
    if text is None:
        return None
    if node.node.attr == "join" and node.args:
        return _joined(_items(node.args[0], known), text, known, depth)
    if node.node.attr == "replace":
        return _replaced(text, node.args, known, depth)
    if node.node.attr == "format":
        whole = _joined([*node.args, *(each.value for each in node.kwargs)], "", known, depth)
        return None if whole is None else text.replace("{}", "\0").replace("\0", whole, 1).replace("\0", "")
    change = _CHANGES.get(node.node.attr)
    return None if change is None else change(text)


def _replaced(text: str, given: list[nodes.Expr], known: Known, depth: int) -> str | None:
    if len(given) < 2:
        return None
    old, new = text_of(given[0], known, depth + 1), text_of(given[1], known, depth + 1)
    if not old or new is None or len(text) * max(1, len(new)) > _TEXT_LIMIT:
        return None
    return text.replace(old, new)


def _items(node: nodes.Node | None, known: Known) -> list[nodes.Node]:
    """The parts of a list; of a dictionary its keys, as `dict(__class__=x) | join` takes them."""
    from jinja2 import nodes

    held = known.values.get(name_of(node))
    if isinstance(held, nodes.List | nodes.Tuple) and all(isinstance(i, nodes.Const) for i in held.items):
        return list(held.items)
    if isinstance(node, nodes.List | nodes.Tuple):
        return list(node.items)
    if isinstance(node, nodes.Dict):
        return [item.key for item in node.items]
    if is_call_of(node, "dict"):
        return [nodes.Const(each.key) for each in node.kwargs]
    if isinstance(node, nodes.Filter) and node.name in ("list", "reverse") and node.node is not None:
        items = _items(node.node, known)
        return items[::-1] if node.name == "reverse" else items
    return [] if node is None else [node]
