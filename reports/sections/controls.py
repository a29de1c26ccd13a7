"""Controls: a matrix per pack, then each control with its reason, evidence, limits and open question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from policies.assessment import ControlResult, ControlStatus, PackResult
from reports.contents import Contents
from reports.sections.sources import SourceView, source_view
from reports.sections.verdict import Count
from reports.wording import Tag, control_tag, day, framework_name, owed_by, pack_state


@dataclass(frozen=True)
class ControlView:
    """One control, judged.

    Attributes:
        anchor: Id of its place in the document.
        id: Stable id.
        label: How people cite it.
        title: Short name.
        requirement: The duty in our own words.
        duty_holder: Who owes it.
        tag: What the evidence says.
        reason: Why.
        force: Whether the duty applies on the day of judgement, and from when.
        severity: If it failed.
        checks: Ids of the checks it rests on.
        findings: Fingerprints of the findings it rests on.
        measurements: Names of the measurements it rests on.
        evidence: Digests of the evidence behind these.
        relevance: What the duty means for whoever adopts the model, or "".
        attestation: The question a person must answer, or "".
        is_asked: Whether that question is still open.
        attested: Who answered it, how and until when, or "".
        limits: What the result does not show.
        maps: Related ids: "NIST AI RMF: MS-2.7".
        sources: Where the duty was read.
    """

    anchor: str
    id: str
    label: str
    title: str
    requirement: str
    duty_holder: str
    tag: Tag
    reason: str
    force: str
    severity: str
    checks: tuple[str, ...]
    findings: tuple[str, ...]
    measurements: tuple[str, ...]
    evidence: tuple[str, ...]
    relevance: str
    attestation: str
    is_asked: bool
    attested: str
    limits: str
    maps: tuple[str, ...]
    sources: tuple[SourceView, ...]


@dataclass(frozen=True)
class PackView:
    """One pack, judged: its controls and how many are in each status.

    `state` is "" for law in force, else what the pack is instead: "proposed, not law".
    """

    anchor: str
    title: str
    cite: str
    version: str
    state: str
    counts: tuple[Count, ...]
    controls: tuple[ControlView, ...]


@dataclass(frozen=True)
class ControlName:
    """A control as other sections refer to it."""

    anchor: str
    label: str


def pack_views(contents: Contents) -> tuple[PackView, ...]:
    """Every pack of these contents."""
    return tuple(_pack(pack) for pack in contents.assessment.packs)


def controls_by_finding(packs: tuple[PackView, ...]) -> Mapping[str, tuple[ControlName, ...]]:
    """The controls that rest on each finding, by its fingerprint: the way back from bytes to law."""
    names: dict[str, list[ControlName]] = {}
    for pack in packs:
        for control in pack.controls:
            for fingerprint in control.findings:
                names.setdefault(fingerprint, []).append(ControlName(control.anchor, control.label))
    return {fingerprint: tuple(controls) for fingerprint, controls in names.items()}


def anchor(*parts: str) -> str:
    """An id for a place in the document, of letters, digits and hyphens only."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-").lower()


def _pack(pack: PackResult) -> PackView:
    state = "" if pack.status == "in_force" else pack_state(pack.status)
    tags = [control_tag(control) for control in sorted(pack.controls, key=_place)]
    return PackView(
        anchor("pack", pack.id),
        pack.title,
        pack.cite,
        pack.version,
        state,
        tuple(Count(tag, number) for tag, number in Counter(tags).items()),
        tuple(_control(control, state) for control in pack.controls),
    )


def _place(control: ControlResult) -> tuple[int, bool]:
    """Statuses in the order in which they are declared, gaps of others after one's own."""
    return list(ControlStatus).index(control.status), control.is_gap_of_others


def _control(control: ControlResult, state: str) -> ControlView:
    return ControlView(
        anchor=anchor("control", control.pack_id, control.control_id),
        id=control.control_id,
        label=control.label,
        title=control.title,
        requirement=control.requirement,
        duty_holder=owed_by(control),
        tag=control_tag(control),
        reason=_reason(control),
        force=state or _force(control),
        severity=control.severity_if_failed,
        checks=control.checks,
        findings=control.findings,
        measurements=control.measurements,
        evidence=control.evidence,
        relevance=control.relevance,
        attestation=control.attestation,
        is_asked=control.status is ControlStatus.ATTESTATION_REQUIRED,
        attested=control.attested,
        limits=control.limits or "The pack states no limits for this control.",
        maps=tuple(
            f"{framework_name(framework)}: {', '.join(ids)}" for framework, ids in control.maps.items()
        ),
        sources=tuple(source_view(source) for source in control.sources),
    )


def _reason(control: ControlResult) -> str:
    if control.waived_until is None or control.waived_until.isoformat() in control.reason:
        return control.reason
    return f"{control.reason} Waived until {day(control.waived_until)}."


def _force(control: ControlResult) -> str:
    if control.effective_from is None:
        return "in force" if control.is_in_force else "not in force on this day"
    verb = "in force since" if control.is_in_force else "not in force on this day; from"
    return f"{verb} {day(control.effective_from)}"
