"""Findings: what was wrong or could not be judged in full, what passed in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reports.contents import Contents, FindingRecord
from reports.sections.controls import ControlName
from reports.wording import Tag, outcome_tag
from scanner.evidence import EvidenceRef
from scanner.findings import Location, Outcome

_ORDER: Final = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN, Outcome.PASS)


@dataclass(frozen=True)
class FindingView:
    """One finding as shown.

    Attributes:
        anchor: Id of its place in the document.
        tag: Its outcome.
        severity: How bad a FAIL is.
        confidence: How sure the check is.
        check_id: The check.
        rule: A code within the check, or "".
        subject: What it is about, or "".
        fingerprint: Its name over scans.
        message: What was found.
        reason: Why it could not be judged, or "".
        locations: Where.
        evidence: What it rests on.
        remediation: What to do, or "".
        tags: Ids of public taxonomies.
        controls: The controls that rest on it.
    """

    anchor: str
    tag: Tag
    severity: str
    confidence: str
    check_id: str
    rule: str
    subject: str
    fingerprint: str
    message: str
    reason: str
    locations: tuple[str, ...]
    evidence: tuple[EvidenceRef, ...]
    remediation: str
    tags: tuple[str, ...]
    controls: tuple[ControlName, ...]


@dataclass(frozen=True)
class FindingsView:
    """The section on findings: `open` in full, `passed` in a table."""

    open: tuple[FindingView, ...]
    passed: tuple[FindingView, ...]


def findings_view(contents: Contents, controls: Mapping[str, tuple[ControlName, ...]]) -> FindingsView:
    """The section of these contents; the worst first."""
    ordered = sorted(contents.findings, key=_badness)
    anchors = _anchors(ordered)
    views = [
        _finding(record, anchor, controls.get(record.fingerprint, ()))
        for record, anchor in zip(ordered, anchors, strict=True)
    ]
    passed = Outcome.PASS.value
    return FindingsView(
        tuple(view for view in views if view.tag.key != passed),
        tuple(view for view in views if view.tag.key == passed),
    )


def finding_anchor(fingerprint: str) -> str:
    """Id of the place of the first finding with this fingerprint."""
    return f"finding-{fingerprint}"


def _badness(record: FindingRecord) -> tuple[int, int, str]:
    return _ORDER.index(record.outcome), -record.severity.rank, record.check_id


def _anchors(records: Sequence[FindingRecord]) -> list[str]:
    """One id each; a fingerprint that comes again (two findings about one thing) gets a number."""
    seen: Counter[str] = Counter()
    anchors = []
    for record in records:
        seen[record.fingerprint] += 1
        suffix = "" if seen[record.fingerprint] == 1 else f"-{seen[record.fingerprint]}"
        anchors.append(finding_anchor(record.fingerprint) + suffix)
    return anchors


def _finding(record: FindingRecord, anchor: str, controls: tuple[ControlName, ...]) -> FindingView:
    return FindingView(
        anchor=anchor,
        tag=outcome_tag(record.outcome),
        severity=record.severity.value,
        confidence=record.confidence.value,
        check_id=record.check_id,
        rule=record.rule,
        subject=record.subject,
        fingerprint=record.fingerprint,
        message=record.message,
        reason=record.reason,
        locations=tuple(_place(location) for location in record.locations),
        evidence=record.evidence,
        remediation=record.remediation,
        tags=record.tags,
        controls=controls,
    )


def _place(location: Location) -> str:
    line = f", line {location.line}" if location.line is not None else ""
    detail = f", {location.detail}" if location.detail else ""
    return f"{location.path}{line}{detail}"
