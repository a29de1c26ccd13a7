"""A scan and its assessment as a real run would give them, with everything that may break a report."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from policies.assessment import (
    Assessment,
    ControlResult,
    ControlStatus,
    LegalSource,
    PackResult,
    Standing,
    Statement,
    Verdict,
    VerdictReason,
    VerdictValue,
)
from policies.decisions import DecisionKind, DecisionRecord
from reports.format import Report
from scanner.check import CheckRecord, Profile
from scanner.conversation import EngineDescription
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot, SourceDigest
from scanner.references import ModelRef
from scanner.scan import Scan, ScanRequest
from tests.policies.decision_values import accepted, answered, chain, prepared, reviewed
from tests.reports.sample_checks import durations, everything_said

STARTED = datetime.datetime(2026, 11, 22, 1, 30, tzinfo=datetime.UTC)
GENERATED = datetime.datetime(2026, 11, 22, 1, 40, tzinfo=datetime.UTC)
DAY = datetime.date(2026, 11, 22)
COMMIT = "3f1c8a0e5b9d4c7e6a2f1b0d9c8e7a6f5b4d3c2e"
UNKNOWN_FINDING = "feedfacefeedface"


def report(folder: Path, *, with_spans: bool = True) -> Report:
    """The report of the sample scan, its evidence written under `folder`."""
    store = EvidenceStore(folder / "evidence")
    scan = _scan(store, with_spans=with_spans)
    return Report(scan, _assessment(scan), store, GENERATED, _decisions(scan))


def empty_report(folder: Path) -> Report:
    """The least a report can be of: one check that could not judge, no engine, no packs."""
    snapshot = Snapshot(ModelRef.parse("empty"), None, "/nowhere", (_file("config.json", 2),))
    check = "model-incoherent"
    finding = Finding(check, Outcome.NOT_RUN, Severity.HIGH, "Not judged", reason="the scan was static only")
    request = ScanRequest(snapshot.ref, Profile.QUICK, (check,), 0, "", "auto", "auto", DAY)
    record = CheckRecord(check, (finding,), (), STARTED, 0.0)
    scan = Scan("empty-1", request, snapshot, None, STARTED, STARTED, {"weighbridge": "0.1.0"}, (record,))
    reason = VerdictReason(
        VerdictValue.INCOMPLETE, "coherence-required", "The coherence control did not run."
    )
    verdict = Verdict(VerdictValue.INCOMPLETE, (reason,), "default 1", "ab" * 32)
    assessment = Assessment(scan.id, STARTED, DAY, {}, (), verdict)
    return Report(scan, assessment, EvidenceStore(folder / "evidence"), GENERATED)


def damage(a_report: Report) -> tuple[str, str]:
    """Changes one piece of evidence and removes another; their digests."""
    digests = [ref.sha256 for finding in a_report.scan.findings for ref in finding.evidence]
    changed, gone = list(dict.fromkeys(digests))[:2]
    a_report.evidence.path(changed).write_bytes(b"something else")
    a_report.evidence.path(gone).unlink()
    return changed, gone


def _decisions(scan: Scan) -> tuple[DecisionRecord, ...]:
    """Who prepared the scan, a waiver that was replaced, one made after the judgement, and a rejection."""
    first = STARTED + datetime.timedelta(minutes=3)
    text = "asked <b>the provider</b>, answer 中文 due"
    return tuple(
        chain(
            prepared(scan, at=first),
            accepted(scan, check="model-card-gaps", at=first, reason=text, expires=DAY),
            accepted(scan, check="model-card-gaps", at=first, reason=text, owner="Risk board"),
            answered(scan, "euaia-art4", "partly", everywhere=True, at=GENERATED, reason="half are trained"),
            reviewed(scan, DecisionKind.REJECTION, at=GENERATED, reason="two critical findings"),
        )
    )


def _statements() -> tuple[Statement, ...]:
    """A waiver that counted, and an answer that had expired."""
    meanwhile = "the risk is carried by Risk board; meanwhile: kept behind a proxy"
    return (
        Statement(
            "waiver", "check model-card-gaps", meanwhile, "June Reed, CISO", DAY, "asked the provider",
            datetime.date(2026, 12, 31), True, "store", "5d" * 32,
        ),
        Statement(
            "attestation", "control euaia-art4", "yes", "Pat Doe, trainer", datetime.date(2025, 1, 2), "",
            datetime.date(2026, 1, 2), False, "policy file acme.yaml", "6e" * 32, "7f" * 32,
        ),
    )  # fmt: skip


def _scan(store: EvidenceStore, *, with_spans: bool) -> Scan:
    records = tuple(
        CheckRecord(
            said.check_id,
            tuple(said.findings),
            tuple(said.measurements),
            STARTED + datetime.timedelta(seconds=17 * index),
            seconds,
        )
        for index, (said, seconds) in enumerate(
            zip(everything_said(store, with_spans=with_spans), durations(), strict=False)
        )
    )
    snapshot = _snapshot()
    check_ids = tuple(sorted(record.check_id for record in records))
    settings = {"garak.probes": "dan,encoding"}
    request = ScanRequest(
        snapshot.ref, Profile.QUICK, check_ids, 7, "auto", "auto", "auto", DAY, settings
    )  # fmt: skip
    engine = EngineDescription(
        "transformers", "transformers 5.19.0, torch 2.13.0+cpu", "auto", "cpu", "float32", 16, threads=2,
        notes=("The model's own generation settings were not used.",), settings={"attention": "sdpa"},
    )  # fmt: skip
    versions = {"weighbridge": "0.1.0", "torch": "2.13.0+cpu", "publishers.yaml": "sha256 " + "0f" * 32}
    finished = STARTED + datetime.timedelta(minutes=3, seconds=41)
    return Scan("20261122-0130-sample-1f3a", request, snapshot, engine, STARTED, finished, versions, records)


def _snapshot() -> Snapshot:
    long_name = "a folder/with 中文 and spaces/" + "very-long-name-" * 6 + "end.json"
    return Snapshot(
        ModelRef.parse("hf://example-lab/Sample-7B-Chat@main"),
        COMMIT,
        "/models/sample",
        (
            _file("LICENSE", 11_357, "git-sha1"),
            _file("README.md", 8_214, "git-sha1"),
            _file(long_name, 999),
            _file("config.json", 1_021, "git-sha1"),
            _file("model-00001-of-00002.safetensors", 4_976_698_672, "sha256"),
            _file("model-00002-of-00002.safetensors", 4_999_802_720, "sha256", matches=False),
            _file("original/consolidated.00.pth", 13_476_925_163),
            _file("tokenizer.json", 9_085_657, "sha256"),
        ),
        missing=("model-00003-of-00003.safetensors",),
        source=(("gated", "false"), ("licence_tag", "apache-2.0"), ("last_modified", "2026-10-02T08:11:00Z")),
    )


def _file(path: str, size_bytes: int, algorithm: str = "", *, matches: bool = True) -> FileEntry:
    sha256 = hashlib.sha256(path.encode()).hexdigest()
    git_sha1 = sha256[:40] if algorithm == "git-sha1" else None
    own = git_sha1 or sha256
    recorded = SourceDigest(algorithm, own if matches else own[::-1], f"hub tree at {COMMIT[:8]}")
    return FileEntry(path, size_bytes, sha256, git_sha1, recorded if algorithm else None)


def _assessment(scan: Scan) -> Assessment:
    basis = _Basis.of(scan)
    packs = (
        _pack("eu-ai-act", "EU AI Act", 12, basis, "Regulation (EU) 2024/1689 as amended by (EU) 2026/1744"),
        _pack("hipaa-security", "HIPAA Security Rule", 9, basis, "45 CFR 164 Subpart C", is_stale=True),
        _pack("hipaa-nprm", "HIPAA Security Rule, proposed", 4, basis, "90 FR 898", status="proposed"),
    )
    critical = (basis.findings["integrity-mismatch"], basis.findings["pickle-runs-code"])
    reasons = (
        VerdictReason(VerdictValue.BLOCK, "no-critical-failure", "Two critical findings failed.", critical),
        VerdictReason(VerdictValue.INCOMPLETE, "no-errors", "One check broke while judging."),
        VerdictReason(VerdictValue.REVIEW, "attestations-open", "Controls wait for a person's statement."),
    )
    digest = "c0ffee" * 10 + "c0ff"
    verdict = Verdict(VerdictValue.BLOCK, reasons, "default 2026.11.1", digest, "English, quick profile")
    organisation = {"role": "deployer", "eu_market": "true", "intended_purpose": "answering <b>staff</b>"}
    assessed = STARTED + datetime.timedelta(minutes=4)
    return Assessment(
        scan.id, assessed, DAY, organisation, packs, verdict, _statements(), ("hf://example-lab/*",)
    )  # fmt: skip


@dataclass(frozen=True)
class _Basis:
    """The first finding of every check, and its evidence: what the controls rest on."""

    findings: Mapping[str, str]
    evidence: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, scan: Scan) -> _Basis:
        firsts = {record.check_id: record.findings[0] for record in scan.records}
        return cls(
            {check: finding.fingerprint for check, finding in firsts.items()},
            {check: tuple(ref.sha256 for ref in finding.evidence) for check, finding in firsts.items()},
        )


def _pack(
    pack_id: str,
    title: str,
    count: int,
    basis: _Basis,
    cite: str,
    *,
    status: str = "in_force",
    is_stale: bool = False,
) -> PackResult:
    checks, statuses = list(basis.findings), list(ControlStatus)
    controls = tuple(
        _control(pack_id, index, statuses[index % len(statuses)], checks[index % len(checks)], basis)
        for index in range(count)
    )
    sources = (
        LegalSource("https://eur-lex.europa.eu/eli/reg/2024/1689/oj", DAY, "secondary"),
        LegalSource("OJ L, print edition", DAY),
    )
    due = datetime.date(2026, 11, 1) if is_stale else datetime.date(2027, 2, 1)
    digest = "5eed" * 16
    return PackResult(
        pack_id, title, "2026.11.1", digest, status, cite, sources, due, is_stale, controls,
        reviewed_by="Counsel Roe" if is_stale else "",
    )  # fmt: skip


def _control(pack_id: str, index: int, status: ControlStatus, check: str, basis: _Basis) -> ControlResult:
    letter = chr(97 + index)
    has_evidence = status not in (ControlStatus.NOT_ASSESSED, ControlStatus.NOT_APPLICABLE)
    asks = status in (ControlStatus.ATTESTATION_REQUIRED, ControlStatus.PARTIALLY_SUPPORTED)
    titles = ("Information for integrators", "Accuracy, robustness and cybersecurity", "Risk analysis")
    return ControlResult(
        pack_id=pack_id,
        control_id=f"{pack_id}-art{index + 10}-1-{letter}",
        label=f"Art. {index + 10}(1)({letter})" + (", Annex XII" if index % 4 == 0 else ""),
        title=titles[index % 3],
        requirement=(
            "The provider keeps and gives integrators enough information on capabilities, limits and "
            "integration to meet their own duties; at least the items of the annex."
        ),
        duty_holder="provider_gpai",
        status=status,
        reason=f"The evidence of {check} was read against this control; see its findings.",
        is_in_force=pack_id != "hipaa-nprm",
        effective_from=datetime.date(2025, 8, 2) if index % 2 else None,
        checks=(check,),
        findings=(basis.findings[check], UNKNOWN_FINDING) if has_evidence else (),
        measurements=("garak.hit_rate",) if has_evidence and index % 2 else (),
        evidence=basis.evidence[check] if has_evidence else (),
        attestation="Did the provider supply further information under an agreement?" if asks else "",
        limits="Presence and completeness of public text only; not its truth." if index % 5 else "",
        waived_until=datetime.date(2027, 1, 31) if status is ControlStatus.WAIVED else None,
        maps={"nist_ai_600_1": ("MG-3.1-005", "MS-2.9-002"), "iso_42001": ("A.10.3",)} if index % 2 else {},
        relevance="This is the information you may rely on." if index % 3 else "",
        attested="Pat Doe, counsel, answered 'partly' </td><script>alert(1)</script>"
        if index % 7 == 1
        else "",
        sources=(LegalSource("javascript:alert(1)", DAY, "recalled"),) if index % 3 == 1 else (),
        standing=list(Standing)[(index + 2) % 3],
    )
