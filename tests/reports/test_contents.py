from __future__ import annotations

from pathlib import Path

from reports.contents import EvidenceState, ModelRecord, contents_of
from reports.format import Report
from reports.sections.provenance import provenance_view
from scanner.manifest import FileEntry, Snapshot
from scanner.origins.record import ORIGIN_MEDIA_TYPE
from scanner.references import ModelRef
from tests.reports import sample
from tests.reports.sample_checks import sample_origin


def test_findings_carry_the_fingerprints_that_controls_point_to(report: Report) -> None:
    contents = contents_of(report)
    known = {finding.fingerprint for finding in report.scan.findings}
    assert {finding.fingerprint for finding in contents.findings} == known
    pointed = {each for control in contents.assessment.controls for each in control.findings}
    assert pointed - {sample.UNKNOWN_FINDING} <= known


def test_every_piece_of_evidence_is_listed_once_and_verified(report: Report) -> None:
    contents = contents_of(report)
    listed = [record.sha256 for record in contents.evidence]
    pointed = {ref.sha256 for finding in report.scan.findings for ref in finding.evidence}
    pointed |= {ref.sha256 for measurement in report.scan.measurements for ref in measurement.evidence}
    assert len(listed) == len(set(listed))
    assert set(listed) == pointed
    assert {record.state for record in contents.evidence} == {EvidenceState.VERIFIED}


def test_changed_and_missing_evidence_is_told_apart(tmp_path: Path) -> None:
    damaged = sample.report(tmp_path)
    changed, gone = sample.damage(damaged)
    states = {record.sha256: record.state for record in contents_of(damaged).evidence}
    assert states.pop(changed) is EvidenceState.CHANGED
    assert states.pop(gone) is EvidenceState.MISSING
    assert set(states.values()) == {EvidenceState.VERIFIED}


def test_chain_of_origin_is_read_back_from_its_evidence(report: Report, tmp_path: Path) -> None:
    contents = contents_of(report)
    assert contents.origin == sample_origin()
    rows = {(row.part, row.what): row for row in provenance_view(contents).origin}
    assert list(rows) == [
        ("Published by", "example-lab"),
        ("Made from", "base-maker/Base-7B"),
        ("Made from", "nobody/adapter"),
        ("Consistent with", "Base"),
        ("Developer's seat", "FR"),
        ("Licence's governing law", "Singapore"),
        ("Hosting place", "not known"),
    ]
    assert "confidence medium" in rows["Made from", "base-maker/Base-7B"].known
    assert rows["Made from", "nobody/adapter"].about == "publisher not known"
    assert "laws of Singapore" in rows["Licence's governing law", "Singapore"].known


def test_changed_evidence_shows_no_chain_of_origin(tmp_path: Path) -> None:
    damaged = sample.report(tmp_path)
    (ref,) = [
        ref
        for finding in damaged.scan.findings
        for ref in finding.evidence
        if ref.media_type == ORIGIN_MEDIA_TYPE
    ]
    damaged.evidence.path(ref.sha256).write_bytes(b"{}")
    contents = contents_of(damaged)
    assert contents.origin is None
    assert provenance_view(contents).origin == ()


def test_checks_are_counted_by_outcome(report: Report) -> None:
    summaries = {summary.check_id: summary for summary in contents_of(report).checks}
    assert summaries["pickle-runs-code"].outcomes == {"pass": 0, "fail": 1, "not_run": 0, "error": 1}
    assert sum(sum(each.outcomes.values()) for each in summaries.values()) == len(list(report.scan.findings))


def test_where_the_model_lies_on_the_machine_is_left_out(json_bytes: bytes) -> None:
    assert b"/models/sample" not in json_bytes


def test_model_is_called_what_people_call_it() -> None:
    one, two = (FileEntry(f"sub/{name}.gguf", 1, "0" * 64) for name in "ab")
    names = {
        ModelRecord.of(Snapshot(ModelRef.parse(text), None, "/x", files)).name
        for text, files in (
            ("hf://org/name@main", (one,)), ("demo", (one,)), ("/home/me/models/Some-7B/", (one, two)),
        )
    }  # fmt: skip
    assert names == {"org/name", "a.gguf", "Some-7B"}
