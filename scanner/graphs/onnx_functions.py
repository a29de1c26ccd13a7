"""Judges the functions that an ONNX model brings along by what they are named and whom they call.

>>> a, b = Function("d", "a"), Function("d", "b")
>>> circle({a: {b}, b: {a}}), circle({a: {b}, b: set()})
(Function(domain='d', name='a', overload=''), None)

Source: onnx 1.23.2, docs/IR.md, "Functions": no function may call itself, directly or through others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from typing import NamedTuple

from scanner.findings import Severity
from scanner.graphs.fault import GraphFault, malformed
from scanner.graphs.onnx_operators import is_standard
from scanner.graphs.paths import shown


class Function(NamedTuple):
    """What a function is called by."""

    domain: str
    name: str
    overload: str = ""


def function_faults(calls: Mapping[Function, Set[Function]]) -> Iterator[GraphFault]:
    """What is wrong with the functions of a model, each with those that it calls."""
    if found := circle(calls):
        yield malformed("calls itself, so that no reader comes to an end", f"function {shown(found.name)}")
    names = sorted({each.name for each in calls if is_standard(each.domain, each.name)})
    for name in names:
        message = "takes the place of the operator of this name that ONNX defines, in some runtimes only"
        yield GraphFault(
            "overrides-operator", f"function {shown(name)}", message, Severity.MEDIUM, ("CWE-436",)
        )


def circle(calls: Mapping[Function, Collection[Function]]) -> Function | None:
    """A function that calls itself, directly or through others; None when there is none."""
    done: set[Function] = set()
    for first in calls:
        way: dict[Function, Iterator[Function]] = {}
        at: Function | None = first
        while at is not None:
            if at in way:
                return at
            if at not in done:
                way[at] = iter(calls.get(at, ()))
            at = _next(way, done)
    return None


def _next(way: dict[Function, Iterator[Function]], done: set[Function]) -> Function | None:
    """The next function to go to; those that lead nowhere else are taken off the way."""
    while way:
        last, rest = next(reversed(way.items()))
        if (following := next(rest, None)) is not None:
            return following
        done.add(last)
        del way[last]
    return None
