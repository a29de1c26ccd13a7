"""`weighbridge gate`: judge a stored scan by a policy and end with the verdict's exit code."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from cli import options
from cli.exit_codes import ExitCode


@click.command(short_help="Judge a stored scan by a policy.")
@click.argument("scan_id", metavar="SCAN")
@click.option(
    "--base",
    "base_id",
    metavar="SCAN",
    default=None,
    show_default="none",
    help="Stored scan to hold this one against, for rules such as new, regressed, not_run and changed.",
)
@options.lock
@options.policy
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
    scan_id: str,
    base_id: str | None,
    lock_path: Path | None,
    policy_path: Path | None,
    pack_names: tuple[str, ...],
    as_of: datetime.date,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> int:
    """Judge the stored scan SCAN by a policy: nothing is fetched and no question is asked again.

    With --base, the rules of the policy that hold a scan against an earlier one are answered
    too. With --lock, a scan of other bytes is blocked. SCAN may be a lock: then the newest scan
    of exactly its bytes is judged. The assessment is stored beside the earlier ones;
    `weighbridge report` and `show` take the newest. Waivers and statements count as of --as-of,
    which is today unless it is given.

    \b
    Examples:
      weighbridge gate 20261122-0130-smollm2-1f3a --policy weighbridge.yaml
      weighbridge gate 20261125 --base 20261122 --policy weighbridge.yaml
      weighbridge gate 20261122 --lock model.lock.json
      weighbridge gate 20261122 --policy weighbridge.yaml --as-of 2027-02-01 --format json

    \b
    Exit codes: 0 pass, 1 the gate blocks, 2 usage or input error, 3 could not assess
    (INCOMPLETE), 4 review needed, 130 interrupted.
    """
    from cli.comparing import compare_with_base
    from cli.criteria import judge, load_criteria
    from cli.locking import lock_demands, named_scan
    from cli.summary import print_judgement, summary_document
    from cli.workplace import Workplace, as_json
    from db.store import Store

    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        scan = store.load_scan(named_scan(store, scan_id))
        base = store.load_scan(named_scan(store, base_id)) if base_id else None
        demands = lock_demands(scan, lock_path)
        decisions = store.decisions()
        criteria = load_criteria(policy_path, pack_names, scan.request.ref)
        found = compare_with_base(base, scan, criteria, decisions, workplace, as_of) if base else None
        assessment = judge(scan, criteria, decisions, as_of=as_of, comparison=found, demands=demands)
        store.save_assessment(assessment)
    if output == "json":
        click.echo(as_json(summary_document(scan, assessment)))
    elif output == "markdown":
        from reports.job_summary import job_summary

        click.echo(job_summary(scan, assessment, found), nl=False)
    else:
        print_judgement(scan, assessment)
    return int(ExitCode.of(assessment.verdict.value))
