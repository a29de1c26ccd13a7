from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import Assessment, ControlResult, ControlStatus
from policies.packs import available_packs, load_packs
from policies.policy_file import PolicyFile, load_policy
from scanner.check import Profile
from scanner.records import decode, encode
from scanner.scan import Scan
from tests.policies.fake_checks import (
    AS_OF,
    CHECKS,
    NOW,
    TRANSCRIPT,
    errored,
    measured,
    not_run,
    passed,
    record,
    scan_of,
)  # fmt: skip
from tests.policies.pack_files import answers, control, load_pack, policy, statement

S = ControlStatus
PACKS = load_packs(available_packs(), CHECKS)
COMPUTE = "training-compute"
LARGE = record(COMPUTE, passed(COMPUTE), measured(COMPUTE, "compute.training_flop", 1.8e24, n=1))


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def assessed(scan: Scan, policy: PolicyFile, as_of: datetime.date = AS_OF) -> Assessment:
    return assess(scan, PACKS, policy, as_of=as_of, assessed_at=NOW)


def by_id(assessment: Assessment) -> dict[str, ControlResult]:
    return {one.control_id: one for one in assessment.controls}


@pytest.fixture
def hospital(tmp_path: Path) -> PolicyFile:
    return policy(tmp_path, organisation=answers())


def test_unanswered_organisation_leaves_what_depends_on_it_open() -> None:
    found = by_id(assessed(scan_of(), load_policy()))
    for name in ("euaia-art9", "euaia-art27", "hipaa-164.308-a-1-ii-a", "hipaa-164.312-c-1"):
        assert found[name].status is S.ATTESTATION_REQUIRED, name
        assert "is open" in found[name].reason


def test_good_scan_with_statements_supports_what_a_scan_can_support(tmp_path: Path) -> None:
    stated = ("hipaa-164.308-a-1-ii-a", "hipaa-164.308-a-8", "euaia-art15-cybersecurity", "hipaa-164.312-c-1")
    own = policy(tmp_path, organisation=answers(), attestations=[statement(name) for name in stated])
    found = by_id(assessed(scan_of(), own))
    assert found["hipaa-164.308-a-1-ii-a"].status is S.SUPPORTED
    assert found["hipaa-164.308-a-8"].status is S.SUPPORTED
    assert found["euaia-art15-cybersecurity"].status is S.SUPPORTED
    assert found["hipaa-164.312-c-1"].status is S.PARTIALLY_SUPPORTED
    assert found["hipaa-164.308-a-8"].attested.startswith("Jane Roe, CISO, answered 'yes'")


def test_quick_scan_supports_robustness_at_most_in_part(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(), attestations=[statement("euaia-art15-robustness")])
    status = {
        profile: by_id(assessed(scan_of(profile=profile), own))["euaia-art15-robustness"].status
        for profile in Profile
    }
    assert status == {
        Profile.QUICK: S.PARTIALLY_SUPPORTED, Profile.STANDARD: S.SUPPORTED, Profile.DEEP: S.SUPPORTED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"handles_ephi": False}, S.NOT_APPLICABLE),
        ({"hipaa_entity": "neither"}, S.NOT_APPLICABLE),
        ({}, S.ATTESTATION_REQUIRED),
    ],
)
def test_hipaa_binds_entities_that_handle_ephi(
    tmp_path: Path, changes: dict[str, Any], status: ControlStatus
) -> None:
    own = policy(tmp_path, organisation=answers(**changes))
    found = [one for one in assessed(scan_of(), own).controls if one.pack_id == "hipaa-security"]
    assert {one.status for one in found} == {status}


def test_self_hosting_needs_no_business_associate(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(self_hosted=True))
    found = by_id(assessed(scan_of(), own))
    assert found["hipaa-164.308-b-1"].status is S.NOT_APPLICABLE
    assert found["hipaa-164.314-a"].status is S.NOT_APPLICABLE


def test_small_model_is_below_the_line_for_general_purpose_models(hospital: PolicyFile) -> None:
    assert by_id(assessed(scan_of(), hospital))["euaia-art53-1-d"].status is S.NOT_APPLICABLE
    assert by_id(assessed(scan_of(None, LARGE), hospital))["euaia-art53-1-d"].status is S.ATTESTATION_REQUIRED


def test_open_source_is_exempt_from_a_and_b_but_not_from_c_and_d(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(licence_is_free_and_open=True))
    found = by_id(assessed(scan_of(None, LARGE), own))
    status = {name: found[f"euaia-art53-1-{name}"].status for name in "abcd"}
    assert status["a"] is status["b"] is S.NOT_APPLICABLE
    assert status["c"] is status["d"] is S.ATTESTATION_REQUIRED


