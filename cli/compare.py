"""`weighbridge compare`: two stored scans side by side, everything that changed between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from scanner.comparison import Comparison


@click.command(short_help="Compare two stored scans.")
@click.argument("base_id", metavar="BASE")
@click.argument("candidate_id", metavar="CANDIDATE")
@click.option(
    "--flips", type=click.IntRange(0), default=10, show_default=True, help="Most flipped questions to show."
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Chance of any false alarm among all tests of figures.",
)
@options.lock
@click.option(
    "--tensors", is_flag=True, help="Read the weights of both again, to tell which tensors hold other values."
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print the result; json and markdown print nothing else on stdout.",
)
@options.data_dir
@options.database
def command(
    base_id: str,
    candidate_id: str,
    flips: int,
    alpha: float,
    lock_path: Path | None,
    tensors: bool,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> int:
    """Compare the stored scan CANDIDATE with the stored scan BASE, without asking anything again.

    For a new revision against the one in use, a quantised file against full precision, or a
    fine-tune against its base: findings (new, fixed, the same), figures (paired tests over the
    same questions where both transcripts have them, Holm-adjusted, with the smallest change
    that could have been seen), weights, tokenizer, chat template, licence, code and files.
    BASE or CANDIDATE may be a lock: then it is the newest scan of exactly its bytes. With
    --lock, a candidate of other bytes is refused.

    \b
    Examples:
      weighbridge compare 20261122-0130-smollm2 20261125-0900-smollm2
      weighbridge compare 20261122 20261125 --flips 50
      weighbridge compare 20261122 20261125 --format markdown > comment.md
      weighbridge compare in-use.lock.json 20261125 --lock model.lock.json

    \b
    Exit codes: 0 nothing to look at was detectable, 4 something is new, moved, lost or changed
    that a person should look at, 1 the candidate is not what --lock demands, 2 usage or input
    error, 3 too little to see any change by.
    """
    from cli.checks import known_checks
    from cli.comparing import compare_scans
    from cli.locking import is_contradicted, named_scan, refused_by
    from cli.workplace import Workplace, as_json
    from db.store import Store
    from reports.glyphs import visible

    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        base, candidate = (store.load_scan(named_scan(store, scan_id)) for scan_id in (base_id, candidate_id))
    refused = refused_by(candidate, lock_path)
    found = compare_scans(
        base, candidate, known_checks(), workplace.evidence, alpha=alpha, with_values=tensors
    )
    if output == "json":
        from reports.comparison import comparison_document

        click.echo(as_json(comparison_document(found)))
    elif output == "markdown":
        from reports.comparison import comparison_markdown

        click.echo(comparison_markdown(found, most_flips=flips), nl=False)
    else:
        from cli.compare_text import print_comparison

        print_comparison(found, most_flips=flips)
    for each in refused:
        click.echo(f"not as {lock_path}: {visible(each.text)}", err=True)
    if refused:
        return int(ExitCode.BLOCKED if is_contradicted(refused) else ExitCode.INCOMPLETE)
    return int(_code(found))


def _code(found: Comparison) -> ExitCode:
    from scanner.comparison import Fate, Part, PartState

    watched = (Part.TOKENIZER, Part.TEMPLATE, Part.LICENCE, Part.CODE)
    states = {part.state for part in found.parts if part.part in watched}
    is_news = any(found.with_fate(Fate.NEW, Fate.WORSE, Fate.UNJUDGED))
    if is_news or found.lost or any(found.moved) or PartState.CHANGED in states:
        return ExitCode.REVIEW
    if found.is_blind or PartState.UNKNOWN in states:
        return ExitCode.INCOMPLETE
    return ExitCode.PASSED
