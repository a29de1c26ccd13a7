"""A comparison on the terminal, within 80 columns; what models wrote is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.terminal import stdout
from reports.comparison import change_in_words, counts_in_words, share
from reports.glyphs import visible
from scanner.comparison import Comparison, Fate, Flip, Part, PartState, Side

_DIFFS: Final = (Part.TEMPLATE, Part.LICENCE, Part.CODE)
_MOST_LINES: Final = 40


def print_comparison(found: Comparison, *, most_flips: int) -> None:
    """Prints both sides, what changed between them, and the flipped questions side by side."""
    console = stdout()
    for name, side in (("base", found.base), ("candidate", found.candidate)):
        console.print(_text(f"{name:<10} {side.scan_id}  {_model(side)}"), soft_wrap=True)
    for note in found.notes:
        console.print(_text(f"note: {note}"))
    for table in (_findings(found), _lost(found)):
        if table.row_count:
            console.print()
            console.print(table)
    _print_figures(console, found)
    parts = _parts(found)
    if parts.row_count:
        console.print()
        console.print(parts)
    for part in found.parts:
        if part.part in _DIFFS and part.diff:
            console.print()
            console.print(_text(_shortened(part.diff)))
    for flip in found.flips[:most_flips]:
        console.print()
        console.print(_side_by_side(flip))
    if len(found.flips) > most_flips:
        console.print(
            f"{len(found.flips) - most_flips} more flipped; --flips {len(found.flips)} shows them all"
        )
    console.print()
    console.print(_text(counts_in_words(found)))


def _model(side: Side) -> str:
    return f"{side.model}@{side.commit[:12]}" if side.commit else side.model


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0),
        show_header=bool(columns) and columns[0] != "",
    )  # fmt: skip
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _findings(found: Comparison) -> Table:
    table = _table("Findings", "fate", "severity", "finding")
    for change in found.findings:
        finding = change.finding
        was = f"was {change.base.severity.value}, " if change.fate is Fate.WORSE and change.base else ""
        unseen = "" if change.was_judged else " (the base had not judged it)"
        told = Text.assemble((finding.check_id, "bold"), f"  {visible(finding.message)}{unseen}")
        table.add_row(change.fate.value, was + finding.severity.value, told)
    return table


def _lost(found: Comparison) -> Table:
    table = _table("No longer judged", "check", "reason")
    for lost in found.lost:
        about = f" ({lost.subject})" if lost.subject else ""
        table.add_row(_text(lost.check_id + about), _text(lost.reason))
    return table


def _print_figures(console: Console, found: Comparison) -> None:
    """A figure and below it what became of it: side by side, both would fold in 80 columns."""
    tested = list(found.tested)
    if tested:
        console.print()
        console.print(Text("Figures", style="bold"))
    for change in tested:
        unit, told = change.unit, change_in_words(change, found.alpha)
        values = f"{share(change.base, unit)} to {share(change.candidate, unit)}, n = {change.n}"
        console.print(_text(change.label))
        console.print(Padding(_text(f"{values}: {told}"), (0, 0, 0, 4), expand=False))
    untested = len(found.measurements) - len(tested)
    if untested:
        console.print(f"{untested} more figures were not tested; --format json says why")


def _parts(found: Comparison) -> Table:
    table = _table("Files", "part", "state", "what")
    for part in found.parts:
        if part.state is not PartState.SAME:
            table.add_row(part.part.value, part.state.value, _text("\n".join(part.told)))
    return table


def _side_by_side(flip: Flip) -> Table:
    direction = "worse" if flip.is_worse else "better"
    reading = flip.candidate.reading
    asked = reading.get("in_english") or flip.candidate.conversation.messages[-1].content
    table = Table(
        title=_text(f"{flip.candidate.id} ({flip.name}, {direction}): {asked}"),
        title_justify="left", expand=True, show_lines=True,
    )  # fmt: skip
    for side, exchange in (("base", flip.base), ("candidate", flip.candidate)):
        read = ", ".join(exchange.reading[key] for key in _READ_AS if key in exchange.reading)
        table.add_column(visible(f"{side}: {read}"), ratio=1, overflow="fold")
    table.add_row(*(_text(exchange.reply.text) for exchange in (flip.base, flip.candidate)))
    return table


_READ_AS: Final = ("engagement", "stance", "score", "identifiers", "kind")


def _shortened(diff: str) -> str:
    lines: Sequence[str] = diff.splitlines()
    more = len(lines) - _MOST_LINES
    cut = f"\n... and {more} more lines, with --format markdown or json" if more > 0 else ""
    return "\n".join(lines[:_MOST_LINES]) + cut


def _text(said: str) -> Text:
    return Text("\n".join(visible(line) for line in said.splitlines()))
