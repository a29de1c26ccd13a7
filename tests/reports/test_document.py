from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from policies.assessment import VerdictValue
from reports.document import Document, document_of
from reports.format import Report
from reports.sections.controls import anchor
from reports.wording import Tag
from scanner.checks.file_kind_unclear import CHECK as FILE_KINDS
from scanner.findings import Location
from tests.reports import sample

ATTACKED = Tag("Attack", "bad", "■", "attack")


@pytest.fixture(scope="module")
def document(report: Report) -> Document:
    return document_of(report)


def test_every_finding_is_shown_once(document: Document, report: Report) -> None:
    shown = [finding.fingerprint for finding in (*document.findings.open, *document.findings.passed)]
    assert sorted(shown) == sorted(finding.fingerprint for finding in report.scan.findings)


def test_worst_findings_come_first(document: Document) -> None:
    assert [finding.tag.key for finding in document.findings.open][:2] == ["fail", "fail"]
    assert [finding.severity for finding in document.findings.open][:3] == ["critical", "critical", "high"]


def test_two_findings_about_one_thing_have_two_anchors(tmp_path: Path) -> None:
    report = sample.report(tmp_path)
    record = report.scan.records[0]
    doubled = dataclasses.replace(record, findings=(*record.findings, *record.findings))
    scan = dataclasses.replace(report.scan, records=(doubled, *report.scan.records[1:]))
    shown = document_of(dataclasses.replace(report, scan=scan)).findings
    anchors = [finding.anchor for finding in (*shown.open, *shown.passed)]
    assert len(anchors) == len(set(anchors))


def test_finding_leads_back_to_the_controls_that_rest_on_it(document: Document) -> None:
    anchors = {control.anchor for pack in document.packs for control in pack.controls}
    linked = {name.anchor for finding in document.findings.open for name in finding.controls}
    assert linked
    assert linked <= anchors


def test_control_without_stated_limits_says_so(document: Document) -> None:
    limits = [control.limits for pack in document.packs for control in pack.controls]
    assert all(limits)
    assert "The pack states no limits for this control." in limits


def test_waiver_shows_its_last_day(document: Document) -> None:
    waived = [control for pack in document.packs for control in pack.controls if control.tag.key == "waived"]
    assert waived
    assert all("Waived until 31 January 2027." in control.reason for control in waived)


def test_unjudged_languages_stand_beside_the_numbers(document: Document) -> None:
    topics = {topic.title: topic for topic in document.behaviour.topics}
    assert topics["Deflection"].gaps == (
        "zh: model-incoherent: too few simple questions were answered in Chinese",
    )
    assert topics["Deflection"].charts


def test_verdict_says_what_it_does_not_cover(document: Document, report: Report) -> None:
    text = " ".join(document.verdict.not_covered)
    assert "no certificate and no legal advice" in text
    assert "4 findings could not be judged" in text
    assert "1 file that the source lists could not be scanned" in text
    passed = dataclasses.replace(report.assessment.verdict, value=VerdictValue.PASS, reasons=())
    assessment = dataclasses.replace(report.assessment, verdict=passed)
    of_a_pass = document_of(dataclasses.replace(report, assessment=assessment)).verdict
    assert "does not show the absence of a fault" in of_a_pass.not_covered[-1]


def test_scan_without_engine_says_nothing_about_behaviour(empty_report: Report) -> None:
    document = document_of(empty_report)
    assert (
        "The model was not questioned: nothing is said about its behaviour." in document.verdict.not_covered
    )
    assert document.method.engine == ()


def test_anchors_are_plain_words() -> None:
    assert anchor("control", "eu-ai-act", 'Art. 53(1)"><b>') == "control-eu-ai-act-art-53-1-b"


def test_sign_off_is_filled_in_from_the_record(document: Document) -> None:
    prepared, reviewed = document.sign_off.signatures
    assert (prepared.role, prepared.who) == ("Prepared by", "Pat Doe, engineer")
    assert (reviewed.role, reviewed.who) == ("Rejected by", "June Reed, CISO")
    assert reviewed.signature == "recorded as decision 5: two critical findings"


def test_decisions_are_listed_with_their_state_and_whether_the_judgement_knew_them(
    document: Document,
) -> None:
    states = [decision.state for decision in document.sign_off.decisions]
    assert states == [
        "counts", "replaced by decision 3", "counts until 2026-12-31",
        "counts until 2026-12-31; made after this judgement", "counts",
    ]  # fmt: skip


def test_statement_that_did_not_count_says_so(document: Document) -> None:
    shown = [(one.tag.label, one.source, one.until) for one in document.sign_off.statements]
    assert shown == [
        ("Counted", "record of decisions", "31 December 2026"),
        ("Did not count", "policy file acme.yaml", "2 January 2026"),
    ]


def test_sign_off_without_a_record_is_left_to_be_filled_in_by_hand(empty_report: Report) -> None:
    signatures = document_of(empty_report).sign_off.signatures
    assert [one.role for one in signatures] == ["Prepared by", "Reviewed by", "Approved by"]
    assert not any(one.who or one.signature or one.date for one in signatures)


def test_approval_of_other_bytes_signs_nothing_off(report: Report) -> None:
    other = dataclasses.replace(report.scan.snapshot, files=report.scan.snapshot.files[:1])
    scan = dataclasses.replace(report.scan, snapshot=other)
    signatures = document_of(dataclasses.replace(report, scan=scan)).sign_off.signatures
    assert [one.role for one in signatures] == ["Prepared by", "Reviewed by", "Approved by"]


def test_every_file_has_a_verdict_when_the_scan_looked_at_every_file(report: Report) -> None:
    paths = [entry.path for entry in report.scan.snapshot.files]
    seen = FILE_KINDS.passed("looked at", rule="sound", locations=(Location(paths[0], detail="JSON text"),))
    foul = FILE_KINDS.failed(
        f"{paths[1]} is a program", locations=(Location(paths[1], detail="ELF program"),)
    )
    record = dataclasses.replace(report.scan.records[0], check_id=FILE_KINDS.id, findings=(seen, foul))
    scan = dataclasses.replace(report.scan, records=(*report.scan.records, record))
    files = {file.path: file for file in document_of(dataclasses.replace(report, scan=scan)).provenance.files}
    assert all(file.verdict is not None for file in files.values())
    assert (files[paths[1]].verdict, files[paths[1]].why) == (ATTACKED, f"{paths[1]} is a program")
    assert files[paths[1]].kind == "ELF program"


def test_scan_that_did_not_look_at_every_file_gives_no_verdicts_on_files(document: Document) -> None:
    assert all(file.verdict is None for file in document.provenance.files)
