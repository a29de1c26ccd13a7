"""Text that a template lets grow until it fills the memory, by whatever it does: worked out, never written.

Every statement is gone through in its order with the largest length that each name may hold. A loop is gone
through a few times: what doubles in each turn goes on to double.

>>> from scanner.templates.syntax import parse_template
>>> tree = parse_template("{% set a = 'x' * 9999 %}{{ a | join(a) }}")
>>> overgrown(tree, Known.of(tree)[0]).message
'it makes a text of enormous size'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from scanner.findings import Severity
from scanner.templates.amounts import NONE, UNKNOWN, Amount, largest, repeated, text_amount, together
from scanner.templates.danger import Danger
from scanner.templates.known import Known, is_call_of, name_of
from scanner.templates.measuring import measured
from scanner.templates.numbers import LENGTH_LIMIT
from scanner.templates.syntax import walk

if TYPE_CHECKING:
    from jinja2 import nodes

# Nodes looked at: a long honest template needs a tenth of it.
_STEPS_LIMIT: Final = 200_000
# Calls of Python inside each other; what lies deeper counts as unknown.
_DEPTH: Final = 120
# Turns of a loop that are gone through, as many again where something seems to double, and how often a loop
# over the conversation turns.
_TURNS: Final = 3
_MANY_TURNS: Final = 60
_NESTED_LOOPS: Final = 4
# What a macro that calls itself is handed to see whether it doubles.
_PROBE: Final = Amount(10_000, 10_000, is_said=True)


class _OvergrownError(Exception):
    """Something grew beyond the limit at `line`."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _LaboriousError(Exception):
    """There is more to go through than the limit allows."""


def overgrown(tree: nodes.Template, known: Known) -> Danger | None:
    """The first place where a text of enormous size comes about, None where none does."""
    try:
        _Course(known).written(tree.body)
    except _OvergrownError as error:
        return Danger("TPL-LOOP", "it makes a text of enormous size", error.line, Severity.HIGH)
    except _LaboriousError:
        message = "it does too much to work out how long its texts become"
        return Danger("TPL-SIZE", message, 1, Severity.HIGH)
    return None


