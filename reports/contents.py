"""Everything a report says, as one value: what the JSON report holds and the other formats show.

Its shape is the schema `weighbridge.report/1` (see `reports.schema`); fields are only ever added to it.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal, TypeVar

import scanner
from policies.assessment import Assessment
from reports.decisions import DecisionEntry, SignOff, decision_entries, sign_off
from reports.format import Report
from reports.reperformance import commands
from scanner.check import CheckRecord
from scanner.conversation import EngineDescription
from scanner.deflection_matrix import MATRIX_MEDIA_TYPE, DeflectionMatrix
from scanner.errors import InvalidValueError
from scanner.evidence import EvidenceError, EvidenceRef, EvidenceStore
from scanner.file_verdicts import KIND_CHECK, FileJudgement, file_verdicts
from scanner.findings import Confidence, Finding, Location, Measurement, Outcome, Severity
from scanner.licensing.record import LICENCES_MEDIA_TYPE, LicenceRecord
from scanner.manifest import FileEntry, Snapshot
from scanner.origins.record import ORIGIN_MEDIA_TYPE, OriginRecord
from scanner.records import decode
from scanner.references import ModelRef
from scanner.registry import load_checks
from scanner.scan import Scan, ScanRequest

Record = TypeVar("Record")
SchemaId = Literal["weighbridge.report/1"]
SCHEMA_ID: SchemaId = "weighbridge.report/1"
_NOBODY: Final = SignOff(None, None, "")


class EvidenceState(enum.Enum):
    """What reading a piece of evidence back gave when the report was made."""

    VERIFIED = "verified"
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True)
class ModelRecord:
    """The bytes that were scanned; where they lie on the scanning machine is left out.

    Attributes:
        ref: What was asked for.
        commit: Commit the revision resolved to, null for sources without commits.
        digest: sha256 over the sorted listing "sha256  path" of all files.
        weights_digest: The same over the weight files.
        total_bytes: Size of all files together.
        files: Every file with its digests, sorted by path as in the listing.
        missing: Paths that the source lists and the folder lacks.
        source: What the source told about the model beside its files.
    """

    ref: ModelRef
    commit: str | None
    digest: str
    weights_digest: str
    total_bytes: int
    files: tuple[FileEntry, ...]
    missing: tuple[str, ...]
    source: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> ModelRecord:
        """The record of this snapshot."""
        return cls(
            snapshot.ref, snapshot.commit, snapshot.digest, snapshot.weights_digest,
            snapshot.total_bytes, tuple(sorted(snapshot.files, key=lambda entry: entry.path)),
            snapshot.missing, snapshot.source,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """What people call the model: a hub's "org/name", the one file's name, or the folder's."""
        if "://" in self.ref.text:
            return self.ref.location
        path = self.files[0].path if len(self.files) == 1 else self.ref.location
        return PurePath(path).name or path


@dataclass(frozen=True)
class ScanSummary:
    """One scan without its results: what was asked, what answered, when, with which versions."""

    id: str
    request: ScanRequest
    engine: EngineDescription | None
    started_at: datetime.datetime
    finished_at: datetime.datetime
    versions: Mapping[str, str]


@dataclass(frozen=True)
class CheckSummary:
    """One check that ran: when, for how long, and how many findings of each outcome it made."""

    check_id: str
    started_at: datetime.datetime
    wall_seconds: float
    outcomes: Mapping[str, int]
    measurements: int

    @classmethod
    def of(cls, record: CheckRecord) -> CheckSummary:
        """The summary of this record."""
        outcomes = {
            outcome.value: sum(finding.outcome is outcome for finding in record.findings)
            for outcome in Outcome
        }
        return cls(
            record.check_id, record.started_at, record.wall_seconds, outcomes, len(record.measurements)
        )


@dataclass(frozen=True)
class FindingRecord:
    """A finding with the fingerprint that controls, verdict and later scans know it by."""

    fingerprint: str
    check_id: str
    outcome: Outcome
    severity: Severity
    confidence: Confidence
    message: str
    rule: str
    subject: str
    reason: str
    locations: tuple[Location, ...]
    evidence: tuple[EvidenceRef, ...]
    remediation: str
    tags: tuple[str, ...]

    @classmethod
    def of(cls, finding: Finding) -> FindingRecord:
        """The record of this finding."""
        return cls(
            finding.fingerprint, finding.check_id, finding.outcome, finding.severity, finding.confidence,
            finding.message, finding.rule, finding.subject, finding.reason, finding.locations,
            finding.evidence, finding.remediation, finding.tags,
        )  # fmt: skip


