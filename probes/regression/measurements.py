"""Measurement by measurement: paired tests where the transcripts allow it, else tests of the two values.

One family of tests: Holm's adjustment runs over all of them, so a figure is tested once and as a whole. Its
parts (single states, topics, probes) and figures made of the same replies are told and not tested.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

from probes.regression import exact
from probes.regression.pairing import PairedCell
from scanner.findings import Interval, Measurement
from scanner.measured_change import ChangeTest, MeasuredChange
from scanner.measures import MeasureSpec, Worse
from scanner.scan import Scan

_PAIRED: Final = "exact McNemar test over the same questions; Newcombe's paired score interval"
_UNPAIRED: Final = "Fisher's exact test of two shares; Newcombe's score interval"
_VALUES: Final = "difference of two estimates from their own intervals (MOVER), normal test"
_WAYS: Final = ((True, True), (True, False), (False, True), (False, False))
_WAITING: Final = "not tested yet"
_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class _Tested:
    """A change whose p-value waits for the others."""

    change: MeasuredChange
    test: ChangeTest
    limit: Callable[[float], float | None]


def measured_changes(
    base: Scan,
    candidate: Scan,
    cells: Sequence[PairedCell],
    specs: Mapping[str, MeasureSpec],
    *,
    alpha: float,
) -> tuple[MeasuredChange, ...]:
    """Every figure of either scan, tested where that makes sense; those tested first.

    Args:
        base: The earlier scan.
        candidate: The later scan.
        cells: The questions that both were asked.
        specs: What the checks declare of their measurements, by name.
        alpha: The chance of any false alarm among all tests; intervals have the level 1 - alpha.
    """
    tested = [_paired(cell, alpha) for cell in cells]
    told: list[MeasuredChange] = []
    before, after = _by_key(base), _by_key(candidate)
    why_not = _Reasons.of(cells, (*before, *after))
    for key in dict.fromkeys([*before, *after]):
        if key in why_not.paired:
            continue
        old, new = before.get(key), after.get(key)
        change = _described(key, old, new, specs)
        missing = "" if old and new else change.untested
        reason = why_not.of_values(change, key) or missing
        found = _by_values(change, old, new, alpha) if old and new and not reason else None
        if found is not None:
            tested.append(found)
        else:
            told.append(replace(change, untested=reason or "its interval tells nothing about chance"))
    return (*_adjusted(tested, alpha), *told)


def _adjusted(tested: Sequence[_Tested], alpha: float) -> Iterator[MeasuredChange]:
    p_values = exact.holm({str(number): each.test.p_value for number, each in enumerate(tested)})
    for number, each in enumerate(tested):
        limit = each.limit(alpha / len(tested))
        test = replace(each.test, adjusted_p=p_values[str(number)], detectable=limit)
        yield replace(each.change, test=test, untested="")


def _paired(cell: PairedCell, alpha: float) -> _Tested:
    """Repeats of an item count as one: its flips go one way, the other, or cancel out."""
    steps: dict[str, int] = {}
    for _, was, new, now in cell.pairs:
        item = cell.behaviour.item(new)
        steps[item] = steps.get(item, 0) + now - was
    up, down = (sum(step * sign > 0 for step in steps.values()) for sign in (1, -1))
    flags = [(now, was) for _, was, _, now in cell.pairs]
    n, shrink = len(flags), len(steps) / len(flags)
    both, more, less, neither = (flags.count(kind) * shrink for kind in _WAYS)
    p_value, interval = exact.mcnemar(up, down), exact.newcombe_paired(both, more, less, neither, 1 - alpha)
    behaviour = cell.behaviour
    change = MeasuredChange(
        behaviour.measure, behaviour.check_id, cell.dimensions, "share", behaviour.worse,
        sum(was for _, was in flags) / n, sum(now for now, _ in flags) / n, n,
        untested=_WAITING, stands_for=behaviour.stands_for,
    )  # fmt: skip
    test = ChangeTest(interval, p_value, p_value, None, _PAIRED, is_paired=True, up=up, down=down)
    return _Tested(change, test, lambda level: exact.detectable_paired(len(steps), level))


@dataclass(frozen=True)
class _Reasons:
    """Why a figure is not tested by its values.

    Attributes:
        paired: The figures that are tested question by question.
        shapes: By name, the dimensions that these have, or the fewest that any figure of the name has.
        covered: By name, the figure whose test speaks for it.
    """

    paired: Collection[_Key]
    shapes: Mapping[str, Collection[str]]
    covered: Mapping[str, str]

    @classmethod
    def of(cls, cells: Sequence[PairedCell], keys: Sequence[_Key]) -> _Reasons:
        shapes: dict[str, tuple[str, ...]] = {}
        for name, dimensions in keys:
            shape = tuple(key for key, _ in dimensions)
            if name not in shapes or len(shape) < len(shapes[name]):
                shapes[name] = shape
        shapes |= {cell.behaviour.measure: tuple(sorted(cell.dimensions)) for cell in cells}
        return cls(
            {_key(cell.behaviour.measure, cell.dimensions) for cell in cells},
            shapes,
            {name: cell.behaviour.measure for cell in cells for name in cell.behaviour.stands_for},
        )

    def of_values(self, change: MeasuredChange, key: _Key) -> str:
        """The reason, "" where nothing speaks against a test."""
        if change.worse is Worse.NEITHER:
            return "no direction of it is worse"
        if change.name in self.covered:
            return f"made of the replies that {self.covered[change.name]} is tested on, question by question"
        if tuple(name for name, _ in key[1]) != self.shapes[change.name]:
            return "a part of a figure that is tested as a whole"
        return ""


def _described(
    key: _Key, old: Measurement | None, new: Measurement | None, specs: Mapping[str, MeasureSpec]
) -> MeasuredChange:
    one = new or old
    assert one is not None  # each key comes from one of the scans
    spec = specs.get(key[0])
    missing = "" if old and new else f"not measured in the {'base' if new else 'candidate'}"
    return MeasuredChange(
        one.name, one.check_id, one.dimensions, one.unit, spec.worse if spec else Worse.NEITHER,
        old.value if old else None, new.value if new else None,
        min(each.n for each in (old, new) if each), untested=missing or _WAITING,
    )  # fmt: skip


def _by_values(change: MeasuredChange, old: Measurement, new: Measurement, alpha: float) -> _Tested | None:
    if old.interval.level is None or new.interval.level is None or old.unit != new.unit:
        return None
    if old.unit == "share":
        hits, others = round(new.value * new.n), round(old.value * old.n)
        p_value = exact.fisher(hits, new.n, others, old.n)
        test = ChangeTest(
            exact.newcombe(hits, new.n, others, old.n, 1 - alpha),
            p_value, p_value, None, _UNPAIRED, is_paired=False,
        )  # fmt: skip
        return _Tested(change, test, lambda level: exact.detectable_unpaired(old.value, new.n, old.n, level))
    error = math.hypot(_standard_error(old.interval), _standard_error(new.interval))
    if error == 0:
        return None
    normal = NormalDist()
    p_value = 2 * (1 - normal.cdf(abs(new.value - old.value) / error))
    test = ChangeTest(_mover(old, new), p_value, p_value, None, _VALUES, is_paired=False)
    reach = normal.inv_cdf(exact.POWER)
    return _Tested(change, test, lambda level: (normal.inv_cdf(1 - level / 2) + reach) * error)


def _standard_error(interval: Interval) -> float:
    assert interval.level is not None
    return (interval.high - interval.low) / (2 * NormalDist().inv_cdf((1 + interval.level) / 2))


def _mover(old: Measurement, new: Measurement) -> Interval:
    """The interval of new minus old from the intervals of both.

    Source: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008) 1693-1702, doi:10.1002/sim.3095.
    """
    difference = new.value - old.value
    down = math.hypot(max(new.value - new.interval.low, 0.0), max(old.interval.high - old.value, 0.0))
    up = math.hypot(max(new.interval.high - new.value, 0.0), max(old.value - old.interval.low, 0.0))
    return Interval(difference - down, difference + up, new.interval.level)


def _by_key(scan: Scan) -> dict[_Key, Measurement]:
    return {_key(one.name, one.dimensions): one for one in scan.measurements}


def _key(name: str, dimensions: Mapping[str, str]) -> _Key:
    # A state's or topic's name in words is no place of its own.
    return name, tuple(sorted((key, value) for key, value in dimensions.items() if key != "name"))
