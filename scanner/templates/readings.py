"""Every way in which the variables of a template are read: names may be filled anew to mislead.

>>> from scanner.templates.syntax import parse_template
>>> tree = parse_template("{% set a = '_' %}{% set a = a ~ 'x' %}{{ a }}{% set a = '' %}")
>>> [text_of(node, known) for node, known in list(readings(tree))[-1] if getattr(node, "ctx", "") == "load"]
['_x', '_x']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from scanner.templates.folding import text_of
from scanner.templates.known import Known, fillings
from scanner.templates.numbers import number_of
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

# Of text that is worked out at one place; a longer one is worked out where it is used.
_KEPT_CHARACTERS: Final = 4000


def readings(tree: nodes.Template) -> Iterator[Iterator[tuple[nodes.Node, Known]]]:
    """Every node with what is known there: by the first assignments, by the last, and by those before it."""
    every = Known.of(tree)
    for known in every:
        yield ((node, known) for node, _ in walk(tree))
    if len(every) > 1:
        yield _as_filled(tree)


def unsure(tree: nodes.Template) -> Iterator[tuple[nodes.Node, Known]]:
    """Every node with those names alone that are filled once: what others hold, the conversation decides."""
    filled = [pair for node, _ in walk(tree) for pair in fillings(node)]
    times = Counter(name for name, _ in filled)
    known = Known({name: held for name, held in filled if times[name] == 1})
    yield from ((node, known) for node, _ in walk(tree))


def _as_filled(tree: nodes.Template) -> Iterator[tuple[nodes.Node, Known]]:
    """Every node, and what an assignment makes of what was known before it, as one more."""
    known = Known()
    for node, _ in walk(tree):
        yield node, known
        made = [(name, _worked_out(held, known)) for name, held in fillings(node)]
        for _, held in made:
            yield held, known
        known.values.update(made)
        if made:
            known.texts.clear()
            known.numbers.clear()


def _worked_out(held: nodes.Node, known: Known) -> nodes.Node:
    """The text, number or list that an expression comes to, so that a name may be made of what it was."""
    from jinja2 import nodes

    if isinstance(held, nodes.List | nodes.Tuple):
        return nodes.List([_worked_out(item, known) for item in held.items], lineno=held.lineno)
    text = text_of(held, known)
    if text is not None and len(text) <= _KEPT_CHARACTERS:
        return nodes.Const(text, lineno=held.lineno)
    number = number_of(held, known) if text is None else 1
    return nodes.Const(number, lineno=held.lineno) if number != 1 else held
