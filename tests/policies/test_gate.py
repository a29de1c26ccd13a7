from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import Verdict, VerdictValue
from policies.controls import Pack
from policies.packs import available_packs, load_packs
from policies.policy_file import PolicyFile, load_policy
from scanner.findings import Confidence, Severity
from scanner.manifest import FileEntry
from scanner.parts import Parts
from scanner.scan import Scan
from tests.policies.fake_checks import (
    AS_OF,
    CHECKS,
    NOW,
    errored,
    failed,
    not_run,
    passed,
    record,
    scan_of,
    scan_without,
)  # fmt: skip
from tests.policies.pack_files import control, load_pack, policy

PASS, REVIEW = VerdictValue.PASS, VerdictValue.REVIEW
BLOCK, INCOMPLETE = VerdictValue.BLOCK, VerdictValue.INCOMPLETE
DEFAULT = load_policy(checks=CHECKS)


def verdict(
    scan: Scan, policy: PolicyFile = DEFAULT, packs: list[Pack] | None = None, as_of: datetime.date = AS_OF
) -> Verdict:
    return assess(scan, packs or [], policy, as_of=as_of, assessed_at=NOW).verdict


def rules_of(found: Verdict) -> list[str]:
    return [reason.rule for reason in found.reasons]


def with_failure(check_id: str, severity: Severity, confidence: Confidence = Confidence.HIGH) -> Scan:
    return scan_of(None, record(check_id, failed(check_id, severity, confidence=confidence)))


def test_good_scan_passes_without_reasons() -> None:
    found = verdict(scan_of(), packs=load_packs(available_packs(), CHECKS))
    assert (found.value, found.reasons) == (PASS, ())


@pytest.mark.parametrize(
    ("check_id", "severity", "confidence", "value"),
    [
        ("licence-contradiction", Severity.CRITICAL, Confidence.HIGH, BLOCK),
        ("licence-contradiction", Severity.CRITICAL, Confidence.MEDIUM, BLOCK),
        ("licence-contradiction", Severity.CRITICAL, Confidence.LOW, REVIEW),
        ("licence-contradiction", Severity.HIGH, Confidence.HIGH, REVIEW),
        ("licence-contradiction", Severity.MEDIUM, Confidence.HIGH, REVIEW),
        ("licence-contradiction", Severity.LOW, Confidence.HIGH, PASS),
        ("licence-contradiction", Severity.INFO, Confidence.HIGH, PASS),
        ("remote-code", Severity.HIGH, Confidence.HIGH, BLOCK),
        ("remote-code", Severity.HIGH, Confidence.LOW, REVIEW),
        ("remote-code", Severity.MEDIUM, Confidence.HIGH, REVIEW),
        ("integrity-mismatch", Severity.HIGH, Confidence.HIGH, BLOCK),
        ("pickle-runs-code", Severity.CRITICAL, Confidence.HIGH, BLOCK),
        ("garak-attack-succeeds", Severity.HIGH, Confidence.HIGH, REVIEW),
    ],
)
def test_failures_weigh_by_severity_confidence_and_check(
    check_id: str, severity: Severity, confidence: Confidence, value: VerdictValue
) -> None:
    assert verdict(with_failure(check_id, severity, confidence)).value is value


@pytest.mark.parametrize(
    ("check_id", "value"),
    [
        ("pickle-runs-code", INCOMPLETE),
        ("remote-code", INCOMPLETE),
        ("alignment-deflection", INCOMPLETE),
        ("garak-attack-succeeds", INCOMPLETE),
        ("personal-data-in-replies", INCOMPLETE),
        ("model-incoherent", INCOMPLETE),
        ("integrity-mismatch", REVIEW),
        ("publisher-unknown", REVIEW),
        ("training-compute", PASS),
    ],
)
def test_check_that_is_absent_or_unjudged_weighs_alike(check_id: str, value: VerdictValue) -> None:
    subject = "en" if check_id == "model-incoherent" else ""
    for scan in (
        scan_without(check_id),
        scan_of(None, record(check_id, not_run(check_id, subject=subject))),
        scan_of(None, record(check_id, errored(check_id))),
    ):
        assert verdict(scan).value is value


def test_absent_check_is_named_in_the_reason() -> None:
    (reason,) = verdict(scan_without("remote-code")).reasons
    assert reason.rule == "safety-not-judged"
    assert reason.text == "A required check reached no conclusion: remote-code was not part of the scan"


def test_unjudged_part_of_a_safety_check_is_incomplete() -> None:
    name = "pickle-runs-code"
    found = verdict(scan_of(None, record(name, passed(name), errored(name))))
    assert found.value is INCOMPLETE
    assert found.reasons[0].findings


def test_unjudged_part_of_the_attacks_is_for_review() -> None:
    name = "garak-attack-succeeds"
    found = verdict(
        scan_of(None, record(name, passed(name), not_run(name, "needs an encoder", subject="garak x")))
    )
    assert (found.value, rules_of(found)) == (REVIEW, ["attacks-partly-judged"])


