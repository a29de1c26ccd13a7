"""`weighbridge gate`: judge a stored scan by a policy and end with the verdict's exit code."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from policies.packs import Pack
    from policies.policy_file import PolicyFile


@click.command(short_help="Judge a stored scan by a policy.")
@click.argument("scan_id", metavar="SCAN")
@options.policy
@options.output_format
@options.data_dir
@options.database
def command(
    scan_id: str,
    policy_path: Path | None,
    pack_names: tuple[str, ...],
    as_of: datetime.date,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> int:
    """Judge the stored scan SCAN by a policy: nothing is fetched and no question is asked again.

    The assessment is stored beside the earlier ones, and `weighbridge report` and `show` take the
    newest. Waivers and attestations count as of --as-of, which is today unless it is given.

    \b
    Examples:
      weighbridge gate 20261122-0130-smollm2-1f3a --policy weighbridge.yaml
      weighbridge gate 20261122 --policy weighbridge.yaml --as-of 2027-02-01
      weighbridge gate 20261122 --policy weighbridge.yaml --format json > verdict.json

    \b
    Exit codes: 0 pass, 1 the gate blocks, 2 usage or input error, 3 could not assess
    (INCOMPLETE), 4 review needed, 130 interrupted.
    """
    from cli.summary import print_judgement, summary_document
    from cli.workplace import Workplace, as_json
    from db.store import Store
    from policies.assess import assess

    policy, packs = _criteria(policy_path, pack_names)
    workplace = Workplace.at(data_dir, database_url)
    with Store.open(workplace.database_url) as store:
        scan = store.load_scan(store.find(scan_id))
        now = datetime.datetime.now(datetime.UTC)
        assessment = assess(scan, packs, policy, as_of=as_of, assessed_at=now)
        store.save_assessment(assessment)
    if output == "json":
        click.echo(as_json(summary_document(scan, assessment)))
    else:
        print_judgement(scan, assessment)
    return int(ExitCode.of(assessment.verdict.value))


def _criteria(path: Path | None, names: tuple[str, ...]) -> tuple[PolicyFile, list[Pack]]:
    from cli.checks import known_checks
    from policies.packs import load_packs
    from policies.policy_file import load_policy

    known = known_checks()
    pack_files = [Path(name) for name in names if name.endswith((".yaml", ".yml"))]
    pack_ids = [name for name in names if Path(name) not in pack_files]
    policy = load_policy(path, checks=known, extra_packs=pack_files)
    return policy, load_packs(pack_ids if names else policy.packs, known, pack_files)
