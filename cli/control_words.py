"""What the packs say about a control, in the words that the command and the pages of docs/ share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.controls import Control, Effective, EvidenceKind, Pack
from reports.wording import duty_holder_text, pack_state

DECIDED_BY: Final = {
    EvidenceKind.AUTOMATIC: "checks alone",
    EvidenceKind.HYBRID: "checks and a person",
    EvidenceKind.ATTESTATION: "a person alone",
}

# Under every crosswalk: what a line of it does not say.
NON_CLAIM: Final = (
    "A mapping says that two texts are about the same subject. It is an opinion of the packs' authors, and "
    "evidence for a control is not evidence for everything that the id asks for."
)


def headline(pack: Pack) -> str:
    """A pack in one line: "EU AI Act (eu-ai-act 2026.11.1, in force): Regulation ...""."""
    return f"{pack.title} ({pack.id} {pack.version}, {pack_state(pack.status)}): {pack.cite}"


def standing(pack: Pack) -> str:
    """Who reviewed the pack, and when that is due again."""
    by = f"reviewed by {pack.reviewed_by}" if pack.reviewed_by else "not yet reviewed by a person"
    return f"{by}; next review due {pack.review_due}"


def days(control: Control, pack: Pack) -> str:
    """From when the duty applies, and for whom if not for all; the first day that fits is the one."""
    if not control.effective:
        return "none, as long as it is only proposed"
    word = "published" if pack.status == "voluntary" else "from"
    return f"{word} " + "; ".join(
        _day(entry, is_first=not place) for place, entry in enumerate(control.effective)
    )


def checks_of(control: Control) -> str:
    """The checks that feed it, or why none does."""
    return ", ".join(control.fed_by) or f"none: {control.limits}"


def lines(control: Control, pack: Pack) -> Iterator[tuple[str, str]]:
    """Everything there is to know about a control, as names and values."""
    yield "decided by", DECIDED_BY[control.evidence]
    yield "owed by", duty_holder_text(control.duty_holder)
    yield "dates", days(control, pack)
    yield "checks", checks_of(control)
    if control.attestation:
        yield "asks", control.attestation
    if control.fed_by:
        yield "limits", control.limits


def summary(pack: Pack) -> str:
    """How the controls of a pack are decided, counted."""
    kinds = [control.evidence for control in pack.controls]
    parts = ", ".join(f"{kinds.count(kind)} by {words}" for kind, words in DECIDED_BY.items())
    fed = {check for control in pack.controls for check in control.fed_by}
    return f"{len(pack.controls)} controls: {parts}; {len(fed)} checks feed them"


def _day(entry: Effective, *, is_first: bool) -> str:
    if entry.when:
        return f"{entry.since} if {' and '.join(clause.says for clause in entry.when.clauses)}"
    return str(entry.since) if is_first else f"otherwise {entry.since}"