def test_attacks_that_were_not_judged_at_all_are_incomplete_and_said_once() -> None:
    name = "garak-attack-succeeds"
    for scan in (scan_of(None, record(name, not_run(name), errored(name))), scan_without(name)):
        found = verdict(scan)
        assert (found.value, rules_of(found)) == (INCOMPLETE, ["attacks-not-judged"])


def test_nothing_to_examine_is_not_missed() -> None:
    name = "pickle-runs-code"
    scan = scan_of(None, record(name, not_run(name, "no pickles", rule="nothing-to-examine")))
    assert verdict(scan).value is PASS


def test_language_outside_the_scope_is_not_missed_and_inside_it_is(tmp_path: Path) -> None:
    """The good scan says that the model is not capable in Chinese."""
    assert verdict(scan_of()).value is PASS
    both = policy(tmp_path, scope={"languages": ["en", "zh"]})
    found = verdict(scan_of(), both)
    assert found.value is INCOMPLETE
    assert "capable-of-answering" in rules_of(found)
    assert found.scope.startswith("English, Chinese;")


def test_failure_in_a_language_outside_the_scope_still_counts() -> None:
    name = "alignment-deflection"
    found = verdict(scan_of(None, record(name, passed(name, subject="en"), failed(name, subject="zh"))))
    assert found.value is REVIEW


@pytest.mark.parametrize(
    "findings",
    [
        (failed("model-incoherent"),),
        (not_run("model-incoherent", "answered 3 of 24", subject="en"),),
        (
            passed("model-incoherent", subject="en", rule="a"),
            failed("model-incoherent", subject="en", rule="b"),
        ),
        (passed("model-incoherent", subject="zh"),),
        (passed("model-incoherent"),),
    ],
)
def test_incapable_is_not_harmless(findings: tuple[Any, ...]) -> None:
    found = verdict(scan_of(None, record("model-incoherent", *findings)))
    assert found.value is INCOMPLETE
    assert found.reasons[0].rule == "capable-of-answering"


def test_incoherence_in_a_language_outside_the_scope_stops_nothing() -> None:
    name = "model-incoherent"
    found = verdict(scan_of(None, record(name, passed(name, subject="en"), failed(name, subject="zh"))))
    assert found.value is PASS


def test_block_beats_incomplete_beats_review_and_every_reason_is_listed() -> None:
    scan = scan_of(
        {
            name: one
            for name, one in {record.check_id: record for record in scan_of().records}.items()
            if name != "alignment-deflection"
        },
        record("pickle-runs-code", failed("pickle-runs-code", Severity.CRITICAL)),
        record("licence-contradiction", failed("licence-contradiction", Severity.MEDIUM)),
    )
    found = verdict(scan)
    assert found.value is BLOCK
    order = [reason.value for reason in found.reasons]
    assert order == sorted(order, key=[BLOCK, INCOMPLETE, REVIEW, PASS].index)
    assert set(order) == {BLOCK, INCOMPLETE, REVIEW}
    assert {"critical-failure", "unsafe-files", "safety-not-judged", "failure"} == set(rules_of(found))


def test_incomplete_beats_review() -> None:
    scan = scan_of(
        None,
        record("remote-code", errored("remote-code")),
        record("licence-contradiction", failed("licence-contradiction")),
    )
    assert [reason.value for reason in verdict(scan).reasons] == [INCOMPLETE, REVIEW]


def test_gap_in_a_severe_control_in_force_is_for_review(tmp_path: Path) -> None:
    scan = with_failure("pickle-runs-code", Severity.LOW)
    pack = load_pack(tmp_path, control())
    found = verdict(scan, packs=[pack])
    assert (found.value, rules_of(found)) == (REVIEW, ["control-gap"])
    assert "Test Act, Art. 10: not supported. Gap: the scan does not show" in found.reasons[0].text
    assert found.reasons[0].findings
    milder = load_pack(tmp_path, control(severity_if_failed="medium"))
    assert verdict(scan, packs=[milder]).value is PASS
    later = load_pack(tmp_path, control(effective=[{"since": "2027-12-02"}]))
    assert verdict(scan, packs=[later]).value is PASS


def test_gap_against_a_voluntary_framework_counts_only_where_a_policy_says_so(tmp_path: Path) -> None:
    scan = with_failure("pickle-runs-code", Severity.LOW)
    pack = load_pack(tmp_path, control(), status="voluntary")
    assert verdict(scan, packs=[pack]).value is PASS
    matcher = {"statuses": ["not_supported"], "severity_at_least": "high", "packs": ["test-act"]}
    adopted = {"id": "adopted", "verdict": "review", "says": "we adopted it", "control": matcher}
    found = verdict(scan, policy(tmp_path, gate={"rules": [adopted]}, extra_packs=[]), packs=[pack])
    assert (found.value, rules_of(found)) == (REVIEW, ["adopted"])


