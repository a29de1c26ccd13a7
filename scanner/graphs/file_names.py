"""Follows the file name of an operation of a TensorFlow graph back to where it comes from.

The names that an operation can get are texts; what is only known when the graph runs stands in them as one
character that no file name has.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final

from scanner.graphs import operations as table
from scanner.graphs.paths import leads_elsewhere
from scanner.graphs.tensorflow import Body, Operation, arguments, constant_strings, operations, strings
from scanner.graphs.wire import Wire

UNKNOWN: Final = "\ufffc"
_DEPTH: Final = 40
# Of what a file name can be those are kept that lead elsewhere, and of the others the first.
_MOST_NAMES: Final = 64
_MOST_JOINED: Final = 1024
_LONGEST: Final = 4096
# What is kept of a body: operations that can lead to a file name, and the text of their strings. A text
# model has some thousand of them.
_MOST_KEPT: Final = 200_000
_MOST_CHARACTERS: Final = 16 * 1024**2
_MOST_STEPS: Final = 10_000
TOO_LONG: Final = "a longer way than is followed"
_FED: Final = frozenset({"Placeholder", "PlaceholderV2", "_Arg"})
# Which input says which of the others is taken: true or false, and so no part of a name.
_CONDITION_AT: Final = {"Select": 0, "SelectV2": 0, "Switch": 1, "RefSwitch": 1}


@dataclass(frozen=True)
class _Step:
    kind: str
    inputs: tuple[str, ...]
    texts: tuple[str, ...]
    is_cut: bool = False


@dataclass(frozen=True)
class Origin:
    """Where a file name comes from.

    Attributes:
        texts: What it can be, with UNKNOWN for the parts that are not in the file.
        decoded_by: An operation that makes it from something else, or what else hides it; or "".
        is_fed: Whether some of it is given by whoever runs the graph or calls the function.
        is_lost: Whether some of it comes from an operation through which it is not followed.
    """

    texts: tuple[str, ...]
    decoded_by: str
    is_fed: bool
    is_lost: bool = False


class FileNames:
    """The strings of one body, and how they reach its operations."""

    def __init__(self, wire: Wire, body: Body, fed: Set[str]) -> None:
        """`fed` are constants that the loader replaces."""
        self._steps, self._is_cut = _steps(wire, body)
        self._fed = fed
        self._arguments = arguments(wire, body)
        self._decoded_by = ""
        self._is_fed = self._is_lost = self._is_short = False
        self._left = 0

    def origin(self, each: Operation, position: int) -> Origin:
        """Where the input at this position comes from."""
        data = [name for name in each.inputs if not name.startswith("^")]
        if not -len(data) <= position < len(data):
            return Origin((), "", is_fed=True)
        self._decoded_by, self._left = "", _MOST_STEPS
        self._is_fed = self._is_lost = self._is_short = False
        texts = self._texts(data[position], 0)
        return Origin(texts, self._decoded_by, self._is_fed, self._is_lost)

    def constants(self) -> Iterator[str]:
        """The text of every constant."""
        return (text for step in self._steps.values() if step.kind == "Const" for text in step.texts)

    def _texts(self, written: str, depth: int) -> tuple[str, ...]:
        self._left -= 1
        if depth > _DEPTH or self._left < 0:
            self._decoded_by = self._decoded_by or TOO_LONG
            return (UNKNOWN,)
        name = written.split(":")[0]
        step = self._steps.get(name)
        if step is None and self._is_cut:
            self._decoded_by = self._decoded_by or TOO_LONG
        if step is None or name in self._fed or step.kind in _FED:
            self._is_fed = True
            self._is_lost = self._is_lost or (step is None and name not in self._arguments)
            return (UNKNOWN,)
        if step.kind == "Const":
            self._is_short = self._is_short or step.is_cut
            return step.texts
        if table.decodes(step.kind):
            self._decoded_by = step.kind
            return (UNKNOWN,)
        if step.kind == "StringJoin":
            return self._joined(step, depth)
        inputs = step.inputs[:1] if table.joins(step.kind) else _choices(step)
        found = (self._texts(each, depth + 1) for each in inputs)
        return self._kept(itertools.chain.from_iterable(found))

    def _joined(self, step: _Step, depth: int) -> tuple[str, ...]:
        parts = [self._texts(each, depth + 1) or (UNKNOWN,) for each in step.inputs[:_MOST_NAMES]]
        is_followed = len(step.inputs) <= _MOST_NAMES and math.prod(map(len, parts)) <= _MOST_JOINED
        if self._decoded_by == TOO_LONG:
            return (UNKNOWN,)
        between = step.texts[-1] if step.texts else ""
        joined = (between.join(each) for each in itertools.islice(itertools.product(*parts), _MOST_JOINED))
        kept = self._kept(text[: _LONGEST + 1] for text in joined)
        if self._is_short or not is_followed or max(map(len, kept), default=0) > _LONGEST:
            self._decoded_by = self._decoded_by or TOO_LONG
        return kept

    def _kept(self, texts: Iterable[str]) -> tuple[str, ...]:
        kept, is_cut = _worst_first(texts)
        self._is_short = self._is_short or is_cut
        return kept


def _worst_first(texts: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Some different texts of many, those that lead elsewhere first, and whether there were more."""
    kept: dict[str, None] = {}
    away: dict[str, None] = {}
    is_cut = False
    for text in texts:
        if text in kept or text in away:
            continue
        if len(kept) < _MOST_NAMES:
            kept[text] = None
        elif len(away) < _MOST_NAMES and elsewhere(text):
            away[text] = None
        else:
            is_cut = True
    return (*away, *kept), is_cut


def elsewhere(text: str) -> str:
    """How a file name leads elsewhere whatever stands for what is not known of it; "" when it does not."""
    return leads_elsewhere(text.replace(UNKNOWN, "x"))


def _choices(step: _Step) -> tuple[str, ...]:
    """The inputs that may reach the output: all but the condition that picks among them."""
    at = _CONDITION_AT.get(step.kind)
    return step.inputs if at is None else (*step.inputs[:at], *step.inputs[at + 1 :])


def _steps(wire: Wire, body: Body) -> tuple[Mapping[str, _Step], bool]:
    """The operations of a body that can lead to a string, and whether there were too many to keep all."""
    kept: dict[str, _Step] = {}
    characters = 0
    for each in operations(wire, body):
        kind = each.kinds[-1] if each.kinds else ""
        inputs = tuple(name for name in each.inputs if not name.startswith("^"))
        if kind == "Const":
            texts, is_cut = _worst_first(constant_strings(wire, each))
            if texts:
                kept[each.name] = _Step(kind, (), texts, is_cut)
                characters += sum(map(len, texts))
        elif kind == "StringJoin":
            kept[each.name] = _Step(kind, inputs, tuple(strings(wire, each, "separator"))[-1:])
        elif table.hands_on(kind) or table.joins(kind) or table.decodes(kind) or kind in _FED:
            kept[each.name] = _Step(kind, inputs, ())
        if len(kept) >= _MOST_KEPT or characters >= _MOST_CHARACTERS:
            return kept, True
    return kept, False
