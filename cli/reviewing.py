"""What `approve` and `reject` share: who prepared the scan, and that somebody else reviews it."""

from __future__ import annotations

from cli.deciding import DecisionError, Desk
from policies.decided import preparation_of
from policies.decisions import Person, Reviewed


def review(desk: Desk, reviewer: Person, prepared_by: str) -> Reviewed:
    """The review of this scan by this person.

    Raises:
        DecisionError: when nobody knows who prepared it, two say different names, or it was the reviewer.
    """
    recorded = preparation_of(desk.store.decisions(), desk.scan.id)
    if recorded is None and not prepared_by.strip():
        raise DecisionError(
            f"who prepared scan {desk.scan.id} was not recorded",
            hint="say it with --prepared-by NAME; `weighbridge scan --by NAME --by-role ROLE` records it",
        )
    if recorded is not None and prepared_by and not recorded.decision.person.is_called(prepared_by):
        raise DecisionError(
            f"scan {desk.scan.id} was prepared by {recorded.decision.person.name}, not by {prepared_by}",
            hint="leave --prepared-by away: decision " + str(recorded.number) + " says who it was",
        )
    preparer = recorded.decision.person.name if recorded else prepared_by.strip()
    if reviewer.is_called(preparer):
        raise DecisionError(
            f"{reviewer.name} prepared scan {desk.scan.id}, so somebody else reviews it",
            hint="preparer and reviewer must be different people",
        )
    return Reviewed(preparer, f"decision {recorded.number}" if recorded else "the reviewer")