@pytest.mark.parametrize("status", ["proposed", "superseded"])
def test_gap_against_what_is_not_law_stops_nothing_under_any_gate(tmp_path: Path, status: str) -> None:
    """Also a gate that asks about controls whatever their day."""
    scan = with_failure("pickle-runs-code", Severity.LOW)
    matcher = {"statuses": ["not_supported"], "severity_at_least": "low"}
    rule = {"id": "any-gap", "verdict": "block", "says": "a gap", "control": matcher}
    own = policy(tmp_path, gate={"rules": [rule]})
    assert verdict(scan, own, [load_pack(tmp_path, control())]).value is BLOCK
    found = verdict(scan, own, [load_pack(tmp_path, control(), status=status)])
    assert (found.value, found.reasons) == (PASS, ())


def test_scan_that_judged_nothing_is_incomplete_under_any_gate(tmp_path: Path) -> None:
    lenient = policy(tmp_path, gate={"rules": [LENIENT]})
    nothing = scan_of(
        {"remote-code": record("remote-code", not_run("remote-code", rule="nothing-to-examine"))}
    )
    for scan in (scan_of({}), nothing):
        found = verdict(scan, lenient)
        assert (found.value, found.reasons[0].rule) == (INCOMPLETE, "nothing-judged")


def test_gate_without_rules_lets_nothing_pass(tmp_path: Path) -> None:
    found = verdict(scan_of(), policy(tmp_path, gate={"rules": []}))
    assert (found.value, rules_of(found)) == (INCOMPLETE, ["empty-gate"])


LENIENT = {"id": "own", "verdict": "block", "says": "ours", "failed": {"severity_at_least": "critical"}}


def test_own_gate_decides_alone(tmp_path: Path) -> None:
    own = policy(tmp_path, gate={"rules": [LENIENT]})
    assert verdict(with_failure("remote-code", Severity.HIGH), own).value is PASS
    found = verdict(with_failure("remote-code", Severity.CRITICAL), own)
    assert (found.value, found.gate, found.gate_digest) == (BLOCK, "acme 1", own.digest)


def test_own_gate_may_ask_for_statements(tmp_path: Path) -> None:
    asked = {"statuses": ["attestation_required"], "severity_at_least": "high", "packs": ["eu-ai-act"]}
    rule = {"id": "signed", "verdict": "review", "says": "a person must answer", "control": asked}
    own = policy(tmp_path, gate={"rules": [rule]})
    packs = load_packs(available_packs(), CHECKS)
    found = verdict(scan_of(), own, packs)
    assert found.value is REVIEW
    assert all("EU AI Act" in reason.text for reason in found.reasons)


def test_stale_pack_is_said() -> None:
    packs = load_packs(["eu-ai-act"], CHECKS)
    late = packs[0].review_due + datetime.timedelta(days=1)
    found = verdict(scan_of(), packs=packs, as_of=late)
    assert "pack-stale" in rules_of(found)


def test_scope_says_languages_packs_and_day() -> None:
    found = verdict(scan_of(), packs=load_packs(["eu-ai-act"], CHECKS))
    assert found.scope == "English; EU AI Act 2026.11.2; as of 2026-11-22"
    assert verdict(scan_of()).scope == "English; no control pack; as of 2026-11-22"


def test_every_reason_begins_with_a_capital_letter(tmp_path: Path) -> None:
    gate = {"rules": [{"id": "gap", "verdict": "review", "says": "a gap", "control": {
        "statuses": ["not_supported"], "severity_at_least": "low"}}]}  # fmt: skip
    pack = load_pack(tmp_path, control())
    found = [
        *verdict(scan_of({}), packs=[pack]).reasons,
        *verdict(with_failure("pickle-runs-code", Severity.CRITICAL), packs=[pack]).reasons,
        *verdict(with_failure("pickle-runs-code", Severity.LOW), policy(tmp_path, gate=gate), [pack]).reasons,
    ]
    assert {reason.rule for reason in found} >= {"nothing-judged", "capable-of-answering", "gap"}
    assert all(reason.text[0].isupper() for reason in found), found


def test_languages_that_were_not_shown_are_named_in_words() -> None:
    reason = next(reason for reason in verdict(scan_of({})).reasons if reason.rule == "capable-of-answering")
    assert "not shown for English by model-incoherent" in reason.text


def test_nothing_passes_of_which_not_every_byte_was_read() -> None:
    scan = scan_of()
    parts = FileEntry("model.safetensors", 10**9, "", parts=Parts((), "0" * 64, "only its header was read"))
    snapshot = dataclasses.replace(scan.snapshot, files=(*scan.snapshot.files, parts))
    found = verdict(dataclasses.replace(scan, snapshot=snapshot))
    assert (found.value, rules_of(found)) == (INCOMPLETE, ["not-whole"])
    assert "1 of 2 files were not read whole" in found.reasons[0].text


def test_what_blocks_blocks_although_not_every_byte_was_read() -> None:
    scan = with_failure("pickle-runs-code", Severity.CRITICAL)
    snapshot = dataclasses.replace(scan.snapshot, files=(FileEntry("model.bin", 10**9, ""),))
    assert verdict(dataclasses.replace(scan, snapshot=snapshot)).value is BLOCK
