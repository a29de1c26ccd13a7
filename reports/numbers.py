r"""Numbers as reports print them: never without n, interval and method.

>>> number(0.1254), number(1.3e23), number(-0.5)
('0.125', '1.30\xa0×\xa010²³', '−0.500')
>>> number(12.0)
'12'
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reports.wording import plain
from scanner.findings import Measurement

_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS: Final = "−"
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_DIFFERENCE_UNIT: Final = "difference"


@dataclass(frozen=True)
class Figure:
    """A measurement as printed.

    Attributes:
        subject: What it was measured for: "zh · taiwan", "overall".
        value: The estimate.
        interval: Where the true value may lie: "[0.049, 0.255]".
        n: How many independent units it rests on.
        note: The same as a count where it is one: "5 of 40", "none of 60, at most 0.060"; then what its
            method adds to that of its group ("p = 0.03 after Holm"), or all of it where it differs.
        evidence: sha256 of what only this number was computed from.
    """

    subject: str
    value: str
    interval: str
    n: str
    note: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class FigureGroup:
    """Measurements in a row that are of one kind; what they share is said once.

    Attributes:
        name: Their dotted name.
        by: What tells them apart: "by language and state", or "" when there is but one.
        unit: Their unit.
        level: "95 % intervals", or "bounds" for intervals that are no statistic.
        method: How values and intervals were computed, where a number does not say otherwise.
        evidence: sha256 of what all were computed from.
        figures: The numbers, in the order in which they were measured.
    """

    name: str
    by: str
    unit: str
    level: str
    method: str
    evidence: tuple[str, ...]
    figures: tuple[Figure, ...]


def figure(measurement: Measurement, method: Sequence[str] = (), evidence: Sequence[str] = ()) -> Figure:
    """The printed form of a measurement in a group of this method (in parts) and this evidence."""
    interval, signed = measurement.interval, is_difference(measurement.unit)
    parts = _method_parts(measurement)
    own = [part for part in parts if part not in method] if set(method) <= set(parts) else parts
    return Figure(
        subject=" · ".join(measurement.dimensions.values()) or "overall",
        value=number(measurement.value, signed=signed),
        interval=f"[{number(interval.low, signed=signed)}, {number(interval.high, signed=signed)}]",
        n=f"{measurement.n:,}",
        note="; ".join(filter(None, [_count(measurement), *own])),
        evidence=tuple(digest for digest in _digests(measurement) if digest not in evidence),
    )


def figure_groups(measurements: Iterable[Measurement]) -> Iterator[FigureGroup]:
    """The printed form of many measurements, all of one kind together, kinds in order of appearance."""
    kinds: dict[tuple[str, ...], list[Measurement]] = {}
    for measurement in measurements:
        kinds.setdefault(_kind(measurement), []).append(measurement)
    for (name, by, unit, level, _), members in kinds.items():
        method = _shared([_method_parts(member) for member in members], by_more_than=0.5)
        evidence = _shared([_digests(member) for member in members], by_more_than=0.999)
        figures = tuple(figure(member, method, evidence) for member in members)
        yield FigureGroup(name, by, unit, level, "; ".join(method), evidence, figures)


def _kind(measurement: Measurement) -> tuple[str, str, str, str, str]:
    by = " and ".join(plain(key) for key in measurement.dimensions)
    level = level_text(measurement.interval.level)
    return measurement.name, f"by {by}" if by else "", measurement.unit, level, measurement.check_id


def _method_parts(measurement: Measurement) -> tuple[str, ...]:
    return tuple(part.strip() for part in measurement.method.split(";"))


def _digests(measurement: Measurement) -> tuple[str, ...]:
    return tuple(ref.sha256 for ref in measurement.evidence)


def _shared(rows: Sequence[Sequence[str]], *, by_more_than: float) -> tuple[str, ...]:
    """The entries that more than this share of the rows have, in order of appearance."""
    counts = Counter(entry for row in rows for entry in row)
    return tuple(entry for entry, count in counts.items() if count > by_more_than * len(rows))


def number(value: float, *, signed: bool = False) -> str:
    """A number to three decimals or three significant digits, with a plus sign when `signed`."""
    sign = _MINUS if value < 0 else "+" if signed and value > 0 else ""
    return sign + _magnitude(abs(value))


def level_text(level: float | None) -> str:
    """A confidence level: "95 % intervals", or "bounds" for intervals that are no statistic."""
    return "bounds" if level is None else f"{level * 100:g} % intervals"


def is_difference(unit: str) -> bool:
    """Whether numbers of this unit have a sign that matters."""
    return unit.endswith(_DIFFERENCE_UNIT)


def size_text(size_bytes: int) -> str:
    """A size in decimal units beside its exact bytes: "269.1 MB (269,060,552 bytes)"."""
    exact = f"{size_bytes:,} bytes"
    if size_bytes < 1000:
        return exact
    power = min(int(math.log10(size_bytes)) // 3, 4)
    return f"{size_bytes / 1000**power:.1f} {('', 'kB', 'MB', 'GB', 'TB')[power]} ({exact})"


def duration_text(seconds: float) -> str:
    """A duration: "0.4 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _magnitude(size: float) -> str:
    if size == 0:
        return "0"
    if size >= 1e6 or size < 0.0005:
        mantissa, exponent = f"{size:.2e}".split("e")
        return f"{mantissa}{_NO_BREAK}×{_NO_BREAK}10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    if float(size).is_integer():
        return f"{size:,.0f}"
    return f"{size:,.3f}" if size < 1000 else f"{size:,.1f}"


def _count(measurement: Measurement) -> str:
    if measurement.unit != "share":
        return ""
    hits = measurement.value * measurement.n
    # A share of clustered or weighted units is no count of n: then no count is claimed.
    if abs(hits - round(hits)) > 1e-6:
        return ""
    if round(hits) == 0:
        return f"none of {measurement.n:,}, at most {number(measurement.interval.high)}"
    return f"{round(hits):,} of {measurement.n:,}"
