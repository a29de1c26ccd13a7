from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from policies.assessment import ControlStatus
from policies.controls import Control
from policies.facts import Facts, gather
from policies.organisation import load_questions
from policies.policy_file import Attestation
from policies.rules import Rule
from policies.scope import Scope
from policies.statuses import Judgement, effective_from, judge
from scanner.check import CheckRecord
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, QUESTIONING, errored, failed, not_run, passed, record, scan_of
from tests.policies.pack_files import LEFT_OUT, attested, control, hybrid, load_pack

S = ControlStatus
PICKLE, GARAK = "pickle-runs-code", "garak-attack-succeeds"
CODE = record(PICKLE, failed(PICKLE))
BROKEN = record(PICKLE, errored(PICKLE))
ATTACKED = record(GARAK, failed(GARAK))
UNASKED = record(GARAK, not_run(GARAK))
EU = {"all": [{"rule": "org.eu_market", "says": "it is for the EU"}]}
SELF_HOSTED = {"all": [{"rule": "org.self_hosted", "says": "it stays here"}], "note": "nothing leaves"}


def facts_of(*changed: CheckRecord, scan: Scan | None = None, **answers: Any) -> Facts:
    return gather(
        scan or scan_of(None, *changed), answers, Scope(("en",)),
        questioning=QUESTIONING, questions=load_questions(), as_of=AS_OF,
    )  # fmt: skip


def said(answer: str, **changes: Any) -> Attestation:
    known: dict[str, Any] = {
        "control": "art-10", "answer": answer, "name": "Jane Roe", "role": "CISO", "reason": "as decided",
        "date": datetime.date(2026, 10, 1), "expires": datetime.date(2027, 10, 1),
    }  # fmt: skip
    return Attestation(**(known | changes))


def one(folder: Path, raw: dict[str, Any]) -> Control:
    return load_pack(folder, raw).controls[0]


def judged(folder: Path, raw: dict[str, Any], facts: Facts, stated: Attestation | None = None) -> Judgement:
    return judge(one(folder, raw), facts, stated, AS_OF)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ((), S.SUPPORTED),
        ((ATTACKED,), S.PARTIALLY_SUPPORTED),
        ((UNASKED,), S.PARTIALLY_SUPPORTED),
        ((CODE,), S.NOT_SUPPORTED),
        ((CODE, UNASKED), S.NOT_SUPPORTED),
        ((BROKEN,), S.NOT_ASSESSED),
        ((BROKEN, UNASKED), S.NOT_ASSESSED),
        ((BROKEN, ATTACKED), S.NOT_ASSESSED),
    ],
)
def test_status_follows_what_the_scan_shows(
    tmp_path: Path, changed: tuple[CheckRecord, ...], status: ControlStatus
) -> None:
    assert judged(tmp_path, control(), facts_of(*changed)).status is status


def test_control_without_a_rule_for_supported_is_never_supported(tmp_path: Path) -> None:
    raw = control(supported_if=LEFT_OUT)
    assert judged(tmp_path, raw, facts_of()).status is S.PARTIALLY_SUPPORTED
    assert judged(tmp_path, raw, facts_of(CODE)).status is S.NOT_SUPPORTED


def test_empty_rules_are_never_supported(tmp_path: Path) -> None:
    """The schema refuses `all: []`; should a control ever lose its rules, it still is not supported."""
    import dataclasses

    bare = dataclasses.replace(one(tmp_path, control()), supported_if=Rule(), partial_if=Rule())
    assert judge(bare, facts_of(), None, AS_OF).status in (S.NOT_ASSESSED, S.NOT_SUPPORTED)


def test_rule_over_nothing_but_the_scan_itself_is_never_supported(tmp_path: Path) -> None:
    raw = control(
        supported_if={"all": [{"rule": "scan.was_questioned", "says": "it was asked"}]}, partial_if=LEFT_OUT
    )
    assert judged(tmp_path, raw, facts_of()).status is S.NOT_ASSESSED


