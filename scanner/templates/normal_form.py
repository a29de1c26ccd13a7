"""A template as the list of what it writes and under which conditions, whatever its spelling.

Two templates of one meaning have one normal form: comments, white space between tags, the names of variables,
and whether text stands in the template or in a string make no difference.

>>> one = normal_form("{% for m in messages %}{{ 'a' + m['role'] }}{% endfor %}")
>>> two = normal_form("{#- hi #}{%- for item in messages %}a{{- item.role }}{% endfor %}")
>>> [piece.key for piece in one] == [piece.key for piece in two]
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.templates.expressions import written
from scanner.templates.syntax import parse_template, walk

if TYPE_CHECKING:
    from jinja2 import nodes


@dataclass(frozen=True)
class Condition:
    """What must hold for a piece.

    Attributes:
        key: In the normal spelling, to compare by.
        shown: As the template has it: "message.role == 'user'", "for each message in messages".
    """

    key: str
    shown: str


@dataclass(frozen=True)
class Piece:
    """One thing that a template does.

    Attributes:
        verb: "text" (writes it as it stands), "value" (writes what an expression gives), "set" or "other".
        content: The text itself, or the expression in the normal spelling.
        shown: The text, or the expression as the template has it.
        conditions: Outermost first.
        line: 1-based.
    """

    verb: str
    content: str
    shown: str
    conditions: tuple[Condition, ...]
    line: int

    @property
    def what(self) -> tuple[str, str]:
        """What is done, whatever its conditions."""
        return self.verb, self.content

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """Equal for pieces of equal meaning."""
        return self.verb, self.content, tuple(each.key for each in self.conditions)


def normal_form(source: str) -> tuple[Piece, ...]:
    """What a template does, in its order.

    Raises:
        TemplateFaultError: when it is too long, too deep, or not Jinja.
    """
    tree = parse_template(source)
    return tuple(_joined(_Reader(_names(tree)).body(tree.body, ())))


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Texts that follow each other under the same conditions, as one."""
    last: Piece | None = None
    for piece in pieces:
        if last is not None and last.verb == piece.verb == "text" and last.conditions == piece.conditions:
            text = last.content + piece.content
            last = Piece("text", text, text, last.conditions, last.line)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _names(tree: nodes.Template) -> Mapping[str, str]:
    """A name for every variable that the template makes, by what it first holds instead of by its name."""
    from jinja2 import nodes

    names: dict[str, str] = {}
    macros = 0
    for node, _ in walk(tree):
        if isinstance(node, nodes.Assign):
            _take(names, node.target, written(node.node, names))
        elif isinstance(node, nodes.AssignBlock):
            _take(names, node.target, "block")
        elif isinstance(node, nodes.For):
            _take(names, node.target, f"each of {written(node.iter, names)}")
        elif isinstance(node, nodes.Macro):
            macros += 1
            names.setdefault(node.name, f"macro {macros}")
            for number, parameter in enumerate(node.args):
                names.setdefault(parameter.name, f"parameter {macros}.{number}")
        elif isinstance(node, nodes.With):
            for target, value in zip(node.targets, node.values, strict=False):
                _take(names, target, written(value, names))
    return names


