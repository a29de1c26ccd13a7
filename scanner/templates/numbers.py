"""Numbers that expressions of literals make, and how long a text or list becomes.

>>> from scanner.templates.syntax import parse_template
>>> number_of(parse_template("{{ 10 ** 9 }}").body[0].nodes[0])
1000000000
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scanner.templates.known import NOTHING, Known, is_call_of, name_of

if TYPE_CHECKING:
    from jinja2 import nodes

_NUMBER_LIMIT: Final = 10**18
_DEPTH: Final = 60
# Of a text or list that a template makes; longer ones are enormous.
LENGTH_LIMIT: Final = 1_000_000
# A text or list of which nothing is known: a message of the conversation.
_USUAL_LENGTH: Final = 200


def number_of(node: nodes.Node | None, known: Known = NOTHING, depth: int = 0) -> int:
    """The number that an expression of literals makes, bounded; what is not literal counts as 1."""
    from jinja2 import nodes

    if node is None or depth > _DEPTH:
        return 1
    if isinstance(node, nodes.Const):
        return _bounded(node.value) if isinstance(node.value, int | float) else _written_number(node.value)
    if (name := name_of(node)) and name in known.values:
        if name not in known.numbers:
            known.numbers[name] = 1  # for a name that stands for itself
            known.numbers[name] = number_of(known.values[name], known, depth + 1)
        return known.numbers[name]
    if isinstance(node, nodes.UnaryExpr):
        value = number_of(node.node, known, depth + 1)
        return -value if isinstance(node, nodes.Neg) else value
    if isinstance(node, nodes.BinExpr):
        return _computed(node, known, depth)
    if isinstance(node, nodes.Filter) and node.name in ("int", "abs", "round", "float"):
        return number_of(node.node, known, depth + 1)
    return 1


def length_of(node: nodes.Node | None, known: Known = NOTHING, depth: int = 0) -> int:
    """About how long the text or list that an expression makes becomes; bounded."""
    from jinja2 import nodes

    if node is None or depth > _DEPTH:
        return _USUAL_LENGTH
    if isinstance(node, nodes.Const):
        return len(node.value) if isinstance(node.value, str) else 1
    if isinstance(node, nodes.List | nodes.Tuple):
        return len(node.items)
    if isinstance(node, nodes.Add | nodes.Concat):
        return _bounded(sum(length_of(each, known, depth + 1) for each in node.iter_child_nodes()))
    if isinstance(node, nodes.Mul):
        ways = ((node.left, node.right), (node.right, node.left))
        return max(
            _bounded(length_of(one, known, depth + 1) * number_of(other, known)) for one, other in ways
        )
    if is_call_of(node, "range"):
        return range_length(node, known)
    if isinstance(node, nodes.Filter | nodes.Test | nodes.Getitem | nodes.Call) and node.node is not None:
        return length_of(node.node, known, depth + 1)
    return _USUAL_LENGTH


def range_length(node: nodes.Call, known: Known = NOTHING) -> int:
    """How many numbers a call of `range` makes."""
    bounds = [number_of(argument, known) for argument in node.args]
    if not bounds:
        return 0
    start, stop = (0, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
    return abs(stop - start) // max(1, abs(bounds[2]) if len(bounds) > 2 else 1)


def _computed(node: nodes.BinExpr, known: Known, depth: int) -> int:
    from jinja2 import nodes

    left, right = number_of(node.left, known, depth + 1), number_of(node.right, known, depth + 1)
    if isinstance(node, nodes.Mul):
        return _bounded(left * right)
    if isinstance(node, nodes.Add):
        return _bounded(left + right)
    if isinstance(node, nodes.Sub):
        return _bounded(left - right)
    if isinstance(node, nodes.Pow):
        # An unknown base is taken for ten: nobody raises the number of messages to a power honestly.
        base = abs(left) if left not in (1, -1) or isinstance(node.left, nodes.Const) else 10
        return _bounded(min(base, _NUMBER_LIMIT) ** min(abs(right), 64))
    if isinstance(node, nodes.FloorDiv | nodes.Div):
        return left // right if right else 1
    return 1


def _written_number(value: object) -> int:
    """'1000000000' | int."""
    is_number = isinstance(value, str) and value.strip().isdigit() and len(value) < 20
    return _bounded(int(value)) if is_number and isinstance(value, str) else 1


def _bounded(value: float) -> int:
    if value != value or value in (float("inf"), float("-inf")):
        return _NUMBER_LIMIT
    return int(max(-_NUMBER_LIMIT, min(_NUMBER_LIMIT, value)))
