"""Whole scans and assessments, every field of them filled, to store and to load again."""

from __future__ import annotations

import datetime

from policies.assessment import (
    Assessment,
    ControlResult,
    ControlStatus,
    LegalSource,
    PackResult,
    Verdict,
    VerdictReason,
    VerdictValue,
)
from scanner.check import CheckRecord, Profile
from scanner.conversation import EngineDescription
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot, SourceDigest
from scanner.references import ModelRef
from scanner.scan import Scan, ScanRequest

EVIDENCE = EvidenceRef("e" * 64, "text/plain", 12, "a transcript")
TIME = datetime.datetime(2026, 11, 22, 1, 30, 0, 123456, tzinfo=datetime.UTC)


def scan(
    name: str = "20261122-0130-model-1f3a", *, hours: int = 0, model: str = "hf://org/name@main"
) -> Scan:
    """A scan with findings of every outcome, text that databases stumble over, and a measurement."""
    failed = Finding(
        "pickle-runs-code", Outcome.FAIL, Severity.HIGH, "größe 😀 'quoted' \"twice\" %s :colon",
        rule="R-1", subject="zh", confidence=Confidence.LOW, locations=(Location("a.bin", 3, "byte 9"),),
        evidence=(EVIDENCE,), remediation="do not load it", tags=("CWE-502",),
    )  # fmt: skip
    passed = Finding("integrity-mismatch", Outcome.PASS, Severity.LOW, "fine", evidence=(EVIDENCE,))
    silent = Finding("coherence", Outcome.NOT_RUN, Severity.LOW, "not judged", reason="no engine")
    measured = Measurement(
        "garak.hit_rate", 0.25, "share", 40, Interval(0.14, 0.40, 0.95), "Wilson", "garak",
        {"probe": "dan", "language": "en"}, (EVIDENCE,),
    )  # fmt: skip
    started = TIME + datetime.timedelta(hours=hours)
    digest = SourceDigest("sha256", "a" * 64, "hub tree")
    return Scan(
        id=name,
        request=ScanRequest(
            ModelRef.parse(model), Profile.QUICK, ("coherence",), 2**40, "transformers", "auto", "auto",
            datetime.date(2026, 11, 22), {"garak.probes": "dan"},
        ),
        snapshot=Snapshot(
            ModelRef.parse(model), "c" * 40, "/models/x",
            (
                FileEntry("a.bin", 5 * 10**11, "a" * 64, None, digest),
                FileEntry("ordner/ü.json", 2, "b" * 64, "d" * 40, None),
            ),
            ("missing.json",), (("gated", "false"),),
        ),
        engine=EngineDescription("transformers", "5.19", "auto", "cpu", "float32", 8, notes=("a note",)),
        started_at=started,
        finished_at=started + datetime.timedelta(minutes=4),
        versions={"weighbridge": "0.1.0"},
        records=(
            CheckRecord("mixed", (failed, passed), (measured,), started, 0.5),
            CheckRecord("coherence", (silent,), (), started, 1.0),
        ),
    )  # fmt: skip


def assessment(scan_id: str, verdict: VerdictValue = VerdictValue.REVIEW, *, minutes: int = 0) -> Assessment:
    """An assessment with a waived and an unassessed control, and a reason."""
    day = datetime.date(2026, 11, 22)
    controls = (
        ControlResult(
            "eu-ai-act", "euaia-art53-1-b", "Art. 53(1)(b)", "Information", "a duty", "provider_gpai",
            ControlStatus.WAIVED, "waived by the owner", True, datetime.date(2025, 8, 2),
            waived_until=datetime.date(2027, 1, 1), maps={"nist": ("MG-3.1",)},
        ),
        ControlResult(
            "eu-ai-act", "euaia-art50", "Art. 50", "Transparency", "a duty", "deployer",
            ControlStatus.NOT_ASSESSED, "nothing was looked at", False,
        ),
    )  # fmt: skip
    pack = PackResult(
        "eu-ai-act", "EU AI Act", "2026.11.1", "f" * 64, "in_force", "Reg. (EU) 2024/1689",
        (LegalSource("https://example.org", day),), datetime.date(2027, 2, 1), False, controls,
    )  # fmt: skip
    reasons = (VerdictReason(verdict, "high-findings", "one finding is high", ("0123456789abcdef",)),)
    return Assessment(
        scan_id,
        TIME + datetime.timedelta(minutes=minutes),
        day,
        {"role": "deployer"},
        (pack,),
        Verdict(verdict, () if verdict is VerdictValue.PASS else reasons, "default 1", "9" * 64, "English"),
    )
