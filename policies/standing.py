"""Whose duty a control is: the organisation's own, or that of somebody on whom it relies.

What a supplier owes and does not show is worth knowing; it is no gap of the organisation that adopts the
supplier's model, and no gate counts it as one unless its policy says so.
"""

from __future__ import annotations

from policies.assessment import Standing
from policies.controls import Control, DutyHolder
from policies.facts import Facts
from policies.rules import Truth


def standing_of(holder: DutyHolder | None, facts: Facts) -> tuple[Standing, str]:
    """Whether the organisation is this duty holder, and a sentence about it, "" when it plainly is.

    The role that was named decides. Facts that shift a role (an own trademark, a large change) make the
    duty the organisation's own as soon as they hold; while they are open the role stands, and the
    sentence names them.
    """
    if holder is None:
        return Standing.OWN, ""
    named = facts.holds(holder.you_if)
    if named is Truth.TRUE:
        return Standing.OWN, ""
    shifts = [clause.says for clause in holder.also_if.clauses if facts.truth(clause) is Truth.TRUE]
    if shifts:
        return Standing.OWN, f"your own duty as {holder.name}, because {' and because '.join(shifts)}"
    if named is Truth.UNKNOWN:
        why = facts.why_unknown(holder.you_if)
        return Standing.OPEN, f"whether you owe this as {holder.name} is open: {why}"
    whose = f"reliance, no duty of yours: it is owed by the {holder.name}"
    return Standing.RELIANCE, whose + _if(holder, facts)


def meaning_of(control: Control, standing: Standing) -> str:
    """What the control means for an organisation in that standing."""
    match standing:
        case Standing.OWN:
            return control.relevance
        case Standing.RELIANCE:
            return control.reliance or control.relevance
        case Standing.OPEN:
            return " ".join(filter(None, (control.relevance, control.reliance)))


def _if(holder: DutyHolder, facts: Facts) -> str:
    shifts = [clause.says for clause in holder.also_if.clauses if facts.truth(clause) is Truth.UNKNOWN]
    return f"; it would be yours if {', or if '.join(shifts)}, which is open" if shifts else ""
