"""What the variables of a template hold, as far as the template itself says.

>>> from scanner.templates.syntax import parse_template
>>> Known.of(parse_template("{% set a = 1 %}{% set ns.b = 2 %}"))[0].values["ns.b"].value
2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeGuard

from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes


@dataclass(frozen=True)
class Known:
    """What variables of a template are known to hold.

    Attributes:
        values: The expression that was assigned, by name ("a", "ns.a").
        texts: What text each was found to hold; kept, for names may stand for many others.
        numbers: The same for numbers.
    """

    values: dict[str, nodes.Node] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: nodes.Template) -> tuple[Known, ...]:
        """By the first and, where it differs, the last assignment: a name may be filled anew to mislead."""
        first: dict[str, nodes.Node] = {}
        last: dict[str, nodes.Node] = {}
        for node, _ in walk(tree):
            for name, held in fillings(node):
                first.setdefault(name, held)
                last[name] = held
        differ = any(first[name] is not last[name] for name in first)
        return (cls(first), cls(last)) if differ else (cls(first),)


NOTHING: Final = Known()


def name_of(node: nodes.Node | None) -> str:
    """The name of a variable, or of an attribute of a namespace; "" for any other expression."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.NSRef):
        return f"{node.name}.{node.attr}"
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""


def is_call_of(node: nodes.Node | None, name: str) -> TypeGuard[nodes.Call]:
    """Whether an expression calls the function or macro of this name."""
    from jinja2 import nodes

    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == name


def fillings(node: nodes.Node) -> Iterator[tuple[str, nodes.Node]]:
    """What each name holds that a statement fills."""
    from jinja2 import nodes

    pairs: list[tuple[nodes.Node, nodes.Node]] = []
    if isinstance(node, nodes.Assign):
        pairs = [(node.target, node.node)]
    elif isinstance(node, nodes.AssignBlock) and node.filter is None:
        pairs = [(node.target, block_value(node))]
    elif isinstance(node, nodes.With):
        pairs = list(zip(node.targets, node.values, strict=False))
    elif isinstance(node, nodes.Macro):
        own = node.args[len(node.args) - len(node.defaults) :]
        pairs = list(zip(own, node.defaults, strict=False))
    for target, value in pairs:
        yield from _filled(target, value)


def block_value(block: nodes.AssignBlock) -> nodes.Expr:
    """What `{% set a %}text{{ b }}{% endset %}` gives, as one expression."""
    from jinja2 import nodes

    parts: list[nodes.Node] = []
    for each in block.body:
        parts.extend(each.nodes if isinstance(each, nodes.Output) else [each])
    return nodes.Concat(parts)


def _filled(target: nodes.Node, value: nodes.Node) -> Iterator[tuple[str, nodes.Node]]:
    """What each name of an assignment holds; `a, b = 1, 2` and `namespace(a=1)` fill several."""
    from jinja2 import nodes

    if isinstance(target, nodes.Tuple) and isinstance(value, nodes.Tuple | nodes.List):
        for inner, part in zip(target.items, value.items, strict=False):
            yield from _filled(inner, part)
    elif name := name_of(target):
        yield name, value
        if is_call_of(value, "namespace"):
            yield from ((f"{name}.{each.key}", each.value) for each in value.kwargs)
