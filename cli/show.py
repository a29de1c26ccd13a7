"""`weighbridge show`: what a stored scan found, on the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command(short_help="Show a stored scan.")
@click.argument("scan_id", metavar="SCAN_ID")
@options.output_format
@options.data_dir
@options.database
def command(scan_id: str, output: str, data_dir: Path, database_url: str | None) -> None:
    """Show the stored scan SCAN_ID (a unique beginning is enough): findings, controls, verdict.

    \b
    Examples:
      weighbridge show 20261122-0130-smollm2-1f3a
      weighbridge show 20261122 --format json
    """
    from cli.summary import print_counts, print_scan, summary_document
    from cli.workplace import Workplace, as_json
    from db.store import Store

    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        found = store.find(scan_id)
        scan, assessment = store.load_scan(found), store.load_assessment(found)
    if output == "json":
        click.echo(as_json(summary_document(scan, assessment)))
        return
    print_scan(scan, assessment)
    print_counts(scan, assessment)
