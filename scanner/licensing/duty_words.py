"""Duties in words: what a finding says of one, and the questions that are still to be answered.

>>> asked(("mau", "territory"))
'mau, territory (under `licence` in the policy file, or --set licence.mau=...)'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scanner.licensing.duties import DutyState, DutyStatus
from scanner.licensing.record import AppliedLicence, DutyReading, EffectiveTerms, Ground, Threshold
from scanner.licensing.situation import Situation


def origin_in_words(one: AppliedLicence) -> str:
    """Whose licence it is: "" for the model's own text, else on what it rests."""
    match one.ground:
        case Ground.TEXT:
            return ""
        case Ground.DECLARED:
            where = f" in {one.place.path}" if one.place is not None else ""
            return f" (declared{where}; its text is not there)"
        case Ground.INHERITED:
            return f" (inherited: the family of the base model {one.via} usually comes under it)"


def duty_in_words(reading: DutyReading) -> str:
    """What is to be done or left, with the words to show, where, and the section that says so."""
    duty = reading.status.duty
    parts = [
        f": '{duty.words}'" if duty.words else "",
        f", in: {duty.where}" if duty.where else "",
        f" (policy: {duty.link})" if duty.link else "",
        f"; counted: {duty.counted}" if duty.counted else "",
        f" [{duty.place}]" if duty.place else "",
    ]
    return duty.what + "".join(parts)


def asked(keys: Sequence[str]) -> str:
    """The answers that are missing, and how to give them."""
    return f"{', '.join(keys)} (under `licence` in the policy file, or --set licence.{keys[0]}=...)"


def waiting_in_words(waiting: Sequence[DutyStatus], situation: Situation) -> str:
    """What duties wait for: answers of the user, and whether this model is one that they are about."""
    keys = dict.fromkeys(key for each in waiting for key in each.duty.when.open_questions(situation))
    about = dict.fromkeys(
        each.duty.only_for for each in waiting if not each.duty.when.open_questions(situation)
    )
    parts = [f"to be answered: {asked(tuple(keys))}"] if keys else []
    parts += [f"only for {models}: see whether this is one" for models in about if models]
    return "; ".join(parts)


def missing_traces(one: AppliedLicence) -> list[str]:
    """What a repository made from another model lacks of what that model's licence asks for."""
    readings = (reading for reading in one.duties if reading.trace is not None and not reading.trace.is_kept)
    return list(dict.fromkeys(reading.trace.sought for reading in readings if reading.trace is not None))


def effective_in_words(terms: EffectiveTerms) -> str:
    """The terms of the whole chain in one line."""
    limits = ", ".join(_limit(one) for one in terms.thresholds)
    parts = [
        f"commercial use: {terms.commercial.value}",
        f"thresholds: {limits}" if limits else "",
        f"no rights in: {', '.join(terms.excluded)}" if terms.excluded else "",
        f"free and open-source criteria of the AI Act: {terms.foss.value}",
    ]
    return "; ".join(part for part in parts if part)


def counted_states(licences: Iterable[AppliedLicence]) -> dict[DutyState, int]:
    """How many duties stand how."""
    states = [reading.status.state for one in licences for reading in one.duties]
    return {state: states.count(state) for state in DutyState}


def _limit(one: Threshold) -> str:
    return f"{one.above:,.0f} {one.measure.value}"
