"""The voluntary packs, judged: what a scan without a fault reaches, and what single faults take away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import ControlResult, ControlStatus
from policies.controls import EvidenceKind
from policies.packs import load_packs
from policies.policy_file import PolicyFile
from scanner.check import CheckRecord
from scanner.findings import Severity
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, failed, measured, passed, record, scan_of
from tests.policies.pack_files import policy, statement

S = ControlStatus
YES, PART, NO = S.SUPPORTED, S.PARTIALLY_SUPPORTED, S.NOT_SUPPORTED
PACK_IDS = ("iso-42001", "mitre-atlas", "nist-800-53", "nist-ai-rmf", "owasp-llm-2025")
PACKS = load_packs(PACK_IDS, CHECKS)
CONTROLS = [control for pack in PACKS for control in pack.controls]


def faultless() -> dict[str, CheckRecord]:
    """Every check looked at everything and found nothing; every measurement was taken."""
    return {
        check_id: record(
            check_id,
            passed(check_id, subject="en" if check_id == "model-incoherent" else ""),
            *(measured(check_id, spec.name, 40.0 if spec.name.startswith(("card.", "integrity.")) else 0.0)
              for spec in check.measures),
        )
        for check_id, check in CHECKS.items()
    }  # fmt: skip


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> PolicyFile:
    """Every question of the packs is answered with yes; the model is hosted by others and was changed."""
    asked = [control.id for control in CONTROLS if control.attestation]
    folder: Path = tmp_path_factory.mktemp("policy")
    return policy(
        folder,
        packs=list(PACK_IDS),
        organisation={"changes_model": True, "self_hosted": False},
        attestations=[statement(control_id) for control_id in asked],
    )


def judged(scan: Scan, policy: PolicyFile) -> dict[str, ControlResult]:
    found = assess(scan, PACKS, policy, as_of=AS_OF, assessed_at=NOW)
    return {one.control_id: one for one in found.controls}


def test_every_rule_can_be_met(answered: PolicyFile) -> None:
    """A rule that no scan meets would turn a control into one that nobody can ever support."""
    found = judged(scan_of(faultless()), answered)
    for control in CONTROLS:
        wanted = S.SUPPORTED if control.supported_if.clauses else S.PARTIALLY_SUPPORTED
        assert found[control.id].status is wanted, found[control.id].reason


def test_nothing_is_supported_by_a_scan_that_looked_at_nothing(answered: PolicyFile) -> None:
    found = judged(scan_of({}), answered)
    for control in CONTROLS:
        by_person = control.evidence is EvidenceKind.ATTESTATION
        assert found[control.id].status is (S.PARTIALLY_SUPPORTED if by_person else S.NOT_ASSESSED), (
            control.id
        )


def test_nothing_is_in_force(answered: PolicyFile) -> None:
    assert not any(one.is_in_force for one in judged(scan_of(faultless()), answered).values())


def faulty(check_id: str, severity: Severity) -> Mapping[str, CheckRecord]:
    records = faultless()
    return records | {check_id: record(check_id, failed(check_id, severity), *records[check_id].measurements)}


@pytest.mark.parametrize(
    ("check_id", "severity", "expected"),
    [
        ("pickle-runs-code", Severity.CRITICAL, {
            "sp800-53-si-3": NO, "atlas-t0011.000": NO, "owasp-llm03": NO,
            "airmf-manage-1.3": NO, "sp800-53-ra-3": YES, "atlas-m0016": YES,
            "airmf-measure-2.7": YES, "owasp-llm01": YES,
        }),
        ("remote-code", Severity.MEDIUM, {
            "sp800-53-si-3": PART, "sp800-53-sc-18": NO,
            "atlas-t0011.001": PART, "airmf-manage-1.3": YES,
        }),
        ("integrity-mismatch", Severity.CRITICAL, {
            "sp800-53-si-7": NO, "atlas-m0014": NO, "iso42001-a.6.2.5": NO,
            "sp800-53-sr-10": YES, "owasp-llm09": YES,
        }),
        ("served-model-differs", Severity.HIGH, {
            "sp800-53-si-7": PART, "atlas-t0109": PART,
            "airmf-measure-2.3": NO, "sp800-53-sa-9": NO, "atlas-m0014": YES,
        }),
        ("publisher-unknown", Severity.LOW, {
            "sp800-53-sr-4-3": PART, "sp800-53-sr-11": PART,
            "owasp-llm03": PART, "airmf-govern-1.6": YES,
        }),
        ("garak-attack-succeeds", Severity.HIGH, {
            "owasp-llm01": PART, "atlas-t0051": NO, "ai600-ms-2.7-007": YES,
        }),
        ("garak-attack-succeeds", Severity.LOW, {"owasp-llm01": YES, "atlas-t0051": YES}),
        ("alignment-deflection", Severity.MEDIUM, {
            "owasp-llm09": PART, "ai600-mg-3.1-002": YES, "airmf-measure-2.8": YES,
        }),
        ("knowledge-withheld", Severity.LOW, {
            "owasp-llm09": PART, "airmf-map-2.2": YES,
        }),
        ("code-worse-for-some-groups", Severity.MEDIUM, {
            "ai600-ms-2.6-004": PART, "ai600-ms-2.11-002": NO,
            "airmf-measure-2.11": PART,
        }),
    ],
)  # fmt: skip
def test_one_fault_takes_away_what_rests_on_it_and_nothing_else(
    check_id: str, severity: Severity, expected: dict[str, ControlStatus], answered: PolicyFile
) -> None:
    found = judged(scan_of(faulty(check_id, severity)), answered)
    assert {name: found[name].status for name in expected} == expected


@pytest.mark.parametrize(
    "left_out",
    [
        "knowledge-withheld",
        "scripted-ending-preferred",
        "questions-read-as-harmful",
        "replies-follow-a-script",
    ],
)
def test_one_look_behind_the_replies_is_enough(left_out: str, answered: PolicyFile) -> None:
    """Engines differ in what they give: without states or log-probabilities the others must do."""
    records = {name: one for name, one in faultless().items() if name != left_out}
    assert judged(scan_of(records), answered)["ai600-mg-3.1-002"].status is S.SUPPORTED


def test_outcome_that_asks_for_an_examination_is_open_when_it_could_not_be_made(answered: PolicyFile) -> None:
    behind = {
        "knowledge-withheld",
        "scripted-ending-preferred",
        "questions-read-as-harmful",
        "replies-follow-a-script",
    }
    records = {name: one for name, one in faultless().items() if name not in behind}
    one = judged(scan_of(records), answered)["ai600-mg-3.1-002"]
    assert one.status is S.PARTIALLY_SUPPORTED
    assert "open: the check knowledge-withheld is not part of this scan" in one.reason


def test_control_on_hosts_does_not_bind_who_hosts_alone(tmp_path: Path) -> None:
    alone: dict[str, Any] = {"self_hosted": True}
    found = judged(scan_of(faultless()), policy(tmp_path, packs=["nist-800-53"], organisation=alone))
    assert found["sp800-53-sa-9"].status is S.NOT_APPLICABLE
