"""Checks with the agreed ids that are never run, and scans as they could have come out of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence

from scanner.check import Check, CheckContext, CheckRecord, MeasureSpec, Needs, Profile
from scanner.conversation import EngineDescription
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Measurement, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from scanner.scan import Scan, ScanRequest

AS_OF = datetime.date(2026, 11, 22)
NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
TRANSCRIPT = EvidenceRef("ab" * 32, "application/x-ndjson", 12, "transcript")

STATIC = {
    "integrity-mismatch": ("integrity.files_verified",),
    "signature-not-valid": ("signature.files_covered",),
    "name-contradicts-metadata": (),
    "reference-misleads": (),
    "file-names-confuse": (),
    "safetensors-malformed": (),
    "gguf-malformed": (),
    "msgpack-malformed": (),
    "weights-implausible": (),
    "tensors-contradict-config": (),
    "differs-from-base": (
        "base.identical_share",
        "base.changed_share",
        "base.unrelated_share",
        "base.median_change",
    ),
    "onnx-unsafe": (),
    "tensorflow-graph-unsafe": (),
    "tflite-unsafe": (),
    "file-kind-unclear": (),
    "openvino-ir-unsafe": (),
    "coreml-unsafe": (),
    "compiled-model-opaque": (),
    "pickle-runs-code": ("pickle.files_scanned",),
    "keras-runs-code": (),
    "archive-unsafe": (),
    "skops-runs-code": (),
    "remote-code": (),
    "foreign-model-unsafe": (),
    "chat-template-unsafe": (),
    "licence-contradiction": ("licence.free_and_open_source", "licence.excludes_eu"),
    "licence-duties": ("licence.territory_excluded", "licence.duties_open", "licence.duties_not_met"),
    "publisher-unknown": (),
    "base-undeclared": (),
    "supplier-on-a-list": ("lists.parties_screened",),
    "training-facts-missing": ("training.facts_found",),
    "model-card-gaps": ("card.annex_xi_items", "card.annex_xii_items"),
    "training-compute": ("compute.training_flop",),
    "personal-data-in-repository": ("privacy.repository_texts",),
}
QUESTIONING = {
    "model-incoherent": ("coherence.accuracy",),
    "garak-attack-succeeds": ("garak.hit_rate", "garak.not_refused_rate", "garak.capability"),
    "alignment-deflection": (
        "deflection.engagement_rate",
        "deflection.rate_gap",
        "deflection.rate_gap_corrected",
        "deflection.line_gap",
    ),
    "personal-data-in-replies": ("privacy.reply_rate",),
    "knowledge-withheld": ("deflection.recall", "deflection.withheld_gap"),
    "replies-follow-a-script": (
        "deflection.recurrence_gap",
        "deflection.certainty_gap",
        "deflection.entropy_gap",
    ),
    "scripted-ending-preferred": ("deflection.ending_margin_gap", "deflection.template_shift_gap"),
    "questions-read-as-harmful": ("deflection.direction_auc", "deflection.direction_gap"),
    "code-worse-for-some-groups": (
        "context_code.bad_rate",
        "context_code.bad_gap",
        "context_code.refused_gap",
    ),
    "served-model-differs": ("served_model.logprob_difference", "served_model.reply_shortfall"),
    "canary-recalled": ("leak.canary.rate", "leak.canary.exposure"),
    "patient-data-disclosed": ("leak.context.rate", "leak.context.control", "leak.invented.rate"),
    "training-data-repeated": ("leak.training.rate", "leak.training.control", "leak.training.recurring"),
}


class FakeCheck(Check):
    """A check that says what the test wants."""

    title = "Something is wrong"
    severity = Severity.HIGH

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        raise NotImplementedError("never run")


def _fake(check_id: str, measures: Sequence[str], needs: Needs) -> Check:
    specs = tuple(MeasureSpec(name, "share", name) for name in measures)
    made: Check = type(check_id, (FakeCheck,), {"id": check_id, "measures": specs, "needs": needs})()
    return made


CHECKS: dict[str, Check] = {
    **{name: _fake(name, measures, Needs.STATIC) for name, measures in STATIC.items()},
    **{name: _fake(name, measures, Needs.GENERATE) for name, measures in QUESTIONING.items()},
}


def passed(check_id: str, *, subject: str = "", rule: str = "") -> Finding:
    return Finding(
        check_id,
        Outcome.PASS,
        Severity.HIGH,
        "looked fine",
        subject=subject,
        rule=rule,
        evidence=(TRANSCRIPT,),
    )


def failed(
    check_id: str,
    severity: Severity = Severity.HIGH,
    *,
    subject: str = "",
    rule: str = "",
    confidence: Confidence = Confidence.HIGH,
) -> Finding:
    return Finding(
        check_id, Outcome.FAIL, severity, "was wrong", subject=subject, rule=rule, confidence=confidence,
        evidence=(TRANSCRIPT,),
    )  # fmt: skip


def not_run(check_id: str, reason: str = "no model to ask", *, subject: str = "", rule: str = "") -> Finding:
    return Finding(
        check_id, Outcome.NOT_RUN, Severity.HIGH, "not judged", subject=subject, rule=rule, reason=reason
    )


def errored(check_id: str, reason: str = "it broke") -> Finding:
    return Finding(check_id, Outcome.ERROR, Severity.HIGH, "could not be judged", rule="BROKE", reason=reason)


def measured(
    check_id: str,
    name: str,
    value: float,
    *,
    n: int = 40,
    interval: tuple[float, float] | None = None,
    dimensions: Mapping[str, str] | None = None,
) -> Measurement:
    low, high = interval or (value, value)
    return Measurement(
        name, value, "share", n, Interval(low, high), "exact", check_id=check_id,
        dimensions=dimensions or {}, evidence=(TRANSCRIPT,),
    )  # fmt: skip


def record(check_id: str, *items: Finding | Measurement) -> CheckRecord:
    return CheckRecord(
        check_id,
        tuple(item for item in items if isinstance(item, Finding)),
        tuple(item for item in items if isinstance(item, Measurement)),
        NOW,
        0.5,
    )


def good_records() -> dict[str, CheckRecord]:
    """Every check passed, everything was measured, in English; nothing is known about Chinese."""
    records = {name: record(name, passed(name)) for name in CHECKS}
    values = {
        "integrity-mismatch": [("integrity.files_verified", 5.0, 5)],
        "pickle-runs-code": [("pickle.files_scanned", 1.0, 1)],
        "model-card-gaps": [("card.annex_xi_items", 9.0, 9), ("card.annex_xii_items", 9.0, 9)],
        "training-compute": [("compute.training_flop", 1.6e21, 1)],
        "garak-attack-succeeds": [("garak.hit_rate", 0.0, 60)],
        "personal-data-in-replies": [("privacy.reply_rate", 0.0, 12)],
    }
    for name, rows in values.items():
        records[name] = record(name, passed(name), *(measured(name, of, value, n=n) for of, value, n in rows))
    for name in ("model-incoherent", "alignment-deflection"):
        records[name] = record(name, passed(name, subject="en"), not_run(name, "not capable", subject="zh"))
    return records


def scan_of(
    records: Mapping[str, CheckRecord] | None = None,
    *changed: CheckRecord,
    profile: Profile = Profile.STANDARD,
    commit: str | None = "c" * 40,
) -> Scan:
    """A scan with these records, `good_records` by default, and `changed` in place of their like."""
    merged = dict(good_records() if records is None else records)
    merged |= {one.check_id: one for one in changed}
    ref = ModelRef.parse("hf://org/name@main")
    request = ScanRequest(ref, profile, tuple(sorted(merged)), 0, "replay", "cpu", "auto", AS_OF)
    snapshot = Snapshot(ref, commit, "/models/name", (FileEntry("config.json", 2, "44" * 32),))
    engine = EngineDescription("replay", "1", "auto", "cpu", "float32", 1)
    return Scan("scan-1", request, snapshot, engine, NOW, NOW, {}, tuple(merged.values()))


def scan_without(*check_ids: str) -> Scan:
    """The good scan, as if these checks had not been part of it."""
    return scan_of({name: one for name, one in good_records().items() if name not in check_ids})
