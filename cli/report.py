"""`weighbridge report`: write the report files of a stored scan again, without recomputing anything."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command(short_help="Write the reports of a stored scan.")
@click.argument("scan_id", metavar="SCAN_ID")
@options.report_formats
@options.quiet
@options.data_dir
@options.database
def command(
    scan_id: str,
    output_dir: Path | None,
    report_names: tuple[str, ...],
    quiet: bool,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Write the report files of the stored scan SCAN_ID (a unique beginning is enough).

    They hold its newest assessment; sarif and markdown also tell what changed since the base,
    when `weighbridge gate --base` made that assessment. notice is a NOTICE.txt with what the
    licences found ask to be said, shown and enclosed; read it before you pass it on.

    \b
    Examples:
      weighbridge report 20261122-0130-smollm2-1f3a --output out
      weighbridge report 20261122 --report pdf
      weighbridge report 20261122 --report sarif --report markdown
      weighbridge report 20261122 --format notice
    """
    from cli.comparing import comparison_of
    from cli.rendering import write_reports
    from cli.terminal import shown_progress
    from cli.workplace import Workplace, require_writable
    from db.store import Store

    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        found = store.find(scan_id)
        scan, assessment = store.load_scan(found), store.load_assessment(found)
        comparison = comparison_of(scan, assessment, report_names, store, workplace)
    folder = output_dir or Path(f"weighbridge-{scan.id}")
    require_writable(folder)
    with shown_progress(quiet=quiet) as progress:
        files = write_reports(scan, assessment, workplace, report_names, folder, progress, comparison)
    for path in files:
        click.echo(str(path))
