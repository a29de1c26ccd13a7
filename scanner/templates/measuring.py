"""How large an expression of a template may become, from how large its parts are.

>>> from scanner.templates.known import NOTHING
>>> from scanner.templates.syntax import parse_template
>>> def amount(node): return measured(node, {}, NOTHING, amount)
>>> amount(parse_template("{{ '%s%s' | format('ab', 'c' * 5) }}").body[0].nodes[0]).length
11
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from scanner.templates.amounts import (
    NONE,
    UNKNOWN,
    Amount,
    filled,
    joined,
    largest,
    repeated,
    swapped,
    text_amount,
    together,
    widened,
)
from scanner.templates.folding import text_of
from scanner.templates.known import Known, is_call_of, name_of
from scanner.templates.numbers import number_of, range_length

if TYPE_CHECKING:
    from jinja2 import nodes

Measure: TypeAlias = "Callable[[nodes.Node | None], Amount]"


def measured(node: nodes.Node, names: Mapping[str, Amount], known: Known, amount: Measure) -> Amount:
    """What an expression comes to at most.

    Args:
        node: The expression.
        names: What each name holds; "" what a filter without operand is put to.
        known: Texts and numbers of the template.
        amount: Measures a part of the expression.
    """
    from jinja2 import nodes

    if (name := name_of(node)) and name in names:
        return names[name]
    if isinstance(node, nodes.BinExpr | nodes.Concat | nodes.CondExpr):
        return _combined(node, known, amount)
    if isinstance(node, nodes.Filter):
        base = names.get("", UNKNOWN) if node.node is None else amount(node.node)
        return _changed(node.name, node.node, base, node, known, amount)
    if isinstance(node, nodes.Call):
        return _called(node, names, known, amount)
    return _held(node, amount)


def _held(node: nodes.Node, amount: Measure) -> Amount:
    """What a literal holds, or something of which the template tells nothing."""
    from jinja2 import nodes

    if isinstance(node, nodes.TemplateData):
        return text_amount(len(node.data))
    if isinstance(node, nodes.Const):
        # An empty text counts as one letter: it is what is filled later, in a way not followed here.
        return text_amount(max(1, len(node.value)) if isinstance(node.value, str) else 1)
    if isinstance(node, nodes.List | nodes.Tuple):
        held = together([amount(item) for item in node.items])
        return Amount(held.length, len(node.items), held.is_said, held.changes)
    if isinstance(node, nodes.Dict):
        return together([amount(part) for item in node.items for part in (item.key, item.value)])
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        return largest([amount(node.node), UNKNOWN])
    return UNKNOWN if isinstance(node, nodes.Name) else text_amount(1)


def _combined(node: nodes.Node, known: Known, amount: Measure) -> Amount:
    """What an operator makes of its operands."""
    from jinja2 import nodes

    if isinstance(node, nodes.Add | nodes.Concat):
        return together([amount(each) for each in node.iter_child_nodes()])
    if isinstance(node, nodes.Mul):
        return _multiplied(node, known, amount)
    if isinstance(node, nodes.Mod):
        given = node.right.items if isinstance(node.right, nodes.Tuple) else [node.right]
        return _formatted(node.left, given, known, amount)
    if isinstance(node, nodes.CondExpr):
        return largest([amount(node.expr1), NONE if node.expr2 is None else amount(node.expr2)])
    if isinstance(node, nodes.And | nodes.Or):
        return largest([amount(node.left), amount(node.right)])
    return text_amount(1)


def _multiplied(node: nodes.Mul, known: Known, amount: Measure) -> Amount:
    """A text or list so often; of two numbers the digits."""
    left, right = amount(node.left), amount(node.right)
    ways = [repeated(left, number_of(node.right, known)), repeated(right, number_of(node.left, known))]
    return largest([*ways, together([left, right])])


def _called(node: nodes.Call, names: Mapping[str, Amount], known: Known, amount: Measure) -> Amount:
    from jinja2 import nodes

    if is_call_of(node, "caller"):
        return names.get("caller", UNKNOWN)
    if is_call_of(node, "range"):
        return text_amount(range_length(node, known))
    if isinstance(node.node, nodes.Getattr):
        owner = node.node
        if owner.attr == "join" and node.args:
            return joined(amount(node.args[0]), amount(owner.node))
        return _changed(owner.attr, owner.node, amount(owner.node), node, known, amount)
    return together([UNKNOWN, *(amount(each) for each in node.args), *(amount(x.value) for x in node.kwargs)])


def _changed(
    name: str,
    base: nodes.Node | None,
    held: Amount,
    node: nodes.Filter | nodes.Call,
    known: Known,
    amount: Measure,
) -> Amount:
    """What a filter or method of this name makes of what it is put to."""
    arguments = [*node.args, *(each.value for each in node.kwargs)]
    given = [amount(each) for each in arguments]
    if name == "join":
        return joined(held, given[0] if given else NONE)
    if name == "format":
        return _formatted(base, arguments, known, amount)
    if name == "replace" and len(given) > 1:
        text = text_of(node)
        made = swapped(held, text_of(arguments[0], known), given[1])
        return made if text is None else Amount(len(text), len(text), is_said=False, changes=made.changes)
    if name == "wordwrap":
        return joined(held, largest(given))
    numbers = [abs(number_of(each, known)) for each in arguments]
    return widened(name, largest([held, *given]), max(numbers, default=1))


def _formatted(
    pattern: nodes.Node | None,
    arguments: Sequence[nodes.Node],
    known: Known,
    amount: Measure,
) -> Amount:
    numbers = [number_of(each, known) for each in arguments]
    text = text_of(pattern, known)
    return filled(amount(pattern), text, [amount(each) for each in arguments], numbers)
