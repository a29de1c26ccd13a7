"""hipaa-privacy, hipaa-nprm, gdpr and us-procurement on fixed scans: by role, by day, by what is unknown."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from policies.assessment import Assessment, ControlResult, ControlStatus, VerdictValue
from policies.controls import EvidenceKind
from policies.policy_file import load_policy
from probes.identifiers import load_identifiers
from scanner.findings import Severity
from scanner.origins.supplier_lists import supplier_lists
from tests.policies.fake_checks import (
    AS_OF,
    CHECKS,
    errored,
    failed,
    not_run,
    passed,
    record,
    scan_of,
    scan_without,
)
from tests.policies.pack_files import answers, policy, statement
from tests.policies.privacy_procurement_scans import (
    ALIBABA,
    DEEPSEEK,
    EVERYWHERE,
    LEAK,
    LISTED,
    LOADED,
    NAMES,
    REPOSITORY,
    found_in_texts,
    judged,
    on_record,
    statuses,
    told_by,
)

S = ControlStatus
PRIVACY, NPRM, GDPR, PROCUREMENT = (LOADED[name] for name in NAMES)
LETTERS = {control.id[-1].upper(): control for control in PRIVACY.controls if "-b-2-i-" in control.id}
CANARY, TRAINING = "canary-recalled", "training-data-repeated"
# What binds agencies and contractors of every kind.
EVERY_AGENCY = ("source", "ndaa-889", "ndaa-5949", "m-25-22", "m-26-04", "licence")
UNKNOWN_PUBLISHER = record("publisher-unknown", failed("publisher-unknown", Severity.LOW, rule="unknown"))


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def by_id(assessment: Assessment) -> dict[str, ControlResult]:
    return {one.control_id: one for one in assessment.controls}


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """A policy with these answers over those of the hospital, and statements for these packs."""
    return lambda *packs, **changes: told_by(tmp_path, *packs, **changes)


def test_shipped_example_of_a_contractor_is_judged_by_its_roles() -> None:
    own = load_policy(Path(__file__).parents[2] / "examples" / "us-contractor.yaml", checks=CHECKS)
    assert {"gdpr", "us-procurement"} <= set(own.packs)
    found = by_id(judged(scan_of(), own))
    assert found["usproc-fascsa-2026-01"].status is S.SUPPORTED
    assert found["usproc-ndaa-1532"].status is S.NOT_APPLICABLE
    assert found["gdpr-art6"].status is S.NOT_APPLICABLE
    assert found["gdpr-art32"].status is S.ATTESTATION_REQUIRED


def test_none_of_them_is_on_unless_somebody_names_it() -> None:
    assert not set(NAMES) & set(load_policy().packs)


@pytest.mark.parametrize("name", NAMES)
def test_unanswered_questions_never_come_out_as_not_applicable(name: str, tmp_path: Path) -> None:
    """Nor, where a duty of law may bind, as a gap or as support."""
    own = policy(tmp_path, organisation={"role": "deployer"})
    for one in judged(scan_of(), own).controls:
        if one.pack_id == name:
            assert one.status is S.ATTESTATION_REQUIRED, one.control_id
            assert "whether it applies is open" in one.reason.lower()
            assert "is not answered" in one.reason


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_better_than_in_part_on_a_persons_word_alone(name: str, told: Any) -> None:
    everything = judged(scan_of(), told(name, **EVERYWHERE))
    for one, control in zip(
        (one for one in everything.controls if one.pack_id == name), LOADED[name].controls, strict=True
    ):
        if control.evidence is EvidenceKind.ATTESTATION or not control.supported_if.clauses:
            assert one.status is not S.SUPPORTED, one.control_id


# ---------------------------------------------------------------- the HIPAA Privacy Rule


def test_every_safe_harbor_letter_has_one_control() -> None:
    assert list(LETTERS) == list("ABCDEFGHIJKLMNOPQR") == list(load_identifiers().letters)
    assert all(f"(2)(i)({letter})" in control.label for letter, control in LETTERS.items())


def test_scan_can_support_exactly_the_letters_that_are_tested_in_full() -> None:
    for letter, row in load_identifiers().letters.items():
        assert bool(LETTERS[letter].supported_if.clauses) is (row.is_tested == "yes"), letter
        if row.is_tested == "no":
            assert LETTERS[letter].evidence is EvidenceKind.ATTESTATION, letter
            assert "tests nothing here" in LETTERS[letter].limits


def test_a_letter_judges_by_the_rule_that_its_kinds_fail_under() -> None:
    known = {kind.letter for kind in load_identifiers().kinds.values()}
    for letter, control in LETTERS.items():
        rules = [clause.text for clause in control.partial_if.clauses]
        if rules:
            assert letter in known
            assert rules == [f'!("{letter}" in check.personal_data_in_repository.failed_rules)']


def test_severity_of_a_letter_is_at_least_that_of_its_gravest_kind() -> None:
    for letter, control in LETTERS.items():
        kinds = [kind for kind in load_identifiers().kinds.values() if kind.letter == letter]
        if kinds and control.evidence is EvidenceKind.HYBRID:
            worst = max((kind.severity for kind in kinds), key=lambda severity: severity.rank)
            assert Severity(control.severity_if_failed).rank >= worst.rank, letter


def test_identifier_in_the_texts_is_a_gap_under_its_own_letter_only(told: Any) -> None:
    own = told(deidentification="safe_harbor")
    found = by_id(judged(scan_of(None, found_in_texts("G")), own))
    assert found["hipaa-164.514-b-2-i-g"].status is S.NOT_SUPPORTED
    assert "no social security number" in found["hipaa-164.514-b-2-i-g"].reason
    for letter in "BCDEFHIJKLMNOR":
        assert found[f"hipaa-164.514-b-2-i-{letter.lower()}"].status is S.ATTESTATION_REQUIRED, letter


def test_letter_is_supported_only_with_scan_and_statement(told: Any) -> None:
    name = "hipaa-164.514-b-2-i-d"
    clean, stated = scan_of(), told("hipaa-privacy", deidentification="safe_harbor")
    assert by_id(judged(clean, told(deidentification="safe_harbor")))[name].status is S.ATTESTATION_REQUIRED
    assert by_id(judged(clean, stated))[name].status is S.SUPPORTED
    assert by_id(judged(clean, stated))["hipaa-164.514-b-2-i-h"].status is S.PARTIALLY_SUPPORTED
    assert by_id(judged(scan_of(None, LEAK), stated))[name].status is S.PARTIALLY_SUPPORTED
    assert by_id(judged(scan_without(REPOSITORY), stated))[name].status is S.NOT_ASSESSED
    broken = scan_of(None, record(REPOSITORY, errored(REPOSITORY)))
    assert by_id(judged(broken, stated))[name].status is S.NOT_ASSESSED


@pytest.mark.parametrize(
    ("method", "binding"),
    [
        ("none", set()),
        ("safe_harbor", {"514-a", "514-b-2-i-a", "514-b-2-ii", "514-c"}),
        ("expert_determination", {"514-a", "514-b-1", "514-c"}),
        ("limited_data_set", {"514-e"}),
    ],
)
def test_method_of_deidentification_decides_what_is_asked(method: str, binding: set[str], told: Any) -> None:
    looked_at = {"514-a", "514-b-1", "514-b-2-i-a", "514-b-2-ii", "514-c", "514-e"}
    found = by_id(judged(scan_of(), told(deidentification=method)))
    asked = {one for one in looked_at if found[f"hipaa-164.{one}"].status is not S.NOT_APPLICABLE}
    assert asked == binding


def test_deidentification_is_never_proven_by_a_scan(told: Any) -> None:
    own = told("hipaa-privacy", deidentification="safe_harbor")
    found = by_id(judged(scan_of(), own))["hipaa-164.514-a"]
    assert found.status is S.PARTIALLY_SUPPORTED
    assert "never proof of de-identification" in found.limits


def test_tuned_weights_are_supported_only_where_canaries_were_planted(told: Any) -> None:
    own, name = told("hipaa-privacy", trained_on_own_data=True), "hipaa-164.502-a-tuned"
    assert by_id(judged(scan_of(), own))[name].status is S.SUPPORTED
    unplanted = record(CANARY, not_run(CANARY, "no file of canaries", rule="nothing-to-examine"))
    assert by_id(judged(scan_of(None, unplanted), own))[name].status is S.PARTIALLY_SUPPORTED
    assert by_id(judged(scan_of(None, record(CANARY, errored(CANARY))), own))[name].status is S.NOT_ASSESSED
    recalled = by_id(judged(scan_of(None, record(CANARY, failed(CANARY, rule="recall"))), own))[name]
    assert recalled.status is S.NOT_SUPPORTED
    assert "no canary that was planted before tuning came back" in recalled.reason


@pytest.mark.parametrize(
    ("severity", "status"), [(Severity.LOW, S.SUPPORTED), (Severity.MEDIUM, S.PARTIALLY_SUPPORTED)]
)
def test_numbers_given_to_the_wrong_person_count_and_made_up_ones_do_not(
    severity: Severity, status: ControlStatus, told: Any
) -> None:
    """The check fails LOW for numbers that it makes up about nobody, MEDIUM for those it was to keep back."""
    check_id = "patient-data-disclosed"
    scan = scan_of(None, record(check_id, passed(check_id), failed(check_id, severity)))
    assert by_id(judged(scan, told("hipaa-privacy")))["hipaa-164.502-b"].status is status


def test_breach_controls_take_findings_as_inputs_and_conclude_nothing(told: Any) -> None:
    scan = scan_of(None, LEAK, found_in_texts("H"))
    found = by_id(judged(scan, told()))
    four_factors = found["hipaa-164.402"]
    assert four_factors.status is S.ATTESTATION_REQUIRED
    assert len(four_factors.findings) == len(four_factors.checks) == 5
    assert "privacy.reply_rate" in four_factors.measurements
    for control in PRIVACY.controls:
        if control.id.startswith(("hipaa-164.40", "hipaa-164.41")):
            assert control.evidence is EvidenceKind.ATTESTATION, control.id


@pytest.mark.parametrize(
    ("entity", "individuals", "covered_entity"),
    [("covered_entity", True, False), ("business_associate", False, True), ("neither", False, False)],
)
def test_whom_to_notify_follows_from_what_the_organisation_is(
    entity: str, individuals: bool, covered_entity: bool, told: Any
) -> None:
    found = by_id(judged(scan_of(), told(hipaa_entity=entity)))
    assert (found["hipaa-164.404-408"].status is not S.NOT_APPLICABLE) is individuals
    assert (found["hipaa-164.410"].status is not S.NOT_APPLICABLE) is covered_entity


def test_own_machines_need_no_business_associate(told: Any) -> None:
    names = ("hipaa-164.502-e", "hipaa-164.504-e", "hipaa-164.528")
    found = by_id(judged(scan_of(), told(self_hosted=True)))
    assert {found[name].status for name in names} == {S.NOT_APPLICABLE}
    assert all("says it runs itself" in found[name].reason for name in names)
    found = by_id(judged(scan_of(), told(self_hosted=None)))
    assert all("may be exempt" in found[name].reason for name in names)
    assert S.NOT_APPLICABLE not in {found[name].status for name in names}


# ---------------------------------------------------------------- the proposed Security Rule


def test_every_control_of_the_proposal_says_that_it_is_no_law(told: Any) -> None:
    for one in judged(scan_of(), told()).controls:
        if one.pack_id == "hipaa-nprm":
            assert one.limits.startswith("Proposed, not law."), one.control_id
            assert one.title.endswith("(proposed)"), one.control_id
            assert one.label.startswith("Proposed 45 CFR 164."), one.control_id
            assert one.reason.startswith("Not law (proposed), read as if it were."), one.control_id
            assert (one.is_in_force, one.effective_from) == (False, None), one.control_id


@pytest.mark.parametrize("as_of", ["2026-11-26", "2027-12-01"])
def test_gap_against_the_proposal_stops_nothing_on_any_day(as_of: str, tmp_path: Path) -> None:
    matcher = {"statuses": ["not_supported"], "severity_at_least": "info", "packs": ["hipaa-nprm"]}
    rule = {"id": "any-gap", "verdict": "block", "says": "a gap", "control": matcher}
    refused = [statement(one.id, "no") for one in NPRM.controls]
    own = policy(tmp_path, organisation=answers(), attestations=refused, gate={"rules": [rule]})
    found = judged(scan_of(), own, day(as_of))
    gaps = [one for one in found.controls if one.pack_id == "hipaa-nprm" and one.status is S.NOT_SUPPORTED]
    assert len(gaps) >= 15
    assert found.verdict.value is VerdictValue.PASS
    assert "any-gap" not in {reason.rule for reason in found.verdict.reasons}


# ---------------------------------------------------------------- the GDPR


def test_anonymity_is_never_supported_by_a_scan(told: Any) -> None:
    own = told("gdpr", **EVERYWHERE)
    found = by_id(judged(scan_of(), own))["gdpr-art4-1-anonymity"]
    assert found.status is S.PARTIALLY_SUPPORTED
    assert "never proof of anonymity" in found.limits
    for worse in (LEAK, record(CANARY, failed(CANARY)), record(TRAINING, failed(TRAINING, Severity.LOW))):
        leaking = by_id(judged(scan_of(None, worse), own))["gdpr-art4-1-anonymity"]
        assert leaking.status is S.NOT_SUPPORTED, worse.check_id


def test_processor_owes_the_processors_duties_only(told: Any) -> None:
    found = by_id(judged(scan_of(), told(**EVERYWHERE | {"gdpr_role": "processor"})))
    binding = {
        name for name, one in found.items() if name.startswith("gdpr") and one.status is not S.NOT_APPLICABLE
    }
    assert binding == {
        "gdpr-art4-1-anonymity", "gdpr-art26-28", "gdpr-art30", "gdpr-art32", "gdpr-art33-34",
        "gdpr-art44-49",
    }  # fmt: skip
    assert {one.duty_holder for one in GDPR.controls if one.id in binding} == {
        "controller",
        "controller_or_processor",
    }


def test_outside_its_territory_the_gdpr_asks_nothing(told: Any) -> None:
    found = judged(scan_of(), told(**EVERYWHERE | {"gdpr_territory": False}))
    assert {one.status for one in found.controls if one.pack_id == "gdpr"} == {S.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("question", "control_id"),
    [
        ("special_categories", "gdpr-art9-10"),
        ("decides_alone_about_people", "gdpr-art22"),
        ("trained_on_own_data", "gdpr-art17"),
        ("transfers_outside_eea", "gdpr-art44-49"),
    ],
)
def test_answer_decides_whether_an_article_binds(question: str, control_id: str, told: Any) -> None:
    statuses = [
        by_id(judged(scan_of(), told(**EVERYWHERE | {question: answer})))[control_id].status
        for answer in (True, False, None)
    ]
    assert statuses == [S.ATTESTATION_REQUIRED, S.NOT_APPLICABLE, S.ATTESTATION_REQUIRED]


# ---------------------------------------------------------------- US procurement


@pytest.mark.parametrize(
    ("role", "binding"),
    [
        ("private", set()),
        ("civilian_agency", {
            *EVERY_AGENCY, "fascsa-2026-01-agency", "m-25-21"}),
        ("defence_department", {
            *EVERY_AGENCY, "ndaa-1532", "ndaa-805-direct", "ndaa-805-goods", "m-25-21"}),
        ("civilian_contractor", {
            *EVERY_AGENCY, "fascsa-orders", "fascsa-2026-01"}),
        ("defence_contractor", {
            *EVERY_AGENCY, "fascsa-orders", "ndaa-1532", "ndaa-805-direct", "ndaa-805-goods"}),
        ("civilian_and_defence_contractor", {
            *EVERY_AGENCY, "fascsa-orders", "fascsa-2026-01", "ndaa-1532", "ndaa-805-direct",
            "ndaa-805-goods"}),
        ("state_body", {"state-kansas"}),
    ],
)  # fmt: skip
def test_role_alone_decides_which_rules_bind(role: str, binding: set[str], told: Any) -> None:
    """Whatever the scan found: also a listed supplier brings no rule to whom it does not bind."""
    own = told(us_government_role=role, us_contract_use=True, us_state="kansas")
    for scan in (scan_of(), scan_of(None, DEEPSEEK), scan_of(None, ALIBABA)):
        found = [one for one in judged(scan, own).controls if one.pack_id == "us-procurement"]
        asked = {
            one.control_id.removeprefix("usproc-") for one in found if one.status is not S.NOT_APPLICABLE
        }
        assert asked == binding
        spared = [one for one in found if one.status is S.NOT_APPLICABLE]
        assert all(one.reason.startswith("Does not apply, because it is not so that") for one in spared)


@pytest.mark.parametrize(
    ("state", "control_id"),
    [
        ("kansas", "state-kansas"),
        ("texas", "state-orders"),
        ("virginia", "state-orders"),
        ("other", "state-other"),
    ],
)
def test_state_decides_which_state_rule_binds(state: str, control_id: str, told: Any) -> None:
    found = judged(scan_of(), told(us_government_role="state_body", us_state=state))
    asked = {
        one.control_id
        for one in found.controls
        if one.pack_id == "us-procurement" and one.status is not S.NOT_APPLICABLE
    }
    assert asked == {f"usproc-{control_id}"}


@pytest.mark.parametrize(
    ("role", "control_id"),
    [
        ("civilian_contractor", "usproc-fascsa-2026-01"),
        ("civilian_agency", "usproc-fascsa-2026-01-agency"),
        ("defence_contractor", "usproc-ndaa-1532"),
        ("state_body", "usproc-state-kansas"),
    ],
)
def test_listed_supplier_is_a_gap_for_those_whom_the_rule_binds(
    role: str, control_id: str, told: Any
) -> None:
    own = told("us-procurement", us_government_role=role, us_contract_use=True, us_state="kansas")
    assert by_id(judged(scan_of(), own))[control_id].status in (S.SUPPORTED, S.PARTIALLY_SUPPORTED)
    found = judged(scan_of(None, DEEPSEEK), own)
    assert by_id(found)[control_id].status is S.NOT_SUPPORTED
    assert found.verdict.value is VerdictValue.REVIEW
    assert any(by_id(found)[control_id].label in reason.text for reason in found.verdict.reasons)
    private = judged(scan_of(None, DEEPSEEK), told(us_government_role="private"))
    assert private.verdict.value is VerdictValue.PASS


def test_outside_a_federal_contract_the_clauses_do_not_bind(told: Any) -> None:
    own = told(us_government_role="civilian_contractor", us_contract_use=False)
    found = by_id(judged(scan_of(None, DEEPSEEK), own))
    assert found["usproc-fascsa-2026-01"].status is S.NOT_APPLICABLE
    assert "used in performing a federal contract" in found["usproc-fascsa-2026-01"].reason


@pytest.mark.parametrize(
    ("control_id", "first"),
    [
        ("usproc-fascsa-2026-01", "2026-10-20"),
        ("usproc-ndaa-805-direct", "2026-06-30"),
        ("usproc-ndaa-805-goods", "2027-06-30"),
        ("usproc-m-26-04", "2026-03-11"),
    ],
)
def test_rules_bind_from_their_day(control_id: str, first: str, told: Any) -> None:
    own, since = told(**EVERYWHERE), day(first)
    eve = by_id(judged(scan_of(), own, since - datetime.timedelta(days=1)))[control_id]
    assert (eve.is_in_force, eve.effective_from) == (False, since)
    assert f"Applies from {since}, read ahead of that day." in eve.reason
    assert by_id(judged(scan_of(), own, since))[control_id].is_in_force


def test_same_scan_is_for_review_from_the_day_of_the_order_only(told: Any) -> None:
    own = told("us-procurement", us_government_role="civilian_contractor", us_contract_use=True)
    scan = scan_of(None, DEEPSEEK)
    verdicts = [judged(scan, own, day(text)).verdict.value for text in ("2026-10-19", "2026-10-20")]
    assert verdicts == [VerdictValue.PASS, VerdictValue.REVIEW]


def test_screening_needs_scan_and_statement(told: Any) -> None:
    name, role = (
        "usproc-fascsa-2026-01",
        {"us_government_role": "civilian_contractor", "us_contract_use": True},
    )
    silent, stated = told(**role), told("us-procurement", **role)
    assert by_id(judged(scan_of(), silent))[name].status is S.ATTESTATION_REQUIRED
    stated = told("us-procurement", **role)
    assert by_id(judged(scan_of(), stated))[name].status is S.SUPPORTED
    unknown = by_id(judged(scan_of(None, UNKNOWN_PUBLISHER), stated))[name]
    assert unknown.status is S.PARTIALLY_SUPPORTED
    assert "it does not show that it is known who published the model" in unknown.reason
    assert by_id(judged(scan_without(LISTED), stated))[name].status is S.NOT_ASSESSED


def test_definition_that_no_list_exhausts_is_never_supported(told: Any) -> None:
    found = by_id(judged(scan_of(), told("us-procurement", **EVERYWHERE)))
    assert found["usproc-ndaa-1532"].status is S.PARTIALLY_SUPPORTED
    assert "a seat is no evidence" in found["usproc-ndaa-1532"].limits


def test_company_on_the_1260h_list_concerns_defence_only_and_from_its_day(told: Any) -> None:
    scan, name = scan_of(None, ALIBABA), "usproc-ndaa-805-goods"
    defence = told("us-procurement", us_government_role="defence_contractor", us_contract_use=True)
    before, after = (judged(scan, defence, day(text)) for text in ("2027-06-29", "2027-06-30"))
    assert by_id(before)[name].status is by_id(after)[name].status is S.NOT_SUPPORTED
    assert "control-gap" not in {reason.rule for reason in before.verdict.reasons}
    assert "control-gap" in {reason.rule for reason in after.verdict.reasons}
    civilian = told("us-procurement", us_government_role="civilian_contractor", us_contract_use=True)
    assert by_id(judged(scan, civilian, day("2027-06-30")))[name].status is S.NOT_APPLICABLE


def test_rules_of_the_pack_refer_to_lists_that_the_table_holds_and_to_no_topic() -> None:
    about = "us_government_role="
    lists = {one.id for one in supplier_lists().lists.values() if one.roles[0].startswith(about)}
    used: set[str] = set()
    for control in PROCUREMENT.controls:
        for clause in (*control.supported_if.clauses, *control.partial_if.clauses):
            assert not any("deflection" in name for name in clause.names), control.id
            if "failed_rules" in clause.text:
                used.add(clause.text.split('"')[1])
    assert used == lists


def test_facts_say_where_and_when_they_were_read() -> None:
    for pack in LOADED.values():
        assert pack.review_due <= AS_OF + datetime.timedelta(days=120)
        for control in pack.controls:
            assert all(day("2026-11-21") <= one.retrieved <= day("2026-11-26") for one in control.sources)


# ---------------------------------------------------------------- every control of fixed scans


def test_every_control_of_fixed_scans_has_the_status_on_record() -> None:
    """Ten scans, every control of the four packs; run the module of the scans to write them anew."""
    found, known = statuses(), on_record()
    assert list(found) == list(known)
    for name, by_status in found.items():
        assert by_status == known[name], name
        assert sum(map(len, by_status.values())) == sum(len(pack.controls) for pack in LOADED.values())


def test_lost_evidence_never_improves_a_status(told: Any) -> None:
    """Each check of the good scan, broken, in turn: no control of these packs becomes better for it."""
    order = [S.NOT_SUPPORTED, S.NOT_ASSESSED, S.ATTESTATION_REQUIRED, S.PARTIALLY_SUPPORTED, S.SUPPORTED]
    own = told(*NAMES, **EVERYWHERE)
    before = by_id(judged(scan_of(), own))
    for check_id in CHECKS:
        broken = record(check_id, errored(check_id))
        for name, one in by_id(judged(scan_of(None, broken), own)).items():
            if one.status is not S.NOT_APPLICABLE:
                assert order.index(one.status) <= order.index(before[name].status), (check_id, name)
