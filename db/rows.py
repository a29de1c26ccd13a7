"""Turns values into rows and asks for lines of the history."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from sqlalchemy import Select, func, select

from db.tables import (
    AssessmentTable,
    Base,
    ControlTable,
    EvidenceTable,
    FileTable,
    FindingTable,
    MeasurementTable,
    ScanTable,
)  # fmt: skip
from policies.assessment import Assessment
from scanner.evidence import EvidenceRef
from scanner.findings import Outcome
from scanner.records import encode
from scanner.scan import Scan

HistoryQuery = Select[str, str, str | None, str, str, datetime.datetime, str, int]


def scan_rows(scan: Scan) -> Iterator[Base]:
    """Every row of a scan, the scan's own first."""
    yield ScanTable(
        id=scan.id,
        model=scan.request.ref.text,
        commit=scan.snapshot.commit,
        digest=scan.snapshot.digest,
        weights_digest=scan.snapshot.weights_digest,
        profile=scan.request.profile.value,
        started_at=scan.started_at,
        finished_at=scan.finished_at,
        document=encode(scan),
    )
    for entry in scan.snapshot.files:
        yield FileTable(scan_id=scan.id, path=entry.path, size_bytes=entry.size_bytes, sha256=entry.sha256)
    yield from _finding_rows(scan)
    yield from _measurement_rows(scan)
    for ref in evidence_of(scan):
        yield EvidenceTable(
            scan_id=scan.id,
            sha256=ref.sha256,
            media_type=ref.media_type,
            size_bytes=ref.size_bytes,
            title=ref.title,
        )


def evidence_of(scan: Scan) -> Iterable[EvidenceRef]:
    """Every piece of evidence the scan points to, once."""
    found = [finding.evidence for finding in scan.findings]
    measured = [measurement.evidence for measurement in scan.measurements]
    return {ref.sha256: ref for refs in (*found, *measured) for ref in refs}.values()


def assessment_row(assessment: Assessment) -> AssessmentTable:
    """The row of an assessment, without those of its controls."""
    return AssessmentTable(
        scan_id=assessment.scan_id,
        assessed_at=assessment.assessed_at,
        as_of=assessment.as_of,
        verdict=assessment.verdict.value.value,
        gate=assessment.verdict.gate,
        document=encode(assessment),
    )


def control_rows(assessment_id: int, assessment: Assessment) -> Iterator[ControlTable]:
    """A row for every control of every pack."""
    for pack in assessment.packs:
        for control in pack.controls:
            yield ControlTable(
                assessment_id=assessment_id,
                control_id=control.control_id,
                pack_id=pack.id,
                pack_version=pack.version,
                status=control.status.value,
                reason=control.reason,
            )


def newest_query(digest: str) -> Select[str]:
    """Asks for the id of the newest scan of exactly the bytes with this digest."""
    newest_first = ScanTable.started_at.desc()
    return select(ScanTable.id).where(ScanTable.digest == digest).order_by(newest_first).limit(1)


def history_query(limit: int, model: str | None) -> HistoryQuery:
    """The fields of `ScanSummary`, newest scan first."""
    newest = (
        select(AssessmentTable.scan_id, func.max(AssessmentTable.id).label("id"))
        .group_by(AssessmentTable.scan_id)
        .subquery()
    )
    failed = (
        select(func.count())
        .where(FindingTable.scan_id == ScanTable.id, FindingTable.outcome == Outcome.FAIL.value)
        .correlate(ScanTable)
        .scalar_subquery()
    )
    query: HistoryQuery = (
        select(
            ScanTable.id,
            ScanTable.model,
            ScanTable.commit,
            ScanTable.digest,
            ScanTable.profile,
            ScanTable.started_at,
            func.coalesce(AssessmentTable.verdict, ""),
            failed,
        )
        .outerjoin(newest, newest.c.scan_id == ScanTable.id)
        .outerjoin(AssessmentTable, AssessmentTable.id == newest.c.id)
        .order_by(ScanTable.started_at.desc(), ScanTable.id)
        .limit(limit)
    )
    if model is not None:
        query = query.where(ScanTable.model.contains(model, autoescape=True))
    return query


def _finding_rows(scan: Scan) -> Iterator[FindingTable]:
    for position, finding in enumerate(scan.findings):
        yield FindingTable(
            scan_id=scan.id,
            position=position,
            fingerprint=finding.fingerprint,
            check_id=finding.check_id,
            rule=_searchable(finding.rule),
            subject=_searchable(finding.subject),
            outcome=finding.outcome.value,
            severity=finding.severity.value,
            confidence=finding.confidence.value,
            message=_searchable(finding.message),
            reason=_searchable(finding.reason),
        )


def _measurement_rows(scan: Scan) -> Iterator[MeasurementTable]:
    for position, measurement in enumerate(scan.measurements):
        yield MeasurementTable(
            scan_id=scan.id,
            position=position,
            check_id=measurement.check_id,
            name=measurement.name,
            dimensions=dict(measurement.dimensions),
            value=measurement.value,
            low=measurement.interval.low,
            high=measurement.interval.high,
            level=measurement.interval.level,
            n=measurement.n,
            unit=measurement.unit,
            method=measurement.method,
        )


def _searchable(text: str) -> str:
    """Text for a column. PostgreSQL takes no NUL; the whole document keeps it, escaped."""
    return text.replace("\0", "\ufffd")
