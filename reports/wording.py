"""The words for outcomes, statuses and verdicts: evidence speaks, nothing is ever called compliant.

>>> outcome_tag(Outcome.NOT_RUN).label
'Not run'
>>> verdict_tag(VerdictValue.PASS).label
'Pass'
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.assessment import ControlResult, ControlStatus, Standing, VerdictValue
from reports.contents import EvidenceState
from scanner.findings import Outcome


@dataclass(frozen=True)
class Tag:
    """A state as readers see it: word, shape and colour, so that no one of them carries it alone.

    Attributes:
        label: The word.
        kind: Name of its colour in the style sheets: "good", "bad", "warn", "open", "quiet".
        shape: One character, told apart in black and white.
        key: The value it stands for, for filters and tests.
    """

    label: str
    kind: str
    shape: str
    key: str


@dataclass(frozen=True)
class Legend:
    """A state and what it means."""

    tag: Tag
    meaning: str


_OUTCOMES: Final = {
    Outcome.PASS: ("Passed", "good", "●"),
    Outcome.FAIL: ("Failed", "bad", "■"),
    Outcome.NOT_RUN: ("Not run", "open", "○"),
    Outcome.ERROR: ("Error", "warn", "▲"),
}
_STATUSES: Final = {
    ControlStatus.SUPPORTED: ("Supported", "good", "●"),
    ControlStatus.PARTIALLY_SUPPORTED: ("Partially supported", "warn", "◆"),
    ControlStatus.NOT_SUPPORTED: ("Gap", "bad", "■"),
    ControlStatus.NOT_ASSESSED: ("Not assessed", "open", "○"),
    ControlStatus.NOT_APPLICABLE: ("Not applicable", "quiet", "–"),
    ControlStatus.ATTESTATION_REQUIRED: ("Attestation required", "open", "△"),
    ControlStatus.WAIVED: ("Waived", "warn", "◇"),
}
GAP_OF_OTHERS: Final = Tag("Gap of others", "warn", "□", key="gap_of_others")
_VERDICTS: Final = {
    VerdictValue.PASS: ("Pass", "good", "●"),
    VerdictValue.REVIEW: ("Review", "warn", "◆"),
    VerdictValue.BLOCK: ("Block", "bad", "■"),
    VerdictValue.INCOMPLETE: ("Incomplete", "open", "○"),
}
_MEANINGS: Final = {
    VerdictValue.PASS: "No rule of the gate objects, within the tested scope and on the stated day.",
    VerdictValue.REVIEW: "A rule of the gate asks a person to decide before the model is used.",
    VerdictValue.BLOCK: "A rule of the gate objects to using the model as it was scanned.",
    VerdictValue.INCOMPLETE: "Something that the gate requires could not be judged, so there is no answer.",
}
_OUTCOME_MEANINGS: Final = {
    Outcome.PASS: "The check looked and found nothing wrong, within its limits.",
    Outcome.FAIL: "The check found what it looks for.",
    Outcome.NOT_RUN: "There was nothing to judge with; the reason is given. Not a pass.",
    Outcome.ERROR: "Judging was tried and broke; the reason is given. Not a pass.",
}
_STATUS_MEANINGS: Final = {
    ControlStatus.SUPPORTED: "The evidence of this scan supports the control.",
    ControlStatus.PARTIALLY_SUPPORTED: "It supports a part of it, or only a person's word does.",
    ControlStatus.NOT_SUPPORTED: "The scan does not show what the control asks for, or a person answered no.",
    ControlStatus.NOT_ASSESSED: "The scan could not judge what the control asks for.",
    ControlStatus.NOT_APPLICABLE: "The control does not bind here, for the reason given.",
    ControlStatus.ATTESTATION_REQUIRED: "A person must answer, because no scan alone can.",
    ControlStatus.WAIVED: "Somebody accepted a gap until the day given.",
}
_FRAMEWORKS: Final = {
    "gdpr": "GDPR",
    "iso_42001": "ISO/IEC 42001",
    "mitre_atlas": "MITRE ATLAS",
    "nist_800_53": "NIST SP 800-53",
    "nist_ai_600_1": "NIST AI 600-1",
    "nist_ai_rmf": "NIST AI RMF",
    "owasp_llm": "OWASP LLM Top 10",
}
_EVIDENCE: Final = {
    EvidenceState.VERIFIED: ("Verified", "good", "●"),
    EvidenceState.CHANGED: ("Changed", "bad", "■"),
    EvidenceState.MISSING: ("Missing", "bad", "□"),
}
_PACK_STATES: Final = {
    "in_force": "in force",
    "proposed": "proposed, not law",
    "superseded": "superseded",
    "voluntary": "voluntary, not law",
}
_KNOWLEDGE: Final = {
    "primary": "text read there",
    "secondary": "known from others' accounts",
    "recalled": "from memory, to be checked",
    "": "how it was read is not stated",
}
_DUTY_HOLDERS: Final = {
    "provider_gpai": "provider of the general-purpose AI model",
    "provider_system": "provider of the AI system",
    "adopter": "whoever adopts the framework",
    "federal_agency": "US federal agency",
    "federal_contractor": "contractor of any US federal agency",
    "civilian_contractor": "contractor of a US federal civilian agency",
    "defence_contractor": "contractor of the US Department of Defense",
    "state_body": "body of a US state",
    "exporter": "exporter of items under US control",
    "us_person": "person whom US sanctions bind",
    "eu_person": "person whom EU sanctions bind",
    "uk_person": "person whom UK sanctions bind",
}
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def duty_holder_text(identifier: str) -> str:
    """Who owes a duty; an identifier of a later pack comes back as plain words."""
    return _DUTY_HOLDERS.get(identifier, plain(identifier))


def outcome_tag(outcome: Outcome) -> Tag:
    """What readers see of an outcome."""
    return Tag(*_OUTCOMES[outcome], key=outcome.value)


def status_tag(status: ControlStatus) -> Tag:
    """What readers see of a control's status."""
    return Tag(*_STATUSES[status], key=status.value)