class _Course:
    """One way through a template, with what each name holds at the time."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.names: dict[str, Amount] = {}
        self.macros: dict[str, nodes.Macro] = {}
        self.running: dict[str, str] = {}  # the parameter that is watched, by macro
        self.probed: set[str] = set()
        self.called: dict[tuple[str, tuple[Amount, ...], int], Amount] = {}
        self.changes = 0
        self.steps = self.depth = self.loops = 0

    def written(self, body: Iterable[nodes.Node]) -> Amount:
        """What some statements write, one after the other."""
        total = NONE
        for node in body:
            total = together([total, self._statement(node)])
        return total

    def amount(self, node: nodes.Node | None) -> Amount:
        """What an expression comes to."""
        self._count()
        if node is None or self.depth > _DEPTH:
            return UNKNOWN
        self.depth += 1
        try:
            found = self._called(node) or measured(node, self.names, self.known, self.amount)
        finally:
            self.depth -= 1
        return self._checked(found, node)

    def _checked(self, amount: Amount, node: nodes.Node) -> Amount:
        if amount.length > LENGTH_LIMIT:
            raise _OvergrownError(node.lineno)
        return amount

    def _count(self) -> None:
        self.steps += 1
        if self.steps > _STEPS_LIMIT:
            raise _LaboriousError

    def _statement(self, node: nodes.Node) -> Amount:
        from jinja2 import nodes

        self._count()
        if isinstance(node, nodes.Output):
            return together([self.amount(each) for each in node.nodes])
        if isinstance(node, nodes.If):
            return self._branches(node)
        if isinstance(node, nodes.For):
            return self._loop(node)
        if isinstance(node, nodes.FilterBlock):
            return self._filtered(node.filter, node.body)
        if isinstance(node, nodes.CallBlock | nodes.With | nodes.Scope | nodes.Block):
            return self._scope(node)
        self._set(node)
        return NONE

    def _scope(self, node: nodes.CallBlock | nodes.With | nodes.Scope | nodes.Block) -> Amount:
        from jinja2 import nodes

        if isinstance(node, nodes.CallBlock):
            return self._inside({"caller": self.written(node.body)}, [nodes.Output([node.call])])
        given: dict[str, Amount] = {}
        if isinstance(node, nodes.With):
            pairs = zip(node.targets, node.values, strict=False)
            given = {name_of(name): self.amount(value) for name, value in pairs}
        return self._inside(given, node.body)

    def _set(self, node: nodes.Node) -> None:
        """A statement that writes nothing itself."""
        from jinja2 import nodes

        if isinstance(node, nodes.Assign):
            self._fill(node.target, node.node)
        elif isinstance(node, nodes.AssignBlock):
            self._hold(name_of(node.target), self._filtered(node.filter, node.body))
        elif isinstance(node, nodes.Macro):
            self.macros[node.name] = node
        elif isinstance(node, nodes.ExprStmt):
            self.amount(node.node)

    def _fill(self, target: nodes.Node, value: nodes.Node) -> None:
        from jinja2 import nodes

        if isinstance(target, nodes.Tuple) and isinstance(value, nodes.Tuple | nodes.List):
            held = [self.amount(each) for each in value.items]
            for name, amount in zip(target.items, held, strict=False):
                self._hold(name_of(name), amount)
            return
        amount = self.amount(value)
        for each in target.items if isinstance(target, nodes.Tuple) else [target]:
            self._hold(name_of(each), amount)
        if is_call_of(value, "namespace"):
            for given in value.kwargs:
                self._hold(f"{name_of(target)}.{given.key}", self.amount(given.value))

    def _hold(self, name: str, amount: Amount) -> None:
        if "." in name and self.names.get(name) != amount:
            self.changes += 1  # macros read it
        self.names[name] = amount

    def _filtered(self, chain: nodes.Filter | None, body: list[nodes.Node]) -> Amount:
        """What a block writes, through its filters."""
        if chain is None:
            return self.written(body)  # what it holds is measured where it is used
        outer, self.names[""] = self.names.get("", NONE), self.written(body)
        found = self.amount(chain)
        self.names[""] = outer
        return found

    def _branches(self, node: nodes.If) -> Amount:
        before = self.names
        amounts: list[Amount] = []
        ends: list[dict[str, Amount]] = []
        for body in (node.body, *(each.body for each in node.elif_), node.else_):
            self.names = dict(before)
            amounts.append(self.written(body))
            ends.append(self.names)
        names = {name for end in ends for name in end}
        self.names = {name: largest([end[name] for end in ends if name in end]) for name in names}
        return largest(amounts)

    def _inside(self, given: Mapping[str, Amount], body: Iterable[nodes.Node]) -> Amount:
        """What a scope of its own writes: of what it sets, attributes of namespaces alone outlive it."""
        outer = self.names
        self.names = {**outer, **given}
        found = self.written(body)
        kept = {name: amount for name, amount in self.names.items() if "." in name}
        self.names = {**outer, **kept}
        return found

    def _loop(self, node: nodes.For) -> Amount:
        from jinja2 import nodes

        over = self.amount(node.iter)
        # A part of a text is a letter; what the conversation holds has parts of any kind.
        item = UNKNOWN if over.is_said else text_amount(over.length // max(1, over.items))
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        given = {name_of(target): item for target in targets}
        # A length that nobody could work out counts as one.
        fixed = 0 if over.is_said or over.items == 1 else over.items
        turns = fixed or _MANY_TURNS
        self.loops += 1
        sizes = [self._sizes()]
        amount = NONE
        while len(sizes) <= self._wanted(sizes, turns):
            amount = self._inside(given, node.body)
            sizes.append(self._sizes())
        self.loops -= 1
        self._go_on(node, sizes, turns, is_fixed=fixed > 0)
        return self._checked(repeated(amount, fixed or 1), node)

    def _sizes(self) -> dict[str, int]:
        return {name: amount.length for name, amount in self.names.items() if "." in name}

    def _wanted(self, sizes: list[dict[str, int]], turns: int) -> int:
        """How many turns to go through, after those whose sizes are known."""
        wanted = _TURNS if self.loops <= _NESTED_LOOPS else 1
        if len(sizes) > _TURNS and any(_doubles(sizes, name) for name in sizes[-1]):
            wanted = 2 * _TURNS
        return min(wanted, turns)

    def _go_on(self, node: nodes.For, sizes: list[dict[str, int]], turns: int, *, is_fixed: bool) -> None:
        """Puts on what the turns add that were not gone through."""
        rest = turns - len(sizes) + 1
        for name in sizes[-1] if rest > 0 and len(sizes) > _TURNS else ():
            last, before = sizes[-1][name], sizes[-2].get(name, 0)
            if _doubles(sizes, name):
                last *= 2 ** min(rest, _MANY_TURNS)
            elif is_fixed:  # what a loop over the conversation adds, the conversation bounds
                last += max(0, last - before) * rest
            if last > LENGTH_LIMIT:
                raise _OvergrownError(node.lineno)

    def _called(self, node: nodes.Node) -> Amount | None:
        """What a macro of the template writes when it is called; None for any other expression."""
        from jinja2 import nodes

        name = name_of(node.node) if isinstance(node, nodes.Call) else ""
        macro = self.macros.get(name)
        if macro is None or not isinstance(node, nodes.Call):
            return None
        given = [self.amount(each) for each in node.args]
        by_name = {each.key: self.amount(each.value) for each in node.kwargs}
        held = {parameter.name: NONE for parameter in macro.args}
        defaults = zip(macro.args[len(macro.args) - len(macro.defaults) :], macro.defaults, strict=False)
        held |= {parameter.name: self.amount(default) for parameter, default in defaults}
        held |= {parameter.name: amount for parameter, amount in zip(macro.args, given, strict=False)}
        held |= {key: amount for key, amount in by_name.items() if key in held}
        if name in self.running:
            probed = self.running[name]
            if probed in held and held[probed].length >= 2 * _PROBE.length:
                raise _OvergrownError(node.lineno)
            return UNKNOWN  # whether it ends is judged by itself
        return self._run(macro, {**held, "caller": self.names.get("caller", UNKNOWN)})

    def _run(self, macro: nodes.Macro, held: dict[str, Amount]) -> Amount:
        """What a macro writes; of one that calls itself also whether it hands on twice what it was handed."""
        key = (macro.name, tuple(held.values()), self.changes)
        if key not in self.called:
            if macro.name not in self.probed:
                self.probed.add(macro.name)
                self._probe(macro, held)
            self.running[macro.name] = ""
            self.called[key] = self._inside(held, macro.body)
            del self.running[macro.name]
        return self.called[key]

    def _probe(self, macro: nodes.Macro, held: Mapping[str, Amount]) -> None:
        before = self.names
        calls_itself = any(is_call_of(part, macro.name) for part, _ in walk(macro))
        for parameter in macro.args if calls_itself else ():
            self.running[macro.name] = parameter.name
            self._inside({**held, parameter.name: _PROBE}, macro.body)
            self.names = before


def _doubles(sizes: list[dict[str, int]], name: str) -> bool:
    """Whether each turn adds twice what the one before it added, as far as turns were gone through."""
    held = [each.get(name, 0) for each in sizes[1:]]
    added = [later - earlier for earlier, later in zip(held, held[1:], strict=False)]
    return len(added) > 1 and added[0] > 0 and all(b >= 2 * a for a, b in zip(added, added[1:], strict=False))
