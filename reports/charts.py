"""Interval plots: where each measured number lies and where it may lie, as coordinates for SVG.

Python computes the coordinates, the template draws them; every number drawn is also in the table.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reports.numbers import figure, is_difference
from reports.wording import plain
from scanner.findings import Measurement

WIDTH: Final = 740
MOST_ROWS: Final = 24
LONGEST_LABEL: Final = 44
_PLOT_LEFT: Final = 220.0
# Where labels are long the plot gives way to them; a character takes about 6.3 units.
_PLOT_LEFT_LONG: Final = 300.0
_LABEL_THAT_FITS: Final = 32
_PLOT_RIGHT: Final = 508.0
_TOP: Final = 10.0
_ROW_HEIGHT: Final = 24.0
_SEPARATOR: Final = " · "
_AXIS_HEIGHT: Final = 34.0
# Ends an axis may have: the smallest that holds every interval. 1 is where a share ends.
_ENDS: Final = (0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Tick:
    """A mark of the axis: where, and what is written below it."""

    x: float
    text: str


@dataclass(frozen=True)
class Row:
    """One measured number.

    Attributes:
        label: What it was measured for, shortened to fit.
        full_label: The same in full.
        y: Middle of the row.
        low: Left end of the interval.
        high: Right end.
        x: The estimate.
        text: The numbers: "0.125 [0.055, 0.261] n=40".
    """

    label: str
    full_label: str
    y: float
    low: float
    high: float
    x: float
    text: str


@dataclass(frozen=True)
class Chart:
    """An interval plot.

    Attributes:
        title: What is measured, for people.
        axis: What the axis says, with the unit.
        summary: The plot in one sentence, for those who cannot see it.
        note: What is left out, or "".
        width: Of the drawing, in its own units.
        height: Of the drawing.
        left: Where the axis begins.
        right: Where it ends.
        base: Where the axis lies.
        zero: Where zero lies.
        ticks: Marks of the axis.
        rows: The numbers, top to bottom.
    """

    title: str
    axis: str
    summary: str
    note: str
    width: int
    height: float
    left: float
    right: float
    base: float
    zero: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]


def interval_charts(title: str, axis: str, measurements: Sequence[Measurement]) -> Iterator[Chart]:
    """A plot for each kind of thing (all languages, all topics) that one name was measured for."""
    kinds: dict[tuple[str, ...], list[Measurement]] = {}
    for measurement in measurements:
        kinds.setdefault(tuple(measurement.dimensions), []).append(measurement)
    # What is measured over more things comes first: modules before probes, languages before states.
    for members in sorted(kinds.values(), key=lambda members: len(members[0].dimensions)):
        yield _interval_chart(title, axis, members)


def _interval_chart(title: str, axis: str, measurements: Sequence[Measurement]) -> Chart:
    shown = _reaching_highest(measurements)
    constant = _constant(measurements)
    title = _title(title, measurements[0].dimensions, constant)
    labels = [row_label(measurement.dimensions, constant) for measurement in shown]
    is_long = max(map(len, labels)) > _LABEL_THAT_FITS
    scale = _Scale.holding(shown, _PLOT_LEFT_LONG if is_long else _PLOT_LEFT)
    base = _TOP + _ROW_HEIGHT * len(shown)
    return Chart(
        title=title,
        axis=axis,
        summary=_summary(title, shown),
        note=_note(len(shown), len(measurements)),
        width=WIDTH,
        height=base + _AXIS_HEIGHT,
        left=scale.left,
        right=_PLOT_RIGHT,
        base=base,
        zero=scale.place(0.0),
        ticks=tuple(Tick(scale.place(at), _tick_text(at, scale.low < 0)) for at in scale.ticks()),
        rows=tuple(
            _row(measurement, label, index, scale)
            for index, (measurement, label) in enumerate(zip(shown, labels, strict=True))
        ),
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    left: float

    @classmethod
    def holding(cls, measurements: Sequence[Measurement], left: float) -> _Scale:
        reach = max(max(abs(each.interval.low), abs(each.interval.high)) for each in measurements)
        end = next((end for end in _ENDS if reach <= end), reach)
        is_signed = any(is_difference(each.unit) or each.interval.low < 0 for each in measurements)
        return cls(-end if is_signed else 0.0, end, left)

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.left + share * (_PLOT_RIGHT - self.left), 2)

    def ticks(self) -> list[float]:
        return [self.low + (self.high - self.low) * step / 4 for step in range(5)]


def _row(measurement: Measurement, label: str, index: int, scale: _Scale) -> Row:
    printed = figure(measurement)
    return Row(
        label=_shortened(label),
        full_label=label,
        y=_TOP + _ROW_HEIGHT * (index + 0.5),
        low=scale.place(measurement.interval.low),
        high=scale.place(measurement.interval.high),
        x=scale.place(measurement.value),
        text=f"{printed.value} {printed.interval} n={printed.n}",
    )


def row_label(dimensions: Mapping[str, str], constant: Container[str] = ()) -> str:
    """What a row stands for, without the dimensions that are the same for all rows: "zh · taiwan"."""
    return _SEPARATOR.join(value for key, value in dimensions.items() if key not in constant) or "overall"


def _constant(measurements: Sequence[Measurement]) -> frozenset[str]:
    first = measurements[0].dimensions
    if len(measurements) == 1:
        return frozenset()
    return frozenset(
        key for key, value in first.items() if all(each.dimensions[key] == value for each in measurements)
    )


def _title(title: str, dimensions: Mapping[str, str], constant: Container[str]) -> str:
    varying = " and ".join(plain(key) for key in dimensions if key not in constant)
    fixed = ", ".join(f"{plain(key)} {value}" for key, value in dimensions.items() if key in constant)
    by = f", by {varying}" if varying else ""
    return f"{title}{by} ({fixed})" if fixed else title + by


def _shortened(label: str) -> str:
    """A label that fits; names of probes and detectors differ at their ends, so their beginnings go."""
    if len(label) <= LONGEST_LABEL:
        return label
    parts = label.split(_SEPARATOR)
    ends = _SEPARATOR.join(f"…{part.rpartition('.')[2]}" if "." in part else part for part in parts)
    if len(ends) <= LONGEST_LABEL:
        return ends
    room = (LONGEST_LABEL - len(_SEPARATOR) * (len(parts) - 1)) // len(parts)
    return _SEPARATOR.join(part if len(part) <= room else f"…{part[1 - room :]}" for part in parts)


def _reaching_highest(measurements: Sequence[Measurement]) -> list[Measurement]:
    if len(measurements) <= MOST_ROWS:
        return list(measurements)
    ranked = sorted(range(len(measurements)), key=lambda index: -measurements[index].interval.high)
    return [measurements[index] for index in sorted(ranked[:MOST_ROWS])]


def _tick_text(value: float, is_signed: bool) -> str:
    text = f"{abs(value):.3f}".rstrip("0").rstrip(".")
    return f"{'−' if value < 0 else '+' if is_signed and value > 0 else ''}{text}"


def _summary(title: str, shown: Sequence[Measurement]) -> str:
    return (
        f"{title}: interval plot with {len(shown)} rows; the same numbers are in the table of measurements."
    )


def _note(shown: int, total: int) -> str:
    if shown == total:
        return ""
    return (
        f"{shown} of {total} rows, those whose intervals reach highest; all are in the table of measurements."
    )
