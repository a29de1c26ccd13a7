"""`weighbridge attest`: answer for a control that no scan can see."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli import options

if TYPE_CHECKING:
    from cli.deciding import Desk

_ANSWERS: Final = ("yes", "partly", "no", "implemented", "equivalent", "not_reasonable")


@click.command(short_help="Answer for a control, as a person.")
@click.argument("scan_id", metavar="SCAN")
@click.argument("control", metavar="CONTROL")
@click.option(
    "--answer",
    type=click.Choice(_ANSWERS),
    required=True,
    help="To the control's question; the last three are for addressable HIPAA specifications.",
)
@options.reason
@options.expires(required=True)
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the answer rests on; its sha256 is recorded, not its text.",
)
@click.option(
    "--every-model", is_flag=True, help="The answer is about the organisation, whichever the model."
)
@options.person
@options.output_format
@options.data_dir
@options.database
def command(
    scan_id: str,
    control: str,
    answer: str,
    reason: str,
    expires: datetime.date,
    document: Path | None,
    every_model: bool,
    by_name: str,
    by_role: str,
    person_path: Path,
    output: str,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Answer for CONTROL after seeing the stored scan SCAN (a unique beginning is enough).

    The answer holds for this model under its name, whatever the revision, until it expires; a
    later answer replaces it. It is recorded for ever and completes what a scan shows; alone it
    supports no control.

    \b
    Examples:
      weighbridge attest 20261122 hipaa-164.308-a-5-ii-b --answer yes \\
        --reason "Images are scanned before use" --expires 2027-11-22 --by "Jane Roe" --by-role CISO
      weighbridge attest 20261122 euaia-art4 --answer partly --reason "Half the staff is trained" \\
        --expires 2027-03-31 --every-model --document training.pdf
    """
    import dataclasses

    from cli.deciding import document_digest, now, opened, say_recorded, say_who
    from cli.person import require_person
    from policies.decisions import Answered, Decision, DecisionKind

    person = require_person(by_name, by_role, person_path)
    with opened(scan_id, data_dir, database_url) as desk:
        _require_asked(desk, control)
        say_who(person)
        record = desk.store.record(
            Decision(
                kind=DecisionKind.ATTESTATION,
                person=person,
                at=now(),
                reason=reason,
                seen=dataclasses.replace(desk.seen, document=document_digest(document)),
                expires=expires,
                answered=Answered(control, answer, every_model),
            )
        )
    about = "every model" if every_model else desk.seen.model
    say_recorded(
        record, output, f"counts for {about} until {expires}; `weighbridge gate {desk.scan.id}` judges anew"
    )


def _require_asked(desk: Desk, control: str) -> None:
    """The control exists, and asks a person something."""
    from cli.deciding import DecisionError
    from policies.packs import control_ids
    from scanner.registry import nearest

    judged = {}
    if desk.seen.assessment:
        judged = {one.control_id: one for one in desk.store.load_assessment(desk.scan.id).controls}
    known = sorted({*judged, *control_ids(())})
    if control not in known:
        raise DecisionError(
            f"unknown control '{control}'{nearest(control, known)}",
            hint="`weighbridge controls PACK` lists them",
        )
    if control in judged and not judged[control].attestation:
        raise DecisionError(
            f"control {control} is judged by the scan alone and asks nobody anything",
            hint=f"to accept its gap for a while: weighbridge waive {desk.scan.id} --control {control} ...",
        )
