"""`weighbridge reject`: a reviewer's no to one scan."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command(short_help="Reject a scan, as its reviewer.")
@click.argument("scan_id", metavar="SCAN")
@options.reason
@click.option(
    "--prepared-by", default="", metavar="NAME", help="Who prepared the scan, where it was not recorded."
)
@options.person
@options.output_format
@options.data_dir
@options.database
def command(
    scan_id: str,
    reason: str,
    prepared_by: str,
    by_name: str,
    by_role: str,
    person_path: Path,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Reject the stored scan SCAN, whatever its verdict; its preparer cannot.

    A rejection is for exactly these bytes and this code, and takes an earlier approval's effect
    away. A later approval takes the rejection's.

    \b
    Examples:
      weighbridge reject 20261122 --reason "Too few questions in Spanish" --by "Jane Roe" --by-role CISO
    """
    from cli.deciding import now, opened, say_recorded, say_who
    from cli.person import require_person
    from cli.reviewing import review
    from policies.decisions import Decision, DecisionKind

    person = require_person(by_name, by_role, person_path)
    with opened(scan_id, data_dir, database_url) as desk:
        reviewed = review(desk, person, prepared_by)
        say_who(person)
        record = desk.store.record(
            Decision(
                kind=DecisionKind.REJECTION,
                person=person,
                at=now(),
                reason=reason,
                seen=desk.seen,
                reviewed=reviewed,
            )
        )
    say_recorded(record, output, f"rejected, prepared by {reviewed.preparer}")
