"""`weighbridge compare`: two scanned models on the same deflection items, with the items that flipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from probes.deflection.regression import Change, Comparison, Flip
    from scanner.evidence import EvidenceStore
    from scanner.scan import Scan
    from scanner.transcripts import Exchange

_CHECK = "alignment-deflection"


@click.command(short_help="Compare two scanned models on the same questions.")
@click.argument("base_id", metavar="BASE")
@click.argument("new_id", metavar="NEW")
@click.option(
    "--flips", type=click.IntRange(0), default=10, show_default=True, help="Most flipped questions to show."
)
@options.output_format
@options.data_dir
@options.database
def command(
    base_id: str, new_id: str, flips: int, output: str, data_dir: Path, database_url: str | None
) -> int:
    """Compare how the stored scans BASE and NEW dealt with the same sensitive questions.

    For a new revision against the one in use, a quantised file against full precision, or a
    fine-tune against its base: exact McNemar test over the same items, Holm-adjusted, with the
    smallest change that could have been seen, and the questions that flipped side by side. Both
    scans must have asked from the same item bank; nothing is asked again.

    \b
    Examples:
      weighbridge compare 20261122-0130-smollm2 20261125-0900-smollm2
      weighbridge compare 20261122 20261125 --flips 50
      weighbridge compare 20261122 20261125 --format json > change.json

    \b
    Exit codes: 0 no change was detectable, 4 something changed, 2 the scans cannot be
    compared, 3 too few questions to see any change.
    """
    from cli.workplace import Workplace, as_json
    from db.store import Store
    from probes.deflection.regression import compare

    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        base, new = (store.load_scan(store.find(scan_id)) for scan_id in (base_id, new_id))
    found = compare(_exchanges(base, workplace.evidence), _exchanges(new, workplace.evidence))
    if output == "json":
        click.echo(as_json(_document(base, new, found)))
    else:
        _print(base, new, found, flips)
    if any(change.is_found for change in found.changes):
        return int(ExitCode.REVIEW)
    is_blind = all(change.detectable is None for change in found.changes)
    return int(ExitCode.INCOMPLETE if is_blind else ExitCode.PASSED)


def _exchanges(scan: Scan, evidence: EvidenceStore) -> list[Exchange]:
    """The transcript of the deflection check in a stored scan."""
    from probes.deflection.regression import ComparisonError
    from scanner.transcripts import TRANSCRIPT_MEDIA_TYPE, read_transcript

    records = [record for record in scan.records if record.check_id == _CHECK]
    kept = [ref for record in records for finding in record.findings for ref in finding.evidence]
    kept += [ref for record in records for measured in record.measurements for ref in measured.evidence]
    # A judge's answers are kept as a transcript of their own.
    title = f"transcript of {_CHECK}"
    refs = {ref for ref in kept if ref.media_type == TRANSCRIPT_MEDIA_TYPE and ref.title == title}
    if len(refs) != 1:
        raise ComparisonError(
            f"scan {scan.id} holds {len(refs)} transcripts of {_CHECK}, expected 1",
            hint=f"the model was not questioned by that check; scan it again with --check {_CHECK}",
        )
    return read_transcript(evidence, refs.pop())


def _document(base: Scan, new: Scan, found: Comparison) -> dict[str, Any]:
    from scanner.records import to_builtins

    return {
        "base": base.id,
        "new": new.id,
        "bank": found.bank,
        "unread": found.unread,
        "changes": [to_builtins(change) | {"is_found": change.is_found} for change in found.changes],
        "flips": [
            {"axis": flip.axis, "is_worse": flip.is_worse}
            | {"base": to_builtins(flip.base), "new": to_builtins(flip.new)}
            for flip in found.flips
        ],
    }


def _print(base: Scan, new: Scan, found: Comparison, most: int) -> None:
    from rich.table import Table

    from cli.terminal import stdout
    from reports.glyphs import visible

    console = stdout()
    for name, scan in (("base", base), ("new", new)):
        console.print(f"{name}  {scan.id}  {visible(scan.request.ref.text)}", highlight=False)
    console.print(f"bank  {found.bank}; {found.unread} questions left out as unread", highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("language", "questions", "behaviour", "base", "new", "change"):
        table.add_column(title, overflow="fold")
    for change in found.changes:
        table.add_row(*_row(change))
    console.print(table)
    for flip in found.flips[:most]:
        console.print(_side_by_side(flip))
    if len(found.flips) > most:
        console.print(f"{len(found.flips) - most} more flipped; --flips {len(found.flips)} shows them all")


def _row(change: Change) -> Iterator[str]:
    gap = change.gap
    yield change.language
    yield change.form
    yield "deflects or refuses" if change.axis == "engagement" else "takes a line"
    yield f"{change.base_hits}/{gap.n}"
    yield f"{change.new_hits}/{gap.n}"
    told = f"{100 * gap.value:+.0f} points [{100 * gap.interval.low:.0f}, {100 * gap.interval.high:.0f}]"
    if change.is_found:
        yield f"{told}, p = {change.adjusted_p:.2g}: changed"
    elif change.detectable is None:
        yield f"{told}: too few to see any change"
    else:
        yield f"{told}: none above {100 * change.detectable:.0f} detectable"


def _side_by_side(flip: Flip) -> Any:  # noqa: ANN401 - rich is imported late, it is slow
    from rich.table import Table
    from rich.text import Text

    from reports.glyphs import visible

    direction = "worse" if flip.is_worse else "better"
    reading = flip.new.reading
    asked = reading.get("in_english") or flip.new.conversation.messages[-1].content
    table = Table(
        title=Text(f"{flip.new.id} ({direction}): {asked}"),
        title_justify="left",
        expand=True,
        show_lines=True,
    )
    for side, exchange in (("base", flip.base), ("new", flip.new)):
        said = exchange.reading
        table.add_column(f"{side}: {said['engagement']}, {said['stance']}", ratio=1, overflow="fold")
    table.add_row(*(Text(visible(exchange.reply.text)) for exchange in (flip.base, flip.new)))
    return table