def test_systemic_risk_ends_the_open_source_exemption(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(licence_is_free_and_open=True))
    huge = record(COMPUTE, passed(COMPUTE), measured(COMPUTE, "compute.training_flop", 3.8e25, n=1))
    found = by_id(assessed(scan_of(None, huge), own))
    assert found["euaia-art53-1-b"].status is S.SUPPORTED
    assert found["euaia-art51"].status is S.NOT_SUPPORTED
    assert found["euaia-art55-1-a"].status is S.ATTESTATION_REQUIRED


def test_without_a_compute_estimate_the_line_is_open(hospital: PolicyFile) -> None:
    unknown = record(COMPUTE, not_run(COMPUTE, "the card gives no tokens"))
    found = by_id(assessed(scan_of(None, unknown), hospital))
    assert found["euaia-art51"].status is S.NOT_ASSESSED
    assert found["euaia-art53-1-b"].status is S.ATTESTATION_REQUIRED


# The days of the amended Act: what is in force on each, for a system on the market since March 2026.
@pytest.mark.parametrize(
    ("control_id", "in_force_on"),
    [
        ("euaia-art4", (True, True, True, True)),
        ("euaia-art5", (True, True, True, True)),
        ("euaia-art5-intimate-images", (False, False, True, True)),
        ("euaia-art50-1", (False, True, True, True)),
        ("euaia-art50-2", (False, False, True, True)),
        ("euaia-art53-1-c", (True, True, True, True)),
        ("euaia-art6", (False, False, False, True)),
        ("euaia-art15-robustness", (False, False, False, True)),
        ("euaia-art26", (False, False, False, True)),
    ],
)
def test_law_applies_from_its_day(
    hospital: PolicyFile, control_id: str, in_force_on: tuple[bool, ...]
) -> None:
    days = ("2026-08-01", "2026-12-01", "2026-12-03", "2027-12-02")
    found = [by_id(assessed(scan_of(), hospital, day(text)))[control_id].is_in_force for text in days]
    assert tuple(found) == in_force_on


def test_annex_i_products_have_until_august_2028(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(high_risk="annex_i"))
    assert not by_id(assessed(scan_of(), own, day("2028-08-01")))["euaia-art9"].is_in_force
    assert by_id(assessed(scan_of(), own, day("2028-08-02")))["euaia-art9"].is_in_force


def test_new_system_has_no_grace_for_marking(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(system_on_market_since="2026-09-01"))
    assert by_id(assessed(scan_of(), own, day("2026-12-01")))["euaia-art50-2"].is_in_force


def test_model_from_before_august_2025_has_until_august_2027(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(model_on_market_since="2025-07-01"))
    assert not by_id(assessed(scan_of(None, LARGE), own))["euaia-art53-1-c"].is_in_force
    assert by_id(assessed(scan_of(None, LARGE), own, day("2027-08-02")))["euaia-art53-1-c"].is_in_force


def test_duty_that_does_not_apply_yet_is_judged_and_says_from_when(hospital: PolicyFile) -> None:
    found = by_id(assessed(scan_of(), hospital))["euaia-art15-cybersecurity"]
    assert found.reason.startswith("Applies from 2027-12-02, read ahead of that day. The scan supports that")
    assert found.effective_from == day("2027-12-02")
    assert found.status is S.ATTESTATION_REQUIRED


def test_control_that_does_not_apply_names_no_day_on_which_it_would(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(high_risk="none"))
    found = by_id(assessed(scan_of(), own))
    assert found["euaia-art9"].status is S.NOT_APPLICABLE
    assert found["euaia-art9"].reason == (
        "Does not apply, because it is not so that the intended purpose makes the system high-risk."
    )
    assert "may apply from" not in found["euaia-art53-1-d"].reason


def test_every_reason_is_made_of_whole_sentences(hospital: PolicyFile) -> None:
    for own in (load_policy(), hospital):
        for control_result in assessed(scan_of(), own).controls:
            assert control_result.reason[0].isupper(), control_result.reason
            assert "?;" not in control_result.reason


def test_provider_is_not_exempt_from_settling_who_is_the_provider(tmp_path: Path) -> None:
    status = {}
    for role in ("deployer", "provider_system"):
        told = answers(role=role, brands_as_own=False, changes_model=False, changes_purpose=False)
        status[role] = by_id(assessed(scan_of(), policy(tmp_path, organisation=told)))["euaia-art25"].status
    assert status == {"deployer": S.NOT_APPLICABLE, "provider_system": S.ATTESTATION_REQUIRED}


def test_files_without_a_commit_are_no_gap_of_the_deployer(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(), attestations=[statement("euaia-art26")])
    scan = scan_of()
    local = dataclasses.replace(scan, snapshot=dataclasses.replace(scan.snapshot, commit=None))
    assert by_id(assessed(local, own))["euaia-art26"].status is S.PARTIALLY_SUPPORTED