def test_nothing_to_examine_supports_nothing(tmp_path: Path) -> None:
    nothing = record(PICKLE, not_run(PICKLE, "no pickles", rule="nothing-to-examine"))
    raw = control(supported_if=LEFT_OUT)
    judgement = judged(tmp_path, raw, facts_of(nothing))
    assert judgement.status is S.NOT_ASSESSED
    assert "nothing of this kind to examine" in judgement.reason


def test_nothing_to_examine_beside_a_judged_check_does_not_stand_in_the_way(tmp_path: Path) -> None:
    nothing = record(PICKLE, not_run(PICKLE, "no pickles", rule="nothing-to-examine"))
    assert judged(tmp_path, control(), facts_of(nothing)).status is S.SUPPORTED


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"eu_market": True}, S.SUPPORTED),
        ({"eu_market": False}, S.NOT_APPLICABLE),
        ({}, S.ATTESTATION_REQUIRED),
    ],
)
def test_open_applicability_is_asked_for_and_never_not_applicable(
    tmp_path: Path, answers: dict[str, Any], status: ControlStatus
) -> None:
    assert judged(tmp_path, control(applies_if=EU), facts_of(**answers)).status is status


def test_open_applicability_still_tells_what_the_scan_shows(tmp_path: Path) -> None:
    reason = judged(tmp_path, control(applies_if=EU), facts_of(CODE)).reason
    assert "'eu_market' is not answered" in reason
    assert "gap: the scan does not show that no file runs code" in reason


@pytest.mark.parametrize(
    ("answers", "changed", "status"),
    [
        ({"self_hosted": True}, (CODE,), S.NOT_APPLICABLE),
        ({"self_hosted": False}, (CODE,), S.NOT_SUPPORTED),
        ({}, (CODE,), S.ATTESTATION_REQUIRED),
        ({}, (), S.SUPPORTED),
        ({}, (BROKEN,), S.NOT_ASSESSED),
        ({}, (ATTACKED,), S.PARTIALLY_SUPPORTED),
    ],
)
def test_open_exemption_turns_a_gap_into_a_question_and_leaves_support(
    tmp_path: Path, answers: dict[str, Any], changed: tuple[CheckRecord, ...], status: ControlStatus
) -> None:
    assert judged(tmp_path, control(exempt_if=SELF_HOSTED), facts_of(*changed, **answers)).status is status


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (None, S.ATTESTATION_REQUIRED),
        ("yes", S.PARTIALLY_SUPPORTED),
        ("partly", S.PARTIALLY_SUPPORTED),
        ("no", S.NOT_SUPPORTED),
    ],
)
def test_word_of_a_person_alone_never_makes_supported(
    tmp_path: Path, answer: str | None, status: ControlStatus
) -> None:
    assert judged(tmp_path, attested(), facts_of(), said(answer) if answer else None).status is status


@pytest.mark.parametrize(
    ("answer", "changed", "status"),
    [
        (None, (), S.ATTESTATION_REQUIRED),
        (None, (ATTACKED,), S.ATTESTATION_REQUIRED),
        (None, (CODE,), S.NOT_SUPPORTED),
        (None, (BROKEN,), S.NOT_ASSESSED),
        ("yes", (), S.SUPPORTED),
        ("yes", (ATTACKED,), S.PARTIALLY_SUPPORTED),
        ("yes", (CODE,), S.NOT_SUPPORTED),
        ("yes", (BROKEN,), S.NOT_ASSESSED),
        ("partly", (), S.PARTIALLY_SUPPORTED),
        ("no", (), S.NOT_SUPPORTED),
        ("not_reasonable", (), S.NOT_SUPPORTED),
        ("equivalent", (), S.PARTIALLY_SUPPORTED),
    ],
)
def test_scan_and_person_are_needed_together(
    tmp_path: Path, answer: str | None, changed: tuple[CheckRecord, ...], status: ControlStatus
) -> None:
    stated = said(answer) if answer else None
    assert judged(tmp_path, hybrid(), facts_of(*changed), stated).status is status


