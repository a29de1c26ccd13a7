"""Holds the duties of a licence against a user's situation: what is owed, what is broken, what is open.

>>> from scanner.licensing.situation import Situation
>>> from scanner.licensing.terms import licence_terms
>>> [status] = duties_of(licence_terms()["mit"], Situation(distributes=False))
>>> (status.duty.id, status.state.value)
('notice', 'not applicable')
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from scanner.licensing.situation import Situation
from scanner.licensing.terms import Duty, DutyKind, Terms


class DutyState(enum.Enum):
    """How a duty stands for this user."""

    NOT_MET = "not met"
    TO_DO = "for you to do"
    UNKNOWN = "unknown"
    MET = "met"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class DutyStatus:
    """A duty as it stands for one user.

    Attributes:
        licence: Id of the licence that asks for it.
        duty: What it asks for.
        state: How it stands.
        why: Why, a phrase.
    """

    licence: str
    duty: Duty
    state: DutyState
    why: str


# What no act of the user can meet: the licence gives no rights there.
_BARRED: Final = frozenset({DutyKind.FORBIDDEN})
# Without the licensor the licence gives no rights there.
NEEDS_LICENSOR: Final = frozenset({DutyKind.PERMISSION, DutyKind.REGISTRATION})


def duties_of(terms: Terms, situation: Situation) -> tuple[DutyStatus, ...]:
    """Every duty of a licence as it stands in this situation, those that stop the user first."""
    order = list(DutyState)
    found = (_status(terms.licence, duty, situation) for duty in terms.duties)
    return tuple(sorted(found, key=lambda status: order.index(status.state)))


def _status(licence: str, duty: Duty, situation: Situation) -> DutyStatus:
    applies = duty.when.holds(situation)
    if applies is None:
        asked = ", ".join(duty.when.open_questions(situation))
        return DutyStatus(licence, duty, DutyState.UNKNOWN, f"depends on what was not answered: {asked}")
    if not applies and duty.kind in _BARRED | NEEDS_LICENSOR:
        return DutyStatus(licence, duty, DutyState.MET, "by your answers you stay within it")
    if not applies:
        return DutyStatus(licence, duty, DutyState.NOT_APPLICABLE, "its condition does not hold for you")
    if duty.only_for:
        return DutyStatus(
            licence, duty, DutyState.UNKNOWN, f"holds for {duty.only_for}: see whether this is one"
        )
    if duty.kind in _BARRED:
        return DutyStatus(licence, duty, DutyState.NOT_MET, "the licence gives no right to what you answered")
    return DutyStatus(licence, duty, DutyState.TO_DO, "its condition holds for you")
