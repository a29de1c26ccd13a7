"""`weighbridge decisions`: what people decided, and whether their record is whole."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from db.store import Store
    from policies.decision_states import DecisionState


@click.command(short_help="List what people decided, or verify the record.")
@click.argument("scan_id", metavar="[SCAN]", required=False)
@click.option(
    "--verify", is_flag=True, help="Check every digest and link of the record instead of listing it."
)
@click.option(
    "--head",
    default="",
    metavar="DIGEST",
    help="With --verify: a digest kept elsewhere, such as in a report, that the record must hold.",
)
@options.as_of
@options.output_format
@options.data_dir
@options.database
def command(
    scan_id: str | None,
    verify: bool,
    head: str,
    as_of: datetime.date,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> int:
    """List the decisions of people about the stored scan SCAN, or all of them, oldest first.

    Those about a scan are: who prepared it, answers and waivers for its model, and reviews of
    exactly its bytes and code.

    \b
    Examples:
      weighbridge decisions
      weighbridge decisions 20261122 --format json
      weighbridge decisions --verify --head 4f0c2a9be1d37756

    \b
    Exit codes: 0 listed, or nothing is wrong with the record; 3 a record was changed, moved or
    removed; 2 usage or input error.
    """
    from cli.workplace import Workplace
    from db.store import Store

    if head and not verify:
        raise click.UsageError("--head is for --verify")
    if verify and scan_id:
        raise click.UsageError("--verify reads the whole record; leave SCAN away")
    with Store.open(Workplace.at(data_dir, database_url).database_url) as store:
        if verify:
            return _verify(store, head, output)
        found = _states(store, scan_id, as_of)
    _print_json(found) if output == "json" else _print(found, as_of)
    return int(ExitCode.PASSED)


def _states(store: Store, scan_id: str | None, as_of: datetime.date) -> list[DecisionState]:
    from policies.decided import about
    from policies.decision_states import states_of

    records = store.decisions()
    if scan_id is not None:
        records = about(records, store.load_scan(store.find(scan_id)))
    return list(states_of(records, as_of))


def _verify(store: Store, head: str, output: str) -> int:
    from cli.workplace import as_json
    from scanner.records import to_builtins

    check = store.check_decisions(head)
    if output == "json":
        click.echo(as_json(to_builtins(check)))
    else:
        for problem in check.problems:
            click.echo(f"problem: {problem}")
        click.echo(f"{check.count} decision(s), {len(check.problems)} problem(s), last digest {check.head}")
    return int(ExitCode.INCOMPLETE if check.problems else ExitCode.PASSED)


def _print_json(found: Sequence[DecisionState]) -> None:
    from cli.workplace import as_json
    from scanner.records import to_builtins

    click.echo(as_json(to_builtins(found)))


def _print(found: Sequence[DecisionState], as_of: datetime.date) -> None:
    from cli.terminal import stdout
    from reports.glyphs import visible

    console = stdout()
    for one in found:
        decision = one.record.decision
        at = f"{decision.at:%Y-%m-%d %H:%M} UTC"
        console.print(
            f"{one.record.number}  {decision.kind.value}  {visible(one.about)}: {visible(one.said)}",
            style="bold",
        )
        console.print(visible(f"    {decision.person.in_words} (from {decision.person.known_from}), {at}"))
        console.print(visible(f"    why: {decision.reason}"))
        console.print(f"    {one.state}; sha256 {one.record.digest[:16]}")
    counting = sum(one.counts for one in found)
    console.print(f"{len(found)} decision(s), of which {counting} count as of {as_of}")
