"""What makes a chat template never end, or fill the memory: sizes that the template itself fixes.

>>> from scanner.templates.syntax import parse_template
>>> next(endless(parse_template("{% for i in range(10 ** 9) %}x{% endfor %}"))).message
'it loops 1000000000 times'
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scanner.findings import Severity
from scanner.templates.content import names_in
from scanner.templates.danger import Danger
from scanner.templates.expressions import written
from scanner.templates.growth import overgrown
from scanner.templates.known import NOTHING, Known, is_call_of, name_of
from scanner.templates.numbers import LENGTH_LIMIT, length_of, number_of, range_length
from scanner.templates.readings import readings
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

# Elements of a literal range, and how often nested loops may turn in total.
_RANGE_LIMIT: Final = 100_000
_TURNS_LIMIT: Final = 1_000_000
_POWER_LIMIT: Final = 10**12
# Loops inside each other over the same list: three make a million turns of a hundred messages.
_SAME_LIST_LIMIT: Final = 3


def endless(tree: nodes.Template) -> Iterator[Danger]:
    """Every loop, range, repetition and recursion of absurd size, and every text that grows so."""
    found = [danger for known in Known.of(tree) for danger in _turns(tree, known)]
    for reading in readings(tree):
        found.extend(danger for node, known in reading for danger in _sizes(node, known))
    found.extend(_recursion(tree))
    if not found:  # a text of enormous size is then said to be so already
        found.extend(filter(None, (overgrown(tree, known) for known in Known.of(tree))))
    yield from found


def _loop(message: str, node: nodes.Node) -> Danger:
    return Danger("TPL-LOOP", message, node.lineno, Severity.HIGH)


def _turns(tree: nodes.Template, known: Known) -> Iterator[Danger]:
    """Loops, by the product of the turns of those around them."""
    from jinja2 import nodes

    waiting: list[tuple[nodes.Node, int, tuple[str, ...]]] = [(tree, 1, ())]
    while waiting:
        node, turns, over = waiting.pop()
        if isinstance(node, nodes.For):
            turns *= max(1, _fixed_length(node.iter, known))
            over = (*over, written(node.iter))
            if turns > _TURNS_LIMIT:
                yield _loop(f"it loops {_count(turns)} times", node)
                continue
            if over.count(over[-1]) >= _SAME_LIST_LIMIT:
                yield _loop(f"{over.count(over[-1])} loops inside each other go over {over[-1][:60]}", node)
                continue
        waiting.extend((child, turns, over) for child in node.iter_child_nodes())


def _fixed_length(node: nodes.Node, known: Known) -> int:
    """Turns of a loop over `node` when the template fixes them, else 1."""
    from jinja2 import nodes

    if (name := name_of(node)) and name in known.values:
        held = known.values[name]
        return _fixed_length(held, NOTHING) if not isinstance(held, nodes.Name) else 1
    if isinstance(node, nodes.List | nodes.Tuple):
        return len(node.items)
    if is_call_of(node, "range"):
        return range_length(node, known)
    if isinstance(node, nodes.Mul | nodes.Add | nodes.Const):
        return length_of(node, known)
    if isinstance(node, nodes.Filter | nodes.Test | nodes.Call | nodes.Getitem) and node.node is not None:
        return _fixed_length(node.node, known)
    return 1


def _sizes(node: nodes.Node, known: Known) -> Iterator[Danger]:
    from jinja2 import nodes

    if is_call_of(node, "range"):
        if range_length(node, known) > _RANGE_LIMIT:
            yield _loop(f"it makes a range of {_count(range_length(node, known))} numbers", node)
        elif any(_is_said(argument) for argument in node.args):
            yield _loop("it makes a range as long as a number in a message says", node)
    elif isinstance(node, nodes.Call | nodes.Filter):
        given = [*(node.args or ()), *(each.value for each in node.kwargs or ())]
        if any(abs(number_of(argument, known)) > _RANGE_LIMIT for argument in given):
            yield _loop("it asks for a width or number of enormous size", node)
        elif _is_blown_up(node, known):
            yield _loop("it replaces each sign of a long text by a long text", node)
    elif isinstance(node, nodes.Mul) and (
        length_of(node, known) > LENGTH_LIMIT or abs(number_of(node, known)) > _POWER_LIMIT
    ):
        yield _loop("it makes a text or number of enormous size", node)
    elif isinstance(node, nodes.Pow) and abs(number_of(node, known)) > _POWER_LIMIT:
        yield _loop("it makes a number of enormous size", node)


def _is_blown_up(node: nodes.Call | nodes.Filter, known: Known) -> bool:
    """Whether `'a...' | replace('a', 'b...')` makes an enormous text of two long ones."""
    from jinja2 import nodes

    if (
        not isinstance(node, nodes.Filter)
        or node.name != "replace"
        or node.node is None
        or len(node.args) < 2
    ):
        return False
    return length_of(node.node, known) * length_of(node.args[1], known) > LENGTH_LIMIT


def _is_said(node: nodes.Node) -> bool:
    """Whether a number is read from a message: `message.content | int`."""
    from jinja2 import nodes

    return any(
        isinstance(part, nodes.Filter)
        and part.name == "int"
        and any(
            (isinstance(inner, nodes.Getattr) and inner.attr == "content")
            or (isinstance(inner, nodes.Const) and inner.value == "content")
            for inner, _ in walk(part)
        )
        for part, _ in walk(node)
    )


def _recursion(tree: nodes.Template) -> Iterator[Danger]:
    """Macros that call themselves whatever happens or twice at once, and loops that start over."""
    from jinja2 import nodes

    for node, _ in walk(tree):
        if isinstance(node, nodes.Macro):
            own = list(_self_calls(node))
            if any(not is_guarded for _, is_guarded, _ in own):
                yield _loop(f"the macro {node.name[:60]} calls itself without end", node)
            elif sum(not is_looped for _, _, is_looped in own) > 1 and _counts_down(node, own):
                yield _loop(f"the macro {node.name[:60]} calls itself twice at every step", node)
        elif isinstance(node, nodes.For) and node.recursive:
            target = names_in(node.target)
            for call, _ in walk(node):
                if is_call_of(call, "loop") and not any(names_in(each) & target for each in call.args):
                    yield _loop("a recursive loop starts over on the same list", call)


def _self_calls(macro: nodes.Macro) -> Iterator[tuple[nodes.Call, bool, bool]]:
    """(call, whether a condition or loop stands before it, whether a loop does)."""
    from jinja2 import nodes

    waiting: list[tuple[nodes.Node, bool, bool]] = [(child, False, False) for child in macro.body]
    while waiting:
        node, is_guarded, is_looped = waiting.pop()
        if is_call_of(node, macro.name):
            yield node, is_guarded, is_looped
        guards = isinstance(node, nodes.If | nodes.For | nodes.CondExpr | nodes.And | nodes.Or)
        loops = isinstance(node, nodes.For)
        waiting.extend((child, is_guarded or guards, is_looped or loops) for child in node.iter_child_nodes())


def _counts_down(macro: nodes.Macro, own: list[tuple[nodes.Call, bool, bool]]) -> bool:
    """Whether what it hands on is a number it counts, not a part of a schema."""
    from jinja2 import nodes

    counted = [any(isinstance(arg, nodes.Sub | nodes.Add) for arg in call.args) for call, _, _ in own]
    return bool(macro.args) and all(counted)


def _count(number: int) -> str:
    return str(number) if number < _POWER_LIMIT else "more than 10^12"