def control_tag(control: ControlResult) -> Tag:
    """What readers see of a control: a gap in what others owe is told from one's own."""
    return GAP_OF_OTHERS if control.is_gap_of_others else status_tag(control.status)


def owed_by(control: ControlResult) -> str:
    """Who owes the duty, and whether that is the reader."""
    holder = duty_holder_text(control.duty_holder)
    match control.standing:
        case Standing.OWN:
            return holder
        case Standing.RELIANCE:
            return f"{holder}, on whom you rely"
        case Standing.OPEN:
            return f"{holder}; whether that is you is open"


def verdict_tag(value: VerdictValue) -> Tag:
    """What readers see of a verdict."""
    return Tag(*_VERDICTS[value], key=value.value)


def reason_tag(value: VerdictValue) -> Tag:
    """What readers see of a reason of a verdict: one that stops nothing, as a waiver, is a note."""
    if value is VerdictValue.PASS:
        return Tag("Note", "quiet", "–", key=value.value)
    return verdict_tag(value)


def evidence_tag(state: EvidenceState) -> Tag:
    """What readers see of the state of a piece of evidence."""
    return Tag(*_EVIDENCE[state], key=state.value)


def legends() -> tuple[Legend, ...]:
    """What the outcomes of findings and the statuses of controls mean."""
    return (
        *(Legend(outcome_tag(outcome), text) for outcome, text in _OUTCOME_MEANINGS.items()),
        *(Legend(status_tag(status), text) for status, text in _STATUS_MEANINGS.items()),
        Legend(GAP_OF_OTHERS, "The same where somebody else owes it, on whom you rely: no gap of yours."),
    )


def meaning(value: VerdictValue) -> str:
    """What a verdict says, in one sentence."""
    return _MEANINGS[value]


def pack_state(status: str) -> str:
    """A pack's status in words; a word of a later version comes back as it is."""
    return _PACK_STATES.get(status, status)


def framework_name(framework: str) -> str:
    """What people call a framework that controls are mapped to: "NIST AI 600-1"."""
    return _FRAMEWORKS.get(framework, plain(framework).upper())


def plain(identifier: str) -> str:
    """An identifier as words: "provider_gpai" -> "provider gpai"."""
    return identifier.replace("_", " ")


def titled(identifier: str) -> str:
    """An identifier as the label of a row: "context_tokens" -> "Context tokens"."""
    words = plain(identifier)
    return words[:1].upper() + words[1:]


def knowledge(confidence: str) -> str:
    """How well a source is known; a word of a later pack comes back as it is."""
    return _KNOWLEDGE.get(confidence, confidence)


def reviewed_text(reviewer: str) -> str:
    """Who held a pack against the law, in a sentence."""
    if not reviewer:
        return "No person has yet held it against the law."
    return f"Held against the law by {reviewer}."


def dimensions_text(dimensions: Mapping[str, str]) -> str:
    """What a number was measured for: "language zh, topic tibet", or "overall"."""
    return ", ".join(f"{plain(key)} {value}" for key, value in dimensions.items() if value) or "overall"


def day(date: datetime.date) -> str:
    """A date that no two countries read differently: "22 November 2026"."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def moment(at: datetime.datetime) -> str:
    """A time in UTC: "22 November 2026, 13:05 UTC"."""
    in_utc = at.astimezone(datetime.UTC)
    return f"{day(in_utc)}, {in_utc:%H:%M} UTC"


def stamp(at: datetime.datetime) -> str:
    """A time in UTC for tables: "2026-11-22 13:05"."""
    return f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """A count with its noun: "1 finding", "12 findings"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
