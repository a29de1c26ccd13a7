"""`weighbridge waive`: accept a risk for a while."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options

if TYPE_CHECKING:
    from cli.deciding import Desk
    from scanner.findings import Finding


@click.command(short_help="Accept a risk for a while.")
@click.argument("scan_id", metavar="SCAN")
@click.option(
    "--finding",
    default="",
    metavar="FINGERPRINT",
    help="The finding, or change against a base, to waive: 16 hex digits.",
)
@click.option("--check", default="", metavar="ID", help="Waive everything that this check finds.")
@click.option("--control", default="", metavar="ID", help="The control to waive.")
@click.option("--owner", required=True, metavar="NAME", help="Who carries the risk.")
@options.reason
@click.option(
    "--compensating-control", required=True, metavar="TEXT", help="What is done about the risk meanwhile."
)
@options.expires(required=True)
@options.person
@options.output_format
@options.data_dir
@options.database
def command(
    scan_id: str,
    finding: str,
    check: str,
    control: str,
    owner: str,
    reason: str,
    compensating_control: str,
    expires: datetime.date,
    by_name: str,
    by_role: str,
    person_path: Path,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Accept a finding, a check or a control of the stored scan SCAN until a day.

    It holds for this model under its name, whatever the revision: a later scan of it that finds
    the same thing is waived too, until the waiver expires by itself. Whatever is waived stays in
    every report. Another waiver of the same target replaces this one.

    \b
    Examples:
      weighbridge waive 20261122 --finding 0123456789abcdef --owner "Jane Roe" \\
        --reason "Read by us" --compensating-control "No network" --expires 2027-03-31
      weighbridge waive 20261122 --check model-card-gaps --owner "Jane Roe" \\
        --reason "Asked the provider" --compensating-control "None needed" --expires 2027-01-31
    """
    from cli.deciding import now, opened, say_recorded, say_who
    from cli.person import require_person
    from policies.decisions import Accepted, Decision, DecisionKind

    if sum(map(bool, (finding, check, control))) != 1:
        raise click.UsageError("give exactly one of --finding, --check and --control")
    person = require_person(by_name, by_role, person_path)
    with opened(scan_id, data_dir, database_url) as desk:
        target = Accepted(owner, compensating_control, finding, check, control)
        seen = dataclasses.replace(desk.seen, evidence=_evidence(desk, finding, check, control))
        say_who(person)
        record = desk.store.record(
            Decision(
                kind=DecisionKind.WAIVER,
                person=person,
                at=now(),
                reason=reason,
                seen=seen,
                expires=expires,
                accepted=target,
            )
        )
    say_recorded(
        record,
        output,
        f"{target.target} counts as waived for {desk.seen.model} until {expires}; "
        f"`weighbridge gate {desk.scan.id}` judges anew",
    )


def _evidence(desk: Desk, finding: str, check: str, control: str) -> dict[str, tuple[str, ...]]:
    """The evidence behind what is waived, by finding; what is waived has to exist."""
    from policies.decided import evidence_behind

    if control:
        return evidence_behind(_of_control(desk, control))
    return evidence_behind(_findings(desk, finding) if finding else _of_check(desk, check))


def _findings(desk: Desk, fingerprint: str) -> list[Finding]:
    from cli.deciding import DecisionError
    from scanner.findings import Outcome
    from scanner.registry import nearest

    open_ones = [one for one in desk.scan.findings if one.outcome is not Outcome.PASS]
    found = [one for one in open_ones if one.fingerprint == fingerprint]
    known = {one.fingerprint for one in open_ones} | _objected(desk)
    if fingerprint not in known:
        raise DecisionError(
            f"scan {desk.scan.id}: no finding {fingerprint} that did not pass, and no change of that "
            f"fingerprint stands against it{nearest(fingerprint, sorted(known))}",
            hint="`weighbridge gate` and the reports name the fingerprints",
        )
    return found


def _objected(desk: Desk) -> set[str]:
    """What speaks against the scan in its newest verdict: beside findings, changes against its base."""
    from policies.assessment import VerdictValue

    if not desk.seen.assessment:
        return set()
    reasons = desk.store.load_assessment(desk.scan.id).verdict.reasons
    return {each for one in reasons if one.value is not VerdictValue.PASS for each in one.findings}


def _of_check(desk: Desk, check: str) -> list[Finding]:
    from cli.checks import known_checks
    from cli.deciding import DecisionError
    from scanner.findings import Outcome
    from scanner.registry import nearest

    known = sorted({*known_checks(), *(record.check_id for record in desk.scan.records)})
    if check not in known:
        raise DecisionError(
            f"unknown check '{check}'{nearest(check, known)}", hint="`weighbridge checks` lists them"
        )
    return [one for one in desk.scan.findings if one.check_id == check and one.outcome is not Outcome.PASS]


def _of_control(desk: Desk, control: str) -> list[Finding]:
    from cli.deciding import DecisionError
    from scanner.registry import nearest

    judged = {one.control_id: one for one in desk.store.load_assessment(desk.scan.id).controls}
    if control not in judged:
        raise DecisionError(
            f"scan {desk.scan.id} was not judged by a control '{control}'{nearest(control, judged)}",
            hint=f"`weighbridge report {desk.scan.id}` lists those that it was",
        )
    return [one for one in desk.scan.findings if one.fingerprint in judged[control].findings]