@dataclass(frozen=True)
class EvidenceRecord:
    """One piece of evidence: its digest, where it lies, and whether its bytes still have that digest.

    Attributes:
        sha256: Digest of the bytes, 64 hex digits.
        path: Where it lies inside the evidence folder.
        media_type: Of the bytes; "" when only a control names it.
        size_bytes: Length; 0 when only a control names it.
        title: What it is; "" when only a control names it.
        state: What reading it back gave.
        checks: Ids of the checks that point to it.
    """

    sha256: str
    path: str
    media_type: str
    size_bytes: int
    title: str
    state: EvidenceState
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Contents:
    """The whole report.

    Attributes:
        schema: Id and major version of this shape.
        generated_at: When the report was made, UTC.
        generator: Name and version of what made it.
        model: What was scanned.
        scan: How.
        checks: One summary per check, in the order in which they ran.
        findings: Every finding of every check.
        measurements: Every measurement of every check.
        assessment: Packs, controls and verdict.
        deflection: The matrix of the deflection probe, null when it kept none or its bytes were changed.
        evidence: Every piece of evidence that anything above points to.
        reperformance: Command lines that repeat the scan and verify this report.
        decisions: What people decided about this scan, its model or its bytes.
        sign_off: Who prepared and who reviewed it.
        origin: The chain of origin and the facts of jurisdiction, null when no check kept them or their bytes
            were changed.
        licences: What licences count, their duties for this user, the chain of bases; null as with `origin`.
        file_verdicts: One verdict a file: plain data, needs a class instance or other code, not readable, or
            an attack; empty for a scan that did not look at every file.
    """

    schema: SchemaId
    generated_at: datetime.datetime
    generator: str
    model: ModelRecord
    scan: ScanSummary
    checks: tuple[CheckSummary, ...]
    findings: tuple[FindingRecord, ...]
    measurements: tuple[Measurement, ...]
    assessment: Assessment
    deflection: DeflectionMatrix | None
    evidence: tuple[EvidenceRecord, ...]
    reperformance: Mapping[str, str]
    decisions: tuple[DecisionEntry, ...] = ()
    sign_off: SignOff = _NOBODY
    origin: OriginRecord | None = None
    licences: LicenceRecord | None = None
    file_verdicts: tuple[FileJudgement, ...] = ()


def contents_of(report: Report) -> Contents:
    """The contents of a report; reads every piece of evidence once to verify it."""
    scan = report.scan
    return Contents(
        schema=SCHEMA_ID,
        generated_at=report.generated_at.astimezone(datetime.UTC),
        generator=f"Weighbridge {scanner.__version__}",
        model=ModelRecord.of(scan.snapshot),
        scan=ScanSummary(
            scan.id, scan.request, scan.engine, scan.started_at, scan.finished_at, scan.versions
        ),
        checks=tuple(CheckSummary.of(record) for record in scan.records),
        findings=tuple(FindingRecord.of(finding) for finding in scan.findings),
        measurements=tuple(scan.measurements),
        assessment=report.assessment,
        deflection=_kept(report, MATRIX_MEDIA_TYPE, DeflectionMatrix),
        evidence=tuple(_evidence(report)),
        reperformance=commands(scan),
        decisions=decision_entries(report),
        sign_off=sign_off(report),
        origin=_kept(report, ORIGIN_MEDIA_TYPE, OriginRecord),
        licences=licences_kept(report),
        file_verdicts=_file_verdicts(scan),
    )


def _file_verdicts(scan: Scan) -> tuple[FileJudgement, ...]:
    if all(record.check_id != KIND_CHECK for record in scan.records):
        return ()
    return file_verdicts(scan.snapshot, scan.records, load_checks().values())


def licences_kept(report: Report) -> LicenceRecord | None:
    """What the scan kept of the model's licences; None when no check did, or its bytes were changed."""
    return _kept(report, LICENCES_MEDIA_TYPE, LicenceRecord)


def _kept(report: Report, media_type: str, kind: type[Record]) -> Record | None:
    """The first record of this type that a check kept; None without one, or when its bytes were changed."""
    refs = (ref for _, ref in _pointers(report.scan) if ref.media_type == media_type)
    ref = next(refs, None)
    try:
        return decode(report.evidence.get(ref.sha256), kind) if ref else None
    except (EvidenceError, InvalidValueError):
        return None  # the evidence record says what became of its bytes


def _evidence(report: Report) -> Iterator[EvidenceRecord]:
    refs: dict[str, EvidenceRef] = {}
    checks: dict[str, dict[str, None]] = {}
    for check_id, ref in _pointers(report.scan):
        refs.setdefault(ref.sha256, ref)
        checks.setdefault(ref.sha256, {})[check_id] = None
    for control in report.assessment.controls:
        for sha256 in control.evidence:
            refs.setdefault(sha256, EvidenceRef(sha256, "", 0, ""))
    for sha256, ref in refs.items():
        path = report.evidence.path(sha256).relative_to(report.evidence.root).as_posix()
        yield EvidenceRecord(
            sha256, path, ref.media_type, ref.size_bytes, ref.title,
            _state(report.evidence, sha256), tuple(checks.get(sha256, ())),
        )  # fmt: skip


def _pointers(scan: Scan) -> Iterator[tuple[str, EvidenceRef]]:
    for record in scan.records:
        for finding in record.findings:
            for ref in finding.evidence:
                yield record.check_id, ref
        for measurement in record.measurements:
            for ref in measurement.evidence:
                yield record.check_id, ref


def _state(store: EvidenceStore, sha256: str) -> EvidenceState:
    try:
        store.get(sha256)
    except EvidenceError:
        return EvidenceState.CHANGED if store.path(sha256).exists() else EvidenceState.MISSING
    return EvidenceState.VERIFIED
