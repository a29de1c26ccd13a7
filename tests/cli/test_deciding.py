"""Attest, waive, approve, reject, decisions: recorded as told, refused by rule, listed for ever."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from cli.criteria import judge
from policies.assessment import ControlStatus, VerdictValue
from policies.decisions import Decision, DecisionKind, Person
from scanner.scan import Scan
from tests.cli.desk import CODE, FINGERPRINT, JANE, PAT, Office, blocked, criteria_of
from tests.policies.fake_checks import passed, record, scan_of
from tests.policies.pack_files import write_policy

UNTIL = "2090-12-31"
WAIVER = (
    "--owner",
    "Owner",
    "--reason",
    "read by us",
    "--compensating-control",
    "a proxy",
    "--expires",
    UNTIL,
)
ATTEST = (
    "attest",
    "scan-1",
    "hipaa-164.308-a-5-ii-b",
    "--answer",
    "yes",
    "--reason",
    "so it is",
    "--expires",
    UNTIL,
)
GATE = {
    "rules": [{"id": "code", "verdict": "block", "says": "no code", "failed": {"severity_at_least": "high"}}]
}


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def judged(office: Office, scan: Scan, day: datetime.date) -> VerdictValue:
    with office.store() as store:
        return judge(scan, criteria_of(), store.decisions(), as_of=day).verdict.value


def test_answer_is_recorded_with_everything_that_was_seen(office: Office, tmp_path: Path) -> None:
    office.put(scan_of())
    document = tmp_path / "training.pdf"
    document.write_bytes(b"a document")
    said = office.run(*ATTEST, "--document", str(document), *JANE, "--format", "json")
    assert said.code == 0
    assert "as Jane Roe, CISO (from option)" in said.err
    decision = said.document["decision"]
    with office.store() as store:
        assert decision["seen"] == json.loads(json.dumps(dataclasses.asdict(store.seen("scan-1")))) | {
            "document": hashlib.sha256(b"a document").hexdigest()
        }
        assert store.decisions()[0].digest == said.document["digest"]
    assert decision["answered"] == {
        "control": "hipaa-164.308-a-5-ii-b", "answer": "yes", "is_for_every_model": False,
    }  # fmt: skip


def test_answer_enters_the_next_judgement_and_is_listed_there(office: Office) -> None:
    office.put(scan_of())
    office.run(*ATTEST, *JANE)
    with office.store() as store:
        found = judge(scan_of(), criteria_of(), store.decisions(), as_of=today())
    (control,) = (one for one in found.controls if one.control_id == "hipaa-164.308-a-5-ii-b")
    assert control.attested.startswith("Jane Roe, CISO, answered 'yes' (so it is)")
    (statement,) = found.statements
    assert (statement.about, statement.source, statement.counts) == (
        f"control {control.control_id}",
        "store",
        True,
    )


@pytest.mark.parametrize(
    ("control", "message"),
    [("euaia-art44", "unknown control 'euaia-art44'; did you mean 'euaia-art4"), ("euaia-art53-1-d", "")],
)
def test_only_a_control_that_asks_can_be_answered(office: Office, control: str, message: str) -> None:
    office.put(scan_of())
    with office.store() as store:
        silent = [one.control_id for one in store.load_assessment("scan-1").controls if not one.attestation]
    control = control if message else silent[0]
    said = office.run("attest", "scan-1", control, *ATTEST[3:], *JANE)
    assert said.code == 2
    assert (message or "asks nobody anything") in said.err


def test_past_expiry_is_a_usage_error(office: Office) -> None:
    office.put(scan_of())
    said = office.run(*ATTEST[:-1], "2026-01-01", *JANE)
    assert said.code == 2
    assert "is past" in said.err


def test_waived_finding_keeps_the_digests_of_its_evidence(office: Office) -> None:
    evidence = scan_of().findings.__next__().evidence
    finding = dataclasses.replace(CODE.findings[0], evidence=evidence)
    office.put(scan_of(None, dataclasses.replace(CODE, findings=(finding,))))
    said = office.run("waive", "scan-1", "--finding", FINGERPRINT, *WAIVER, *JANE, "--format", "json")
    kept = said.document["decision"]["seen"]["evidence"]
    assert kept == {FINGERPRINT: [piece.sha256 for piece in evidence]}


def test_waiver_lifts_the_block_for_its_model_until_its_last_day(office: Office) -> None:
    office.put(blocked())
    assert judged(office, blocked(), today()) is VerdictValue.BLOCK
    said = office.run("waive", "scan-1", "--finding", FINGERPRINT, *WAIVER, *JANE)
    assert "for hf://org/name until 2090-12-31" in said.err
    ref = dataclasses.replace(blocked().snapshot.ref, text="hf://org/name@v2", revision="v2")
    files = (dataclasses.replace(blocked().snapshot.files[0], sha256="55" * 32),)
    later = dataclasses.replace(
        blocked(), snapshot=dataclasses.replace(blocked().snapshot, ref=ref, files=files)
    )
    assert later.snapshot.digest != blocked().snapshot.digest
    for scan in (blocked(), later):
        assert judged(office, scan, today()) is VerdictValue.PASS
        assert judged(office, scan, datetime.date(2090, 12, 31)) is not VerdictValue.BLOCK
        assert judged(office, scan, datetime.date(2091, 1, 1)) is VerdictValue.BLOCK
    assert judged(office, blocked(), today() - datetime.timedelta(days=1)) is VerdictValue.BLOCK


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (("--finding", "0123456789abcdef"), "no finding 0123456789abcdef that did not pass"),
        (("--check", "remote-cod"), "unknown check 'remote-cod'; did you mean 'remote-code'?"),
        (("--control", "euaia-art999"), "not judged by a control 'euaia-art999'"),
        ((), "exactly one of --finding, --check and --control"),
        (("--check", "remote-code", "--control", "euaia-art4"), "exactly one of"),
    ],
)
def test_what_does_not_exist_cannot_be_waived(office: Office, target: tuple[str, ...], message: str) -> None:
    office.put(blocked())
    said = office.run("waive", "scan-1", *target, *WAIVER, *JANE)
    assert said.code == 2
    assert message in said.err
    with office.store() as store:
        assert store.decisions() == []


def test_passed_finding_cannot_be_waived(office: Office) -> None:
    office.put(scan_of(None, record("remote-code", passed("remote-code"))))
    fingerprint = passed("remote-code").fingerprint
    assert office.run("waive", "scan-1", "--finding", fingerprint, *WAIVER, *JANE).code == 2


def test_waived_control_is_waived_in_the_next_judgement(office: Office) -> None:
    office.put(blocked())
    with office.store() as store:
        gaps = [
            one.control_id for one in store.load_assessment("scan-1").controls
            if one.status is ControlStatus.ATTESTATION_REQUIRED
        ]  # fmt: skip
    assert office.run("waive", "scan-1", "--control", gaps[0], *WAIVER, *JANE).code == 0
    with office.store() as store:
        found = judge(blocked(), criteria_of(), store.decisions(), as_of=today())
    assert {one.control_id: one.status for one in found.controls}[gaps[0]] is ControlStatus.WAIVED


APPROVE = ("approve", "scan-1", "--reason", "report read")


def test_approval_judges_anew_and_carries_that_judgement(office: Office) -> None:
    office.put(scan_of())
    said = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE, "--format", "json")
    assert said.code == 0, said.err
    decision = said.document["decision"]
    with office.store() as store:
        newest = store.load_assessment("scan-1")
        assert newest.as_of == today()
        assert decision["seen"]["assessment"] == store.seen("scan-1").assessment
        assert decision["seen"]["verdict"] == newest.verdict.value.value
        assert store.check_decisions().problems == ()
    assert decision["reviewed"] == {"preparer": "Pat Doe", "preparer_known_from": "the reviewer"}


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_preparer_cannot_review(office: Office, command: str) -> None:
    office.put(scan_of())
    said = office.run(command, "scan-1", "--reason", "x", "--prepared-by", "jane  ROE", *JANE)
    assert said.code == 2
    assert "preparer and reviewer must be different people" in said.err


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_review_of_nobodys_scan_is_refused(office: Office, command: str) -> None:
    office.put(scan_of())
    said = office.run(command, "scan-1", "--reason", "x", *JANE)
    assert said.code == 2
    assert "who prepared scan scan-1 was not recorded" in said.err


def test_recorded_preparer_cannot_be_talked_away(office: Office) -> None:
    office.put(scan_of())
    with office.store() as store:
        person = Person("Jane Roe", "CISO", "option")
        at = datetime.datetime.now(datetime.UTC)
        store.record(Decision(DecisionKind.PREPARATION, person, at, "ran the scan", store.seen("scan-1")))
    said = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert said.code == 2
    assert "was prepared by Jane Roe, not by Pat Doe" in said.err
    assert office.run(*APPROVE, *JANE).code == 2
    said = office.run(*APPROVE, *PAT, "--format", "json")
    assert said.document["decision"]["reviewed"]["preparer_known_from"] == "decision 1"


def test_blocked_scan_is_approved_only_with_a_waiver(office: Office) -> None:
    office.put(blocked())
    refused = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert refused.code == 1
    assert "not approved: the verdict as of" in refused.err
    assert "remote-code" in refused.err
    office.run("waive", "scan-1", "--finding", FINGERPRINT, *WAIVER, *JANE)
    assert office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE).code == 0
    with office.store() as store:
        assert [one.decision.kind.value for one in store.decisions()] == ["waiver", "approval"]


def test_incomplete_scan_is_not_approved(office: Office) -> None:
    office.put(scan_of({"remote-code": record("remote-code", passed("remote-code"))}))
    refused = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert refused.code == 3
    assert "INCOMPLETE" in refused.err


def test_scan_that_was_held_against_a_base_is_not_approved_without_it(office: Office, tmp_path: Path) -> None:
    rule = {"id": "new", "verdict": "block", "says": "nothing new", "when": "compared"}
    alone = {
        "id": "alone", "verdict": "block", "says": "no attack succeeds",
        "failed": {"severity_at_least": "low", "checks": ["garak-attack-succeeds"]},
    }  # fmt: skip
    gate = {"rules": [{**rule, "new": {"severity_at_least": "high"}}, alone]}
    path = str(write_policy(tmp_path / "here", gate=gate))
    office.put(dataclasses.replace(scan_of(), id="base-1"), Path(path))
    office.put(blocked(), Path(path))
    assert office.run("gate", "scan-1").code == 0
    assert office.run("gate", "scan-1", "--base", "base-1").code == 1
    refused = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert refused.code == 1
    assert "nothing new" in refused.err.lower()
    office.run("waive", "scan-1", "--finding", FINGERPRINT, *WAIVER, *JANE)
    assert office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE).code == 0


def test_change_against_a_base_is_waived_by_the_fingerprint_that_the_verdict_names(
    office: Office, tmp_path: Path
) -> None:
    rule = {
        "id": "config",
        "verdict": "block",
        "says": "the same configuration",
        "changed": {"parts": ["config"]},
    }
    path = write_policy(tmp_path / "here", gate={"rules": [rule]})
    files = (dataclasses.replace(scan_of().snapshot.files[0], sha256="55" * 32),)
    snapshot = dataclasses.replace(scan_of().snapshot, files=files)
    office.put(dataclasses.replace(scan_of(), id="base-1"), path)
    office.put(dataclasses.replace(scan_of(), snapshot=snapshot), path)
    said = office.run("gate", "scan-1", "--base", "base-1", "--format", "json")
    assert said.code == 1
    (fingerprint,) = said.document["reasons"][0]["findings"]
    assert office.run("waive", "scan-1", "--finding", fingerprint, *WAIVER, *JANE).code == 0
    assert office.run("gate", "scan-1", "--base", "base-1").code == 0


def test_forgotten_policy_file_cannot_make_a_judgement_milder(office: Office, tmp_path: Path) -> None:
    strict = write_policy(tmp_path, gate=GATE)
    office.put(scan_of(), strict)
    said = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert said.code == 2
    assert "was judged by acme 1" in said.err
    assert office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE, "--policy", str(strict)).code == 0


def test_policy_file_that_happens_to_lie_here_is_not_a_named_one(office: Office, tmp_path: Path) -> None:
    strict = write_policy(tmp_path, gate=GATE)
    office.put(scan_of(), strict)
    write_policy(tmp_path / "here", gate={"rules": [{**GATE["rules"][0], "verdict": "review"}]})
    assert office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE).code == 2


def test_forgotten_pack_cannot_make_a_judgement_milder(office: Office) -> None:
    with office.store() as store:
        store.save_scan(scan_of())
        criteria = criteria_of(packs=["eu-ai-act"])
        store.save_assessment(judge(scan_of(), criteria, [], as_of=today()))
    said = office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert said.code == 2
    assert "with eu-ai-act, and would now be judged by" in said.err
    assert office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE, "--pack", "eu-ai-act").code == 0


def test_policy_file_of_the_working_directory_is_found(office: Office, tmp_path: Path) -> None:
    office.put(scan_of(), write_policy(tmp_path / "here", gate=GATE))
    assert office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE).code == 0


def test_rejection_takes_an_approval_away_and_both_stay_listed(office: Office) -> None:
    office.put(scan_of())
    office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    assert (
        office.run(
            "reject", "scan-1", "--reason", "on second thoughts", "--prepared-by", "Pat Doe", *JANE
        ).code
        == 0
    )
    said = office.run("decisions", "scan-1", "--format", "json")
    assert [(one["state"], one["counts"]) for one in said.document] == [
        ("replaced by decision 2", False), ("counts", True),
    ]  # fmt: skip


def test_decisions_are_listed_with_who_when_why_and_state(office: Office) -> None:
    office.put(blocked())
    office.run("waive", "scan-1", "--check", "remote-code", *WAIVER, *JANE)
    said = office.run("decisions", "scan")
    assert said.code == 0
    for words in (
        "waiver  check remote-code",
        "Jane Roe, CISO (from option)",
        "why: read by us",
        f"counts until {UNTIL}",
    ):
        assert words in said.out
    assert said.out.splitlines()[-1] == f"1 decision(s), of which 1 count as of {today()}"
    late = office.run("decisions", "--as-of", "2091-01-01")
    assert f"ended on {UNTIL}" in late.out


def test_verify_ends_with_3_when_a_row_was_changed(office: Office) -> None:
    office.put(blocked())
    office.run("waive", "scan-1", "--check", "remote-code", *WAIVER, *JANE)
    assert office.run("decisions", "--verify").code == 0
    with office.store() as store:
        head = store.check_decisions().head
    assert office.run("decisions", "--verify", "--head", head[:16]).code == 0
    assert office.run("decisions", "--verify", "--head", "f" * 16).code == 3
    with sqlite3.connect(office.folder / "weighbridge.db") as connection:
        connection.execute("DROP TRIGGER decisions_never_updated")
        connection.execute("UPDATE decisions SET person = 'Somebody Else'")
    said = office.run("decisions", "--verify")
    assert said.code == 3
    assert "problem: decision 1 was changed" in said.out
    assert office.run("decisions").code == 3
    assert (
        office.run("report", "scan-1", "--report", "json", "--output", str(office.folder / "out")).code == 3
    )


def test_report_of_a_stored_scan_signs_off_and_lists_what_was_decided_after_it(
    office: Office, tmp_path: Path
) -> None:
    office.put(blocked())
    office.run("waive", "scan-1", "--finding", FINGERPRINT, *WAIVER, *JANE)
    office.run(*APPROVE, "--prepared-by", "Pat Doe", *JANE)
    out = tmp_path / "out"
    assert (
        office.run(
            "report", "scan-1", "--report", "json", "--report", "html", "--output", str(out), "-q"
        ).code
        == 0
    )
    report = json.loads((out / "report.json").read_bytes())
    assert [one["kind"] for one in report["decisions"]] == ["waiver", "approval"]
    assert report["sign_off"]["preparer"] == "Pat Doe"
    assert report["sign_off"]["review"]["name"] == "Jane Roe"
    assert report["sign_off"]["review"]["digest"] == report["decisions"][1]["digest"]
    (statement,) = report["assessment"]["statements"]
    assert statement["said"] == "the risk is carried by Owner; meanwhile: a proxy"
    assert statement["digest"] == report["decisions"][0]["digest"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "recorded as decision 2: report read" in page
    assert "Approved by" in page