@pytest.mark.parametrize(
    ("answer", "changed", "status"),
    [
        (None, (CODE,), S.ATTESTATION_REQUIRED),
        ("implemented", (), S.SUPPORTED),
        ("implemented", (CODE,), S.NOT_SUPPORTED),
        ("equivalent", (), S.SUPPORTED),
        ("equivalent", (CODE,), S.PARTIALLY_SUPPORTED),
        ("not_reasonable", (CODE,), S.PARTIALLY_SUPPORTED),
        ("not_reasonable", (), S.PARTIALLY_SUPPORTED),
        ("no", (CODE,), S.NOT_SUPPORTED),
        ("equivalent", (BROKEN,), S.NOT_ASSESSED),
    ],
)
def test_addressable_is_neither_optional_nor_a_gap_by_itself(
    tmp_path: Path, answer: str | None, changed: tuple[CheckRecord, ...], status: ControlStatus
) -> None:
    stated = said(answer) if answer else None
    assert judged(tmp_path, hybrid(spec="addressable"), facts_of(*changed), stated).status is status


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires": datetime.date(2026, 11, 21)}, "the statement of Jane Roe expired on 2026-11-21"),
        ({"date": datetime.date(2026, 11, 23)}, "is dated 2026-11-23 and does not count yet"),
    ],
)
def test_statement_out_of_its_time_does_not_count_and_is_said(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    judgement = judged(tmp_path, hybrid(), facts_of(), said("yes", **changes))
    assert judgement.status is S.ATTESTATION_REQUIRED
    assert words in judgement.reason


def test_statement_counts_on_its_first_and_last_day(tmp_path: Path) -> None:
    stated = said("yes", date=AS_OF, expires=AS_OF)
    assert judged(tmp_path, hybrid(), facts_of(), stated).status is S.SUPPORTED


def test_reason_names_who_said_what_and_what_the_scan_shows(tmp_path: Path) -> None:
    stated = said("yes", document_sha256="ab" * 32)
    reason = judged(tmp_path, hybrid(), facts_of(), stated).reason
    assert "the scan supports that no file runs code, and that no attack succeeded" in reason
    assert "Jane Roe, CISO, answered 'yes' (as decided) on 2026-10-01" in reason
    assert "document abababababab" in reason


def test_partial_reason_tells_what_is_missing_and_what_is_open(tmp_path: Path) -> None:
    assert (
        "it does not show that no attack succeeded" in judged(tmp_path, control(), facts_of(ATTACKED)).reason
    )
    assert (
        "open: garak-attack-succeeds: no model to ask"
        in judged(tmp_path, control(), facts_of(UNASKED)).reason
    )


OLD = {
    "all": [{"rule": 'org.system_on_market_since < timestamp("2026-08-02T00:00:00Z")', "says": "it is old"}]
}


@pytest.mark.parametrize(
    ("answers", "since", "note"),
    [
        ({"system_on_market_since": datetime.date(2026, 8, 1)}, "2026-12-02", False),
        ({"system_on_market_since": datetime.date(2026, 8, 2)}, "2026-08-02", False),
        ({}, "2026-08-02", True),
    ],
)
def test_open_day_of_application_is_the_earliest_and_the_others_are_said(
    tmp_path: Path, answers: dict[str, Any], since: str, note: bool
) -> None:
    raw = control(effective=[{"since": "2026-12-02", "when": OLD}, {"since": "2026-08-02"}])
    day, words = effective_from(one(tmp_path, raw), facts_of(**answers))
    assert str(day) == since
    assert words == ("depending on open answers it may apply from 2026-12-02 only" if note else "")


def test_no_day_of_application_when_none_fits(tmp_path: Path) -> None:
    raw = control(effective=[{"since": "2026-12-02", "when": OLD}])
    facts = facts_of(system_on_market_since=datetime.date(2026, 9, 1))
    assert effective_from(one(tmp_path, raw), facts) == (None, "")


def test_check_that_passed_in_a_scan_of_nothing_else_supports_only_itself(tmp_path: Path) -> None:
    scan = scan_of({PICKLE: record(PICKLE, passed(PICKLE))})
    assert judged(tmp_path, control(), facts_of(scan=scan)).status is S.PARTIALLY_SUPPORTED