def test_contract_with_a_host_can_be_stated_for_a_model_without_code_files(tmp_path: Path) -> None:
    name = "hipaa-164.308-b-1"
    own = policy(tmp_path, organisation=answers(self_hosted=False), attestations=[statement(name)])
    empty = [
        record(each, not_run(each, rule="nothing-to-examine")) for each in ("pickle-runs-code", "remote-code")
    ]
    assert by_id(assessed(scan_of(None, *empty), own))[name].status is S.PARTIALLY_SUPPORTED


def test_exemption_from_a_representative_is_that_of_article_54(tmp_path: Path) -> None:
    told = answers(licence_is_free_and_open=True, model_is_monetised=False, upstream_outside_eu=True)
    found = by_id(assessed(scan_of(None, LARGE), policy(tmp_path, organisation=told)))["euaia-art54"]
    assert found.status is S.NOT_APPLICABLE
    assert "Art. 54(6)" in found.reason
    assert "points (c) and (d)" not in found.reason


def test_pack_is_stale_the_day_after_its_review_was_due() -> None:
    due = PACKS[0].review_due
    assert not assessed(scan_of(), load_policy(), due).packs[0].is_stale
    assert assessed(scan_of(), load_policy(), due + datetime.timedelta(days=1)).packs[0].is_stale


def test_proposed_law_is_never_in_force(tmp_path: Path) -> None:
    pack = load_pack(tmp_path, control(), status="proposed")
    found = assess(scan_of(), [pack], load_policy(), as_of=AS_OF, assessed_at=NOW)
    (one,) = found.controls
    assert not one.is_in_force
    assert one.reason.startswith("Not law (proposed), read as if it were")


def test_voluntary_framework_is_never_in_force_and_says_so(tmp_path: Path) -> None:
    pack = load_pack(tmp_path, control(), status="voluntary")
    (one,) = assess(scan_of(), [pack], load_policy(), as_of=AS_OF, assessed_at=NOW).controls
    assert one.status is S.SUPPORTED
    assert not one.is_in_force
    assert one.reason.startswith("A voluntary framework, not law. The scan supports that")


def test_voluntary_framework_that_was_not_yet_published_says_so(tmp_path: Path) -> None:
    pack = load_pack(tmp_path, control(), status="voluntary")
    before = datetime.date(2025, 8, 1)
    (one,) = assess(scan_of(), [pack], load_policy(), as_of=before, assessed_at=NOW).controls
    assert "not law, published on 2025-08-02 and read ahead of that day" in one.reason
    on_the_day = datetime.date(2025, 8, 2)
    (one,) = assess(scan_of(), [pack], load_policy(), as_of=on_the_day, assessed_at=NOW).controls
    assert "ahead" not in one.reason


def test_auditor_walks_from_control_to_finding_to_bytes(hospital: PolicyFile) -> None:
    scan = scan_of()
    found = by_id(assessed(scan, hospital))["hipaa-164.308-a-1-ii-a"]
    known = {finding.fingerprint: finding for finding in scan.findings}
    assert set(found.findings) <= set(known)
    assert {known[fingerprint].check_id for fingerprint in found.findings} == set(found.checks)
    assert {"garak.hit_rate", "privacy.reply_rate"} <= set(found.measurements)
    assert found.evidence == (TRANSCRIPT.sha256,)


def test_findings_of_a_control_include_what_could_not_be_judged(hospital: PolicyFile) -> None:
    name = "garak-attack-succeeds"
    scan = scan_of(None, record(name, errored(name)))
    found = by_id(assessed(scan, hospital))["hipaa-164.308-a-1-ii-a"]
    assert next(one.fingerprint for one in scan.findings if one.check_id == name) in found.findings


def test_assessment_is_json_and_back(hospital: PolicyFile) -> None:
    one = assessed(scan_of(), hospital)
    assert decode(encode(one), Assessment) == one


def test_equal_input_gives_an_equal_assessment(hospital: PolicyFile) -> None:
    assert assessed(scan_of(), hospital) == assessed(scan_of(), hospital)


def test_answers_that_entered_are_printed(hospital: PolicyFile) -> None:
    printed = assessed(scan_of(), hospital).organisation
    assert (printed["role"], printed["handles_ephi"], printed["model_on_market_since"]) == (
        "deployer", "yes", "2026-01-15",
    )  # fmt: skip


def test_scan_without_any_record_supports_nothing(hospital: PolicyFile) -> None:
    assert S.SUPPORTED not in {one.status for one in assessed(scan_of({}), hospital).controls}
