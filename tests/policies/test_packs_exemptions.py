"""Exemptions of the AI Act and answers that are missing: what is open is asked for, never waved through."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import ControlResult, ControlStatus
from policies.controls import Control
from policies.organisation import load_questions
from policies.packs import load_packs
from policies.rules import Rule
from scanner.check import CheckRecord
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, failed, measured, not_run, passed, record, scan_of
from tests.policies.pack_files import LEFT_OUT, answers, policy

S = ControlStatus
PACKS = load_packs(["eu-ai-act", "hipaa-security"], CHECKS)
COMPUTE, CARD = "training-compute", "model-card-gaps"
OPEN_SOURCE = {"licence_is_free_and_open": True, "model_is_monetised": False, "upstream_outside_eu": True}


def judged(folder: Path, scan: Scan, **changes: Any) -> dict[str, ControlResult]:
    own = policy(folder, organisation=answers(**changes))
    found = assess(scan, PACKS, own, as_of=AS_OF, assessed_at=NOW)
    return {one.control_id: one for one in found.controls}


def estimated(low: float, high: float) -> CheckRecord:
    flop = measured(COMPUTE, "compute.training_flop", low, n=1, interval=(low, high))
    return record(COMPUTE, passed(COMPUTE), flop)


def bare_card() -> CheckRecord:
    return record(
        CARD, failed(CARD), *(measured(CARD, f"card.annex_{one}_items", 1.0, n=9) for one in ("xi", "xii"))
    )


EXEMPTED = ("euaia-art53-1-a", "euaia-art53-1-b", "euaia-art54")
STILL_BOUND = ("euaia-art53-1-c", "euaia-art53-1-d")


@pytest.mark.parametrize(
    ("compute", "changes", "is_exempt"),
    [
        (estimated(3e24, 4e24), {}, True),
        (estimated(3e24, 9.9e24), {}, True),
        (estimated(9e24, 1.1e25), {}, False),
        (estimated(3.8e25, 3.9e25), {}, False),
        (estimated(3e24, 4e24), {"designated_systemic": True}, False),
        (estimated(3e24, 4e24), {"model_is_monetised": True}, False),
        (estimated(3e24, 4e24), {"licence_is_free_and_open": False}, False),
    ],
)
def test_open_source_exempts_from_three_duties_and_is_lost_with_systemic_risk(
    tmp_path: Path, compute: CheckRecord, changes: dict[str, Any], is_exempt: bool
) -> None:
    found = judged(tmp_path, scan_of(None, compute, bare_card()), **{**OPEN_SOURCE, **changes})
    assert {found[name].status is S.NOT_APPLICABLE for name in EXEMPTED} == {is_exempt}
    assert {found[name].status for name in STILL_BOUND} == {S.ATTESTATION_REQUIRED}


@pytest.mark.parametrize("missing", ["licence_is_free_and_open", "model_is_monetised", "designated_systemic"])
def test_open_exemption_turns_a_gap_into_a_question(tmp_path: Path, missing: str) -> None:
    told = {**OPEN_SOURCE, missing: LEFT_OUT}
    found = judged(tmp_path, scan_of(None, estimated(3e24, 4e24), bare_card()), **told)
    for name in EXEMPTED:
        assert found[name].status is S.ATTESTATION_REQUIRED, name
        assert f"'{missing}' is not answered" in found[name].reason


def test_exemption_is_open_without_an_estimate_and_asked_for(tmp_path: Path) -> None:
    unknown = record(COMPUTE, not_run(COMPUTE, "the card gives no tokens"))
    found = judged(tmp_path, scan_of(None, unknown, bare_card()), **OPEN_SOURCE)
    for name in (*EXEMPTED, *STILL_BOUND):
        assert found[name].status is S.ATTESTATION_REQUIRED, name
        assert "this scan holds no measurement compute.training_flop" in found[name].reason


SYSTEMIC = tuple(one.id for one in PACKS[0].controls if one.id.startswith("euaia-art55-"))


@pytest.mark.parametrize(
    ("compute", "designated", "applies"),
    [
        (estimated(1e22, 9e22), LEFT_OUT, False),
        (estimated(3e24, 4e24), False, False),
        (estimated(3e24, 4e24), True, True),
        (estimated(3e24, 4e24), LEFT_OUT, True),
        (estimated(3e25, 4e25), LEFT_OUT, True),
    ],
)
def test_duties_of_systemic_risk_follow_compute_or_designation(
    tmp_path: Path, compute: CheckRecord, designated: Any, applies: bool
) -> None:
    found = judged(tmp_path, scan_of(None, compute), designated_systemic=designated)
    assert len(SYSTEMIC) == 4
    assert {found[name].status is not S.NOT_APPLICABLE for name in SYSTEMIC} == {applies}


def test_reviewed_text_needs_no_disclosure_and_unanswered_review_does(tmp_path: Path) -> None:
    status = {
        told: judged(tmp_path, scan_of(), publishes_public_interest_text=True, text_is_reviewed=told)[
            "euaia-art50-4-text"
        ].status
        for told in (True, False, None)
    }
    assert status == {True: S.NOT_APPLICABLE, False: S.ATTESTATION_REQUIRED, None: S.ATTESTATION_REQUIRED}


def test_component_that_is_no_general_purpose_model_and_open_needs_no_agreement(tmp_path: Path) -> None:
    status = {
        high: judged(tmp_path, scan_of(None, estimated(1e21, high)), licence_is_free_and_open=True)[
            "euaia-art25-4"
        ].status
        for high in (9e22, 2e23)
    }
    assert status == {9e22: S.NOT_APPLICABLE, 2e23: S.ATTESTATION_REQUIRED}


def test_purpose_of_annex_iii_without_significant_risk_asks_for_the_reasons_and_no_more(
    tmp_path: Path,
) -> None:
    found = judged(tmp_path, scan_of(), high_risk="annex_iii_no_significant_risk")
    assert found["euaia-art6-3"].status is S.ATTESTATION_REQUIRED
    assert found["euaia-art9"].status is S.NOT_APPLICABLE
    assert judged(tmp_path, scan_of(), high_risk="annex_iii")["euaia-art6-3"].status is S.NOT_APPLICABLE


@pytest.mark.parametrize("question", sorted(set(answers()) | {"design_changed_since_application"}))
def test_missing_answer_makes_nothing_supported_and_nothing_not_applicable(
    tmp_path: Path, question: str
) -> None:
    """Take one answer away: whatever changes, changes towards a question."""
    scan = scan_of(None, estimated(3e24, 4e24))
    told, untold = judged(tmp_path, scan), judged(tmp_path, scan, **{question: LEFT_OUT})
    for name, one in untold.items():
        if one.status in (S.NOT_APPLICABLE, S.SUPPORTED):
            assert told[name].status is one.status, (name, one.reason)
        elif one.status is not told[name].status:
            assert one.status in (S.ATTESTATION_REQUIRED, S.PARTIALLY_SUPPORTED, S.NOT_ASSESSED), one.reason


def test_every_question_about_the_act_and_the_security_rule_decides_something() -> None:
    """A question that no rule refers to would be asked for nothing."""
    rules = [rule for pack in PACKS for one in pack.controls for rule in _rules(one)]
    holders = [holder for pack in PACKS for holder in pack.duty_holders.values()]
    rules += [rule for holder in holders for rule in (holder.you_if, holder.also_if)]
    used = {name.removeprefix("org.") for rule in rules for name in rule.names if name.startswith("org.")}
    # What other packs ask for follows in the same file.
    theirs = set(itertools.takewhile(lambda name: name != "deidentification", load_questions()))
    assert len(theirs) > 25
    assert theirs <= used


def _rules(one: Control) -> Iterator[Rule]:
    found = (one.applies_if, one.exempt_if, one.supported_if, one.partial_if)
    return (rule for rule in (*found, *(each.when for each in one.effective)) if rule is not None)


@pytest.mark.parametrize(
    ("line", "control_id"), [(1e23, "euaia-art53-1-d"), (1e25, "euaia-art52"), (1e25, "euaia-art51")]
)
def test_lines_of_compute_are_drawn_by_the_measurement(tmp_path: Path, line: float, control_id: str) -> None:
    """Whatever the check itself says, the measured range decides."""
    below, above = (
        judged(tmp_path, scan_of(None, estimated(line / 10, high)))[control_id]
        for high in (line * 0.99, line * 1.01)
    )
    assert below.status in (S.NOT_APPLICABLE, S.SUPPORTED)
    assert above.status in (S.ATTESTATION_REQUIRED, S.NOT_SUPPORTED)
