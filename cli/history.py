"""`weighbridge history`: the scans in the store, newest first."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command(short_help="List stored scans.")
@click.option("--model", metavar="TEXT", help="Only scans whose model reference contains TEXT.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Most scans to list.")
@options.output_format
@options.data_dir
@options.database
def command(model: str | None, limit: int, output: str, data_dir: Path, database_url: str | None) -> None:
    """List the scans in the store, newest first.

    \b
    Examples:
      weighbridge history
      weighbridge history --model SmolLM2 --format json
    """
    from rich.table import Table

    from cli.terminal import stdout
    from cli.workplace import Workplace, as_json
    from db.store import Store
    from reports.glyphs import visible
    from scanner.records import to_builtins

    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        scans = store.history(limit=limit, model=model)
    if output == "json":
        click.echo(as_json(to_builtins(scans)))
        return
    if not scans:
        click.echo("no scans stored yet; `weighbridge scan demo` makes one", err=True)
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("scan", "verdict", "failed", "model"):
        table.add_column(title, overflow="fold", no_wrap=title == "scan")
    for scan in scans:
        table.add_row(scan.id, scan.verdict or "-", str(scan.failed), visible(scan.model))
    stdout().print(table)
