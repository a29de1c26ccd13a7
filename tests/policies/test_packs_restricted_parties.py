"""restricted-parties: binds by role alone, blocks nobody without one, and knows every list of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import Assessment, ControlStatus, VerdictValue
from policies.organisation import AnswerKind, load_questions
from policies.packs import load_packs
from policies.policy_file import PolicyFile, load_policy
from scanner.check import CheckRecord
from scanner.findings import Severity
from scanner.origins.supplier_lists import supplier_lists
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, errored, failed, measured, passed, record, scan_of
from tests.policies.pack_files import policy, statement

S = ControlStatus
LISTED = "supplier-on-a-list"
(PACK,) = load_packs(["restricted-parties"], CHECKS)
(PROCUREMENT,) = load_packs(["us-procurement"], CHECKS)
QUESTIONS = ("us_exports", "bound_by_us_sanctions", "bound_by_eu_sanctions", "bound_by_uk_sanctions")
CONTROL_OF = {
    "ofac-sdn": "rparty-ofac-sdn",
    "eu-269-2014": "rparty-eu-freeze",
    "uk-russia-2019": "rparty-uk-freeze",
}


def screened(*rules: str, parties: float = 26) -> CheckRecord:
    """The check's record with these lists failed, or passed."""
    said = [failed(LISTED, Severity.LOW, rule=rule) for rule in rules] or [passed(LISTED)]
    return record(LISTED, *said, measured(LISTED, "lists.parties_screened", parties))


def judged(found: CheckRecord, own: PolicyFile) -> Assessment:
    return assess(scan_of(None, found), [PACK], own, as_of=AS_OF, assessed_at=NOW)


def statuses(found: CheckRecord, own: PolicyFile) -> dict[str, ControlStatus]:
    return {one.control_id: one.status for one in judged(found, own).controls}


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """A policy with these answers; yes to every question of the pack when attested."""

    def made(*, attested: bool = False, **answers: bool) -> PolicyFile:
        said = [statement(one.id) for one in PACK.controls] if attested else []
        return policy(tmp_path, organisation={"role": "deployer", **answers}, attestations=said)

    return made


EVERY_LIST = screened(*supplier_lists().lists)


def test_without_an_answer_every_control_asks_and_none_is_a_gap(told: Any) -> None:
    assert set(statuses(EVERY_LIST, told()).values()) == {S.ATTESTATION_REQUIRED}


def test_whom_nothing_binds_has_no_control_and_no_gate_stops_the_match(told: Any) -> None:
    private = told(**dict.fromkeys(QUESTIONS, False))
    assessment = judged(EVERY_LIST, private)
    assert {one.status for one in assessment.controls} == {S.NOT_APPLICABLE}
    clean = judged(screened(), private)
    assert assessment.verdict.value is clean.verdict.value
    assert assessment.verdict.value is not VerdictValue.BLOCK


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_answer_binds_its_own_controls_only(question: str, told: Any) -> None:
    own = told(**{**dict.fromkeys(QUESTIONS, False), question: True})
    bound = {name for name, status in statuses(screened(), own).items() if status is not S.NOT_APPLICABLE}
    asked = {
        control.id for control in PACK.controls if f"org.{question}" in control.applies_if.clauses[0].text
    }
    assert bound == asked
    assert bound


@pytest.mark.parametrize("rule", CONTROL_OF)
def test_match_is_a_gap_for_whom_that_sanction_binds_and_blocks_nobody(rule: str, told: Any) -> None:
    own = told(**dict.fromkeys(QUESTIONS, True))
    found = judged(screened(rule), own)
    gaps = {one.control_id for one in found.controls if one.status is S.NOT_SUPPORTED}
    assert CONTROL_OF[rule] in gaps
    assert not gaps & {CONTROL_OF[other] for other in CONTROL_OF if other != rule}
    assert found.verdict.value is not VerdictValue.BLOCK


def test_entity_list_match_is_for_a_person_because_a_download_is_no_export(told: Any) -> None:
    name = "rparty-entity-list"
    exporter = told(us_exports=True)
    assert statuses(screened("bis-entity-list"), exporter)[name] is S.ATTESTATION_REQUIRED
    stated = told(us_exports=True, attested=True)
    assert statuses(screened("bis-entity-list"), stated)[name] is S.PARTIALLY_SUPPORTED


def test_screening_is_supported_only_by_an_imported_list_without_doubtful_names(told: Any) -> None:
    own, name = told(us_exports=True, attested=True), "rparty-screening"
    assert statuses(screened(), own)[name] is S.NOT_SUPPORTED
    assert statuses(screened(parties=25_000), own)[name] is S.SUPPORTED
    doubtful = screened("possible-match", parties=25_000)
    assert statuses(doubtful, own)[name] is S.PARTIALLY_SUPPORTED


def test_broken_check_is_not_assessed_and_never_better(told: Any) -> None:
    own = told(**dict.fromkeys(QUESTIONS, True), attested=True)
    broken = statuses(record(LISTED, errored(LISTED)), own)
    assert {broken[name] for name in CONTROL_OF.values()} == {S.NOT_ASSESSED}


def test_roles_of_every_list_are_answers_that_a_policy_file_may_give() -> None:
    questions = load_questions()
    for one in supplier_lists().lists.values():
        for role in one.roles:
            question, _, answer = role.partition("=")
            asked = questions[question]
            possible = asked.values if asked.kind is AnswerKind.CHOICE else ("true",)
            assert answer in possible, (one.id, role)


def test_every_list_has_a_control_in_the_pack_of_its_roles() -> None:
    texts = {
        pack.id: " ".join(
            clause.text
            for control in pack.controls
            for rule in (control.applies_if, control.supported_if, control.partial_if)
            for clause in rule.clauses
        )
        for pack in (PACK, PROCUREMENT)
    }
    for one in supplier_lists().lists.values():
        question = one.roles[0].partition("=")[0]
        pack = PROCUREMENT.id if question.startswith("us_government") else PACK.id
        assert f"org.{question}" in texts[pack]
        assert f'"{one.id}"' in texts[pack] or one.id == "bis-entity-list", one.id


def test_no_control_rests_on_a_seat_and_facts_have_sources() -> None:
    for control in PACK.controls:
        text = " ".join(
            clause.text for rule in (control.supported_if, control.partial_if) for clause in rule.clauses
        )
        assert "seat" not in text
        assert control.sources
        assert control.limits


def test_shipped_example_of_an_exporter_is_judged_by_its_roles() -> None:
    own = load_policy(Path(__file__).parents[2] / "examples" / "us-exporter.yaml", checks=CHECKS)
    found = statuses(screened("bis-entity-list", parties=25_000), own)
    assert found["rparty-entity-list"] is S.PARTIALLY_SUPPORTED
    assert found["rparty-uk-freeze"] is S.NOT_APPLICABLE
    assert found["rparty-eu-freeze"] is S.ATTESTATION_REQUIRED
