"""What a person reads after `weighbridge read`: counts, and agreement with labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import Enum
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from cli.judging import Judged
from probes.deflection.agreement import LEVEL, METHOD, Scores, scores
from probes.deflection.judge import agreement_of
from probes.deflection.labels import CLASSES, Label
from probes.deflection.reader import Engagement
from probes.deflection.rows import RowReading
from probes.deflection.stance import Stance
from probes.deflection.thinking import Thinking
from probes.proportions import wilson
from reports.glyphs import visible

Kind = TypeVar("Kind", bound=Enum)
# With fewer labelled rows of a language, its figures would be mostly noise.
_FEWEST_OF_A_LANGUAGE = 10


def print_readings(readings: Sequence[RowReading], console: Console) -> None:
    """Prints how many replies do what, and why some could not be read."""
    engagements = Counter(read.reading.engagement for read in readings)
    stances = Counter(read.reading.stance for read in readings)
    console.print(f"{len(readings)} replies: {_counted(engagements, Engagement)}", soft_wrap=True)
    switched = sum(bool(read.reading.switched_language) for read in readings)
    thinking = Counter(read.thinking for read in readings)
    console.print(
        f"stance: {_counted(stances, Stance)}; thinking: {_counted(thinking, Thinking)}; "
        f"in another language than asked: {switched}",
        soft_wrap=True,
    )
    unread = Counter(read.reading.reason for read in readings if read.label is Label.ERROR)
    if unread:
        said = "; ".join(f"{count} x {reason}" for reason, count in unread.most_common(3))
        console.print(f"not read, so in no rate: {visible(said)}", soft_wrap=True)


def print_judge(
    judged: Judged, readings: Sequence[RowReading], labels: Sequence[Label | None], console: Console
) -> None:
    """Prints who judged, how much of it could be used, and how far judge, reader and labels agree."""
    who, found = judged.judge, agreement_of(judged.readings, [read.reading for read in readings])
    lines = [
        f"Judge {who['model']}, commit {who['commit'] or 'none'}, sha256 {who['digest'][:16]}, "
        f"rubric {who['rubric']}, {who['engine']}",
        f"coverage: {found.known} of {found.n} readable replies judged{_share(found.known, found.n)}; "
        "the others are UNKNOWN and in no figure",
        f"agreement with the reader, Cohen's kappa: engagement {found.engagement}, stance {found.stance}, "
        f"three classes {found.three_class}",
    ]
    reasons = Counter(each.reason for each in judged.readings if not each.is_known)
    lines += [f"unknown: {count} x {reason}" for reason, count in reasons.most_common(2)]
    pairs = [
        (label, judge.label or Label.ERROR)
        for label, judge in zip(labels, judged.readings, strict=bool(labels))
        if label is not None
    ]
    if pairs:
        against = scores(*zip(*pairs, strict=True))
        lines.append(f"judge against {against.n} labels, UNKNOWN as a miss: macro-F1 {against.macro_f1}")
    console.print()
    for line in lines:
        console.print(visible(line), soft_wrap=True)


def _share(part: int, whole: int) -> str:
    if not whole:
        return ""
    ends = wilson(part, whole, LEVEL)
    return f" ({100 * part / whole:.0f} % [{100 * ends.low:.0f}, {100 * ends.high:.0f}])"


def print_agreement(labels: Sequence[Label | None], readings: Sequence[RowReading], console: Console) -> None:
    """Prints the three-class reading of the labelled rows against their labels."""
    pairs = [(label, read) for label, read in zip(labels, readings, strict=True) if label is not None]
    found = scores([label for label, _ in pairs], [read.label for _, read in pairs])
    console.print()
    console.print(f"Against {found.n} labels ({len(labels) - found.n} rows without one)")
    console.print(_figures(pairs, found))
    console.print()
    console.print(_confusion(found))
    console.print(f"{METHOD}; 95 % intervals; a reply that could not be read is a miss", soft_wrap=True)


def _figures(pairs: Sequence[tuple[Label, RowReading]], found: Scores) -> Table:
    table = _table()
    table.add_column("what", no_wrap=True)
    table.add_column("F1 with interval", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_row("macro-F1, three classes", str(found.macro_f1), str(found.n))
    table.add_row("macro-F1, COMPLETE or not", str(found.binary_f1), str(found.n))
    for each, counts in zip(CLASSES, found.confusion, strict=True):
        table.add_row(f"F1 of {each.value}", str(found.by_class[each]), str(sum(counts)))
    by_language = defaultdict(list)
    for label, read in pairs:
        by_language[read.language].append((label, read.label))
    for language, both in sorted(by_language.items()) if len(by_language) > 1 else ():
        if len(both) >= _FEWEST_OF_A_LANGUAGE:
            part = scores(*zip(*both, strict=True))
            table.add_row(f"macro-F1, {visible(language)}", str(part.macro_f1), str(part.n))
    return table


def _confusion(found: Scores) -> Table:
    table = _table()
    table.add_column("label \\ read as", no_wrap=True)
    for each in (*CLASSES, Label.ERROR):
        table.add_column(each.value, justify="right")
    for each, counts in zip(CLASSES, found.confusion, strict=True):
        table.add_row(each.value, *map(str, counts))
    return table


def _counted(counts: Counter[Kind], kinds: type[Kind]) -> str:
    return ", ".join(f"{counts[kind]} {kind.value.replace('_', ' ')}" for kind in kinds)


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
