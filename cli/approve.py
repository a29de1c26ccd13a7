"""`weighbridge approve`: a reviewer's yes to one scan, after it was judged as of today."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from cli.criteria import Criteria
    from cli.deciding import Desk
    from cli.workplace import Workplace
    from policies.assessment import Assessment, PackResult
    from policies.packs import Pack


@click.command(short_help="Approve a scan, as its reviewer.")
@click.argument("scan_id", metavar="SCAN")
@options.reason
@options.expires(required=False)
@click.option(
    "--prepared-by", default="", metavar="NAME", help="Who prepared the scan, where it was not recorded."
)
@options.criteria
@options.person
@options.output_format
@options.data_dir
@options.database
def command(
    scan_id: str,
    reason: str,
    expires: datetime.date | None,
    prepared_by: str,
    policy_path: Path | None,
    pack_names: tuple[str, ...],
    by_name: str,
    by_role: str,
    person_path: Path,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> int:
    """Approve the stored scan SCAN after judging it as of today; its preparer cannot.

    An approval is for exactly these bytes and this code: another revision needs its own. What
    the gate blocks or could not assess is not approved, unless waivers lift what stands against
    it. A scan that was last held against a base is held against it again. The judgement is
    stored, and the approval carries its digest.

    \b
    Examples:
      weighbridge approve 20261122 --reason "Report read, no objection" --by "Jane Roe" --by-role CISO

    \b
    Exit codes: 0 approved, 1 refused because the gate blocks, 3 refused because it could not be
    assessed, 2 usage or input error.
    """
    from cli.criteria import load_criteria
    from cli.deciding import now, opened, say_recorded, say_who
    from cli.person import require_person
    from cli.reviewing import review
    from cli.workplace import Workplace
    from policies.assessment import VerdictValue
    from policies.decisions import Decision, DecisionKind

    person = require_person(by_name, by_role, person_path)
    with opened(scan_id, data_dir, database_url) as desk:
        reviewed = review(desk, person, prepared_by)
        criteria = load_criteria(policy_path, pack_names, desk.scan.request.ref)
        if not options.is_given("policy_path", "pack_names"):
            _require_same_criteria(desk, criteria)
        say_who(person)
        today = now().date()
        assessment = _judged_anew(desk, criteria, Workplace.at(data_dir, database_url), today)
        desk.store.save_assessment(assessment)
        if assessment.verdict.value in (VerdictValue.BLOCK, VerdictValue.INCOMPLETE):
            _refuse(desk, assessment)
            return int(ExitCode.of(assessment.verdict.value))
        record = desk.store.record(
            Decision(
                kind=DecisionKind.APPROVAL,
                person=person,
                at=now(),
                reason=reason,
                seen=desk.store.seen(desk.scan.id),
                expires=expires,
                reviewed=reviewed,
            )
        )
    verdict = assessment.verdict.value.value.upper()
    say_recorded(
        record, output, f"approved with the verdict {verdict} as of {today}, prepared by {reviewed.preparer}"
    )
    return int(ExitCode.PASSED)


def _judged_anew(desk: Desk, criteria: Criteria, workplace: Workplace, today: datetime.date) -> Assessment:
    """The judgement as of today, beside the base that the newest one was made beside."""
    from cli.comparing import compare_with_base
    from cli.criteria import judge

    decisions, base_id = desk.store.decisions(), desk.store.load_assessment(desk.scan.id).verdict.base
    found = None
    if base_id:
        base = desk.store.load_scan(base_id)
        found = compare_with_base(base, desk.scan, criteria, decisions, workplace, today)
    return judge(desk.scan, criteria, decisions, as_of=today, comparison=found)


def _require_same_criteria(desk: Desk, criteria: Criteria) -> None:
    """A forgotten --policy or --pack must not turn a strict judgement into a mild one."""
    from cli.deciding import DecisionError

    before, gate = desk.store.load_assessment(desk.scan.id), criteria.policy.gate
    was, now = _by(before.verdict.gate, before.packs), _by(gate.name, criteria.packs)
    if (before.verdict.gate_digest != gate.digest and not _are_built_in(was, now)) or was[1] != now[1]:
        raise DecisionError(
            f"scan {desk.scan.id} was judged by {was[0]} with {was[1]}, "
            f"and would now be judged by {now[0]} with {now[1]}",
            hint="name it with --policy or --pack, or run the command where its weighbridge.yaml lies",
        )


def _by(gate: str, packs: Sequence[Pack | PackResult]) -> tuple[str, str]:
    return gate, ", ".join(sorted(pack.id for pack in packs)) or "no pack"


def _are_built_in(*judged_by: tuple[str, str]) -> bool:
    """Whether all are versions of the built-in policy, which nobody can name."""
    return all(gate.startswith("weighbridge-default ") for gate, _ in judged_by)


def _refuse(desk: Desk, assessment: Assessment) -> None:
    from policies.assessment import VerdictValue
    from reports.glyphs import visible

    verdict = assessment.verdict
    click.echo(
        f"error: not approved: the verdict as of {assessment.as_of} is {verdict.value.value.upper()}",
        err=True,
    )
    for reason in verdict.reasons:
        if reason.value in (VerdictValue.BLOCK, VerdictValue.INCOMPLETE):
            click.echo(f"  {reason.value.value}  {visible(reason.text)}", err=True)
    click.echo(
        f"hint: `weighbridge waive {desk.scan.id}` accepts a finding, check or control for a while, "
        f"`weighbridge reject {desk.scan.id}` records a no",
        err=True,
    )
