"""Decides the status of one control: does it apply, what does the scan show, what does a person state.

Three-valued throughout. Whether a control applies and is open: attestation_required. What the scan shows
is open: not_assessed. Neither ever turns into not_applicable or supported.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

from policies.assessment import ControlStatus
from policies.controls import Control, EvidenceKind
from policies.facts import Facts
from policies.policy_file import Attestation
from policies.rules import Rule, Truth

_S: Final = ControlStatus
# What answers come to for a duty that leaves no choice, and for an addressable one (45 CFR 164.306(d)(3):
# implement it, or document why not and do something equivalent if that is reasonable).
_REQUIRED: Final = {
    "yes": _S.SUPPORTED,
    "implemented": _S.SUPPORTED,
    "partly": _S.PARTIALLY_SUPPORTED,
    "equivalent": _S.PARTIALLY_SUPPORTED,
    "no": _S.NOT_SUPPORTED,
    "not_reasonable": _S.NOT_SUPPORTED,
}
_ADDRESSABLE: Final = _REQUIRED | {
    "equivalent": _S.SUPPORTED,
    "not_reasonable": _S.PARTIALLY_SUPPORTED,
}
_DECIDED_OTHERWISE: Final = ("equivalent", "not_reasonable")
_BEST_FIRST: Final = (_S.SUPPORTED, _S.PARTIALLY_SUPPORTED, _S.NOT_SUPPORTED)


@dataclass(frozen=True)
class Judgement:
    """A status and why, a plain sentence without its final stop."""

    status: ControlStatus
    reason: str


def judge(control: Control, facts: Facts, attestation: Attestation | None, as_of: datetime.date) -> Judgement:
    """The status of a control by these facts and this statement, whether or not it is in force."""
    applies = facts.holds(control.applies_if) if control.applies_if else Truth.TRUE
    if control.applies_if and applies is Truth.FALSE:
        return Judgement(
            _S.NOT_APPLICABLE,
            f"does not apply, because it is not so that {_says(control.applies_if, facts, Truth.FALSE)}",
        )
    exempt = facts.holds(control.exempt_if) if control.exempt_if else Truth.FALSE
    if exempt is Truth.TRUE and applies is Truth.TRUE:
        return Judgement(_S.NOT_APPLICABLE, f"exempt: {control.exemption}")
    merits = _on_the_merits(control, facts, attestation, as_of)
    if control.applies_if and applies is Truth.UNKNOWN:
        why = facts.why_unknown(control.applies_if)
        return Judgement(
            _S.ATTESTATION_REQUIRED, f"whether it applies is open: {why}; if it does: {merits.reason}"
        )
    if control.exempt_if and exempt is Truth.UNKNOWN:
        return _perhaps_exempt(control.exemption, facts.why_unknown(control.exempt_if), merits)
    return merits


def effective_from(control: Control, facts: Facts) -> tuple[datetime.date | None, str]:
    """The first day on which the duty applies, and what to add when that hangs on an open question.

    While it is open which day applies, the earliest one counts. None when no day fits the answers.
    """
    candidates: list[datetime.date] = []
    is_settled = False
    for entry in control.effective:
        truth = facts.holds(entry.when) if entry.when else Truth.TRUE
        if truth is not Truth.FALSE:
            candidates.append(entry.since)
        if is_settled := truth is Truth.TRUE:
            break
    if not candidates:
        return None, ""
    others = sorted({day for day in candidates if day != min(candidates)})
    ways = [f"from {' or '.join(map(str, others))} only"] if others else []
    ways += [] if is_settled else ["not at all"]
    note = f"depending on open answers it may apply {', or '.join(ways)}" if ways else ""
    return min(candidates), note


def _perhaps_exempt(exemption: str, why: str, merits: Judgement) -> Judgement:
    """Support stands whether or not the duty binds; a gap is one only if it does."""
    reason = f"{merits.reason}; it may be exempt ({exemption}), which is open: {why}"
    status = _S.ATTESTATION_REQUIRED if merits.status is _S.NOT_SUPPORTED else merits.status
    return Judgement(status, reason)


def _on_the_merits(
    control: Control, facts: Facts, attestation: Attestation | None, as_of: datetime.date
) -> Judgement:
    stated, lapsed = _current(attestation, as_of)
    if control.evidence is EvidenceKind.ATTESTATION:
        judgement = _by_person(control, stated)
    elif control.evidence is EvidenceKind.AUTOMATIC:
        judgement = _by_scan(control, facts)
    else:
        judgement = _by_both(control, _by_scan(control, facts), stated)
    return Judgement(judgement.status, f"{judgement.reason}; {lapsed}") if lapsed else judgement


def _current(attestation: Attestation | None, as_of: datetime.date) -> tuple[Attestation | None, str]:
    if attestation is None or attestation.counts_on(as_of):
        return attestation, ""
    if attestation.expires < as_of:
        return (
            None,
            f"the statement of {attestation.name} expired on {attestation.expires} and no longer counts",
        )
    return None, f"the statement of {attestation.name} is dated {attestation.date} and does not count yet"


def _by_scan(control: Control, facts: Facts) -> Judgement:
    supported = _grounded(control.supported_if, facts)
    partial = _grounded(control.partial_if, facts)
    fullest = control.supported_if if control.supported_if.clauses else control.partial_if
    if supported is Truth.TRUE:
        return Judgement(_S.SUPPORTED, f"the scan supports that {_says(fullest, facts, Truth.TRUE)}")
    if partial is Truth.TRUE:
        return Judgement(_S.PARTIALLY_SUPPORTED, _in_part(control, facts))
    # Without a rule for the one, the other decides alone.
    has_supported, has_partial = bool(control.supported_if.clauses), bool(control.partial_if.clauses)
    if (supported is Truth.FALSE or not has_supported) and (partial is Truth.FALSE or not has_partial):
        return Judgement(
            _S.NOT_SUPPORTED, f"gap: the scan does not show that {_says(fullest, facts, Truth.FALSE)}"
        )
    open_rule = control.supported_if if supported is Truth.UNKNOWN and has_supported else control.partial_if
    return Judgement(_S.NOT_ASSESSED, f"could not be assessed: {_why_open(open_rule, facts)}")


def _grounded(rule: Rule, facts: Facts) -> Truth:
    """What a rule comes to; TRUE only when something was judged or measured, not on empty sets."""
    truth = facts.holds(rule)
    return Truth.UNKNOWN if truth is Truth.TRUE and not _has_ground(rule, facts) else truth


def _has_ground(rule: Rule, facts: Facts) -> bool:
    subjects = {name.rpartition(".")[0] for name in rule.names}
    judged = (facts.dark.get(f"{subject}.judged", 0) for subject in subjects if subject.startswith("check."))
    return any(judged) or any(f"{subject}.low" in facts.dark for subject in subjects)


def _why_open(rule: Rule, facts: Facts) -> str:
    if facts.holds(rule) is Truth.TRUE:
        return "there was nothing of this kind to examine"
    return facts.why_unknown(rule)


def _in_part(control: Control, facts: Facts) -> str:
    reason = f"the scan supports in part that {_says(control.partial_if, facts, Truth.TRUE)}"
    if missing := _says(control.supported_if, facts, Truth.FALSE):
        reason += f"; it does not show that {missing}"
    if control.supported_if.clauses and facts.holds(control.supported_if) is Truth.UNKNOWN:
        reason += f"; open: {_why_open(control.supported_if, facts)}"
    return reason


def _by_person(control: Control, stated: Attestation | None) -> Judgement:
    if stated is None:
        return Judgement(_S.ATTESTATION_REQUIRED, "no scan can see this, and nobody has answered for it yet")
    status = _meaning(control, stated)
    if status is _S.NOT_SUPPORTED:
        return Judgement(status, f"gap: {in_words(stated)}")
    # A person's word is not evidence of this scan, so it alone never makes a control supported.
    return Judgement(
        _S.PARTIALLY_SUPPORTED, f"rests on a person's word, not on this scan: {in_words(stated)}"
    )


def _by_both(control: Control, scan: Judgement, stated: Attestation | None) -> Judgement:
    if scan.status is _S.NOT_ASSESSED:
        return scan
    if stated is None:
        if scan.status is _S.NOT_SUPPORTED and not control.is_addressable:
            return scan
        return Judgement(_S.ATTESTATION_REQUIRED, f"{scan.reason}; the rest nobody has answered for yet")
    reason = f"{scan.reason}; {in_words(stated)}"
    if scan.status is _S.NOT_SUPPORTED and control.is_addressable and stated.answer in _DECIDED_OTHERWISE:
        # The documented decision counts; that the scan saw a gap stays visible.
        return Judgement(_S.PARTIALLY_SUPPORTED, reason)
    return Judgement(_worse(scan.status, _meaning(control, stated)), reason)


def _meaning(control: Control, stated: Attestation) -> ControlStatus:
    return (_ADDRESSABLE if control.is_addressable else _REQUIRED)[stated.answer]


def _worse(one: ControlStatus, other: ControlStatus) -> ControlStatus:
    return max(one, other, key=_BEST_FIRST.index)


def in_words(stated: Attestation) -> str:
    """A statement as reports print it: who answered what, when, why, and until when it counts."""
    reason = f" ({stated.reason})" if stated.reason else ""
    document = f", document {stated.document_sha256[:12]}" if stated.document_sha256 else ""
    return (
        f"{stated.name}, {stated.role}, answered '{stated.answer}'{reason} on {stated.date}, "
        f"valid until {stated.expires}{document}"
    )


def _says(rule: Rule, facts: Facts, truth: Truth) -> str:
    """The clauses of that truth, in words: of claims that hold all do, of those that fail none does."""
    conjunction = ", or that " if truth is Truth.FALSE else ", and that "
    return conjunction.join(clause.says for clause in rule.clauses if facts.truth(clause) is truth)


def capitalised(text: str) -> str:
    """`text` with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]