def _take(names: dict[str, str], target: nodes.Node, holds: str) -> None:
    from jinja2 import nodes

    # Hashed, because what a variable holds may be made of others that are made of others.
    digest = hashlib.sha256(holds.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    own = [node.name for node, _ in walk(target) if isinstance(node, nodes.Name)]
    for number, name in enumerate(own):
        names.setdefault(name, f"variable {digest}.{number}")


class _Reader:
    """Reads bodies of statements; templates are bounded in depth, so recursion is safe."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def body(self, body: Sequence[nodes.Node], conditions: tuple[Condition, ...]) -> Iterator[Piece]:
        for node in body:
            yield from self.statement(node, conditions)

    def statement(self, node: nodes.Node, conditions: tuple[Condition, ...]) -> Iterator[Piece]:
        from jinja2 import nodes

        if isinstance(node, nodes.Output):
            for part in node.nodes:
                yield from self.output(part, conditions)
        elif isinstance(node, nodes.If):
            yield from self.branches(node, conditions)
        elif isinstance(node, nodes.For):
            yield from self.loop(node, conditions)
        elif isinstance(node, nodes.Assign):
            holds = f"{written(node.target, self.names)} = {written(node.node, self.names)}"
            yield Piece(
                "set", holds, f"{written(node.target)} to {written(node.node)}", conditions, node.lineno
            )
        else:
            yield from self.other(node, conditions)

    def output(self, node: nodes.Node, conditions: tuple[Condition, ...]) -> Iterator[Piece]:
        from jinja2 import nodes

        if isinstance(node, nodes.TemplateData):
            yield Piece("text", node.data, node.data, conditions, node.lineno)
        elif isinstance(node, nodes.Const) and isinstance(node.value, str):
            yield Piece("text", node.value, node.value, conditions, node.lineno)
        elif isinstance(node, nodes.Add | nodes.Concat) and _glues_text(node):
            for part in node.iter_child_nodes():
                yield from self.output(part, conditions)
        elif isinstance(node, nodes.CondExpr):
            yield from self.output(node.expr1, (*conditions, self.holds(node.test)))
            if node.expr2 is not None:
                yield from self.output(node.expr2, (*conditions, self.fails(node.test)))
        else:
            yield Piece("value", written(node, self.names), written(node), conditions, node.lineno)

    def branches(self, node: nodes.If, conditions: tuple[Condition, ...]) -> Iterator[Piece]:
        failed = conditions
        for branch in (node, *node.elif_):
            yield from self.body(branch.body, (*failed, self.holds(branch.test)))
            failed = (*failed, self.fails(branch.test))
        yield from self.body(node.else_, failed)

    def loop(self, node: nodes.For, conditions: tuple[Condition, ...]) -> Iterator[Piece]:
        shown = f"for each {written(node.target)} in {written(node.iter)}"
        turn = Condition(f"for {written(node.iter, self.names)}", shown)
        chosen = () if node.test is None else (self.holds(node.test),)
        yield from self.body(node.body, (*conditions, turn, *chosen))
        none = Condition(f"none {turn.key}", f"there is nothing in {written(node.iter)}")
        yield from self.body(node.else_, (*conditions, none))

    def other(self, node: nodes.Node, conditions: tuple[Condition, ...]) -> Iterator[Piece]:
        """Macros, blocks and whatever else holds statements; anything else is told by its kind."""
        from jinja2 import nodes

        body = getattr(node, "body", None)
        if not isinstance(body, list):
            inner = ", ".join(written(child, self.names) for child in node.iter_child_nodes())
            kind = type(node).__name__.lower()
            yield Piece("other", f"{kind} {inner}", f"{kind} {inner}".strip(), conditions, node.lineno)
            return
        inside = conditions
        if isinstance(node, nodes.Macro):
            inside = (*conditions, Condition(self.names.get(node.name, ""), f"macro {node.name} is called"))
        elif isinstance(node, nodes.FilterBlock):
            applied = Condition(written(node.filter, self.names), f"filtered by {node.filter.name}")
            inside = (*conditions, applied)
        elif isinstance(node, nodes.AssignBlock):
            target = Condition(f"into {written(node.target, self.names)}", f"set into {written(node.target)}")
            inside = (*conditions, target)
        yield from self.body(body, inside)

    def holds(self, test: nodes.Node) -> Condition:
        return Condition(written(test, self.names), written(test))

    def fails(self, test: nodes.Node) -> Condition:
        return Condition(f"not ({written(test, self.names)})", f"not ({written(test)})")


def _glues_text(node: nodes.Add | nodes.Concat) -> bool:
    """Whether `a + b` joins texts; of two variables nobody knows, they may be numbers."""
    from jinja2 import nodes

    waiting: list[nodes.Node] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, nodes.Concat) or (isinstance(part, nodes.Const) and isinstance(part.value, str)):
            return True
        if isinstance(part, nodes.Add):
            waiting.extend((part.left, part.right))
    return False
