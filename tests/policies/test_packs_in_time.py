# ruff: noqa: E501 - tables of days and answers, one a line
"""The same scan judged on two days: what differs is what the law changes between them, and nothing else.

Each pair of days stands around one day of Regulation (EU) 2024/1689 as amended by Regulation (EU) 2026/1744.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import ControlResult
from policies.packs import load_packs
from scanner.scan import Scan
from tests.policies.fake_checks import CHECKS, NOW, measured, passed, record, scan_of
from tests.policies.pack_files import answers, policy

PACKS = load_packs(["eu-ai-act", "hipaa-security"], CHECKS)
COMPUTE = "training-compute"

# Everything that Chapter III, sections 1 to 3, asks of a high-risk system.
HIGH_RISK = {
    one.id for one in PACKS[0].controls if [str(each.since) for each in one.effective][0] == "2027-12-02"
}
# Everything of Chapter V, which older models have until August 2027 for.
GENERAL_PURPOSE = {
    one.id for one in PACKS[0].controls if [str(each.since) for each in one.effective][0] == "2027-08-02"
}


def of_general_purpose(flop: float = 1.8e24) -> Scan:
    return scan_of(
        None, record(COMPUTE, passed(COMPUTE), measured(COMPUTE, "compute.training_flop", flop, n=1))
    )


def judged(folder: Path, as_of: str, scan: Scan | None = None, **changes: Any) -> dict[str, ControlResult]:
    own = policy(folder, organisation=answers(**changes))
    day = datetime.date.fromisoformat(as_of)
    assessment = assess(scan or of_general_purpose(), PACKS, own, as_of=day, assessed_at=NOW)
    return {one.control_id: one for one in assessment.controls}


def differing(before: dict[str, ControlResult], after: dict[str, ControlResult]) -> set[str]:
    return {name for name, one in after.items() if one != before[name]}


def test_chapters_are_where_the_tests_look_for_them() -> None:
    assert len(HIGH_RISK) >= 25
    assert {"euaia-art6", "euaia-art15-cybersecurity", "euaia-art26-7", "euaia-art27"} <= HIGH_RISK
    assert {"euaia-art53-1-a", "euaia-art53-1-d", "euaia-art54", "euaia-art55-1-d"} <= GENERAL_PURPOSE


@pytest.mark.parametrize(
    ("before", "after", "changes", "expected"),
    [
        # Art. 5(1)(ba), (bb), and the end of the grace for marking by older systems (Art. 111(4)).
        ("2026-12-01", "2026-12-02", {}, {"euaia-art5-intimate-images", "euaia-art50-2"}),
        ("2026-12-01", "2026-12-03", {}, {"euaia-art5-intimate-images", "euaia-art50-2"}),
        # A newer system had no grace to lose.
        (
            "2026-12-01",
            "2026-12-03",
            {"system_on_market_since": "2026-08-02"},
            {"euaia-art5-intimate-images"},
        ),
        ("2026-12-02", "2026-12-03", {}, set()),
        # General-purpose models from before August 2025 (Art. 111(3)); newer ones are bound already.
        ("2027-08-01", "2027-08-03", {}, set()),
        ("2027-08-01", "2027-08-03", {"model_on_market_since": "2025-07-31"}, GENERAL_PURPOSE),
        ("2027-08-01", "2027-08-03", {"model_on_market_since": "2025-08-02"}, set()),
        # High-risk systems of Annex III, new or changed in design (Art. 113(c), 111(2)).
        ("2027-12-01", "2027-12-03", {"system_on_market_since": "2027-12-02"}, HIGH_RISK),
        ("2027-12-01", "2027-12-03", {"design_changed_since_application": True}, HIGH_RISK),
        ("2027-12-01", "2027-12-03", {"system_on_market_since": "2028-01-01", "high_risk": "annex_i"}, set()),
        # Those of Annex I.
        ("2028-08-01", "2028-08-03", {"system_on_market_since": "2027-12-02"}, set()),
        ("2028-08-01", "2028-08-03", {"system_on_market_since": "2028-08-02", "high_risk": "annex_i"}, HIGH_RISK),
        # Older systems for public authorities whose design never changes.
        (
            "2030-08-01",
            "2030-08-03",
            {"design_changed_since_application": False, "for_public_authorities": True},
            HIGH_RISK,
        ),
        (
            "2030-08-01",
            "2030-08-03",
            {"design_changed_since_application": False, "for_public_authorities": False},
            set(),
        ),
        # What is past: the general day of application, with Art. 50, and Art. 4a a week before.
        ("2026-07-26", "2026-07-28", {"uses_special_categories": True}, {"euaia-art4a"}),
        (
            "2026-08-01",
            "2026-08-03",
            {},
            {"euaia-art50-1", "euaia-art50-3", "euaia-art50-4", "euaia-art50-4-text"},
        ),
    ],
)  # fmt: skip
def test_judgements_differ_exactly_where_the_law_does(
    tmp_path: Path, before: str, after: str, changes: dict[str, Any], expected: set[str]
) -> None:
    earlier, later = (judged(tmp_path, day, **changes) for day in (before, after))
    assert differing(earlier, later) <= expected
    # What does not apply to this organisation reads the same on every day, in force or not.
    assert {
        name for name in expected if later[name].is_in_force and not earlier[name].is_in_force
    } == expected


@pytest.mark.parametrize("control_id", ["euaia-art5-intimate-images", "euaia-art50-2"])
def test_reason_reads_ahead_until_the_day_and_no_longer(tmp_path: Path, control_id: str) -> None:
    ahead, there = (judged(tmp_path, day)[control_id] for day in ("2026-12-01", "2026-12-03"))
    assert ahead.reason.startswith("Applies from 2026-12-02, read ahead of that day.")
    assert "ahead" not in there.reason
    assert ahead.status is there.status


def test_older_system_whose_design_stays_is_bound_on_no_day(tmp_path: Path) -> None:
    told = {"design_changed_since_application": False, "for_public_authorities": False}
    found = judged(tmp_path, "2035-01-01", **told)
    for name in HIGH_RISK:
        assert not found[name].is_in_force, name
        assert found[name].effective_from is None, name
    assert found["euaia-art9"].reason.startswith("No day of application fits the answers given.")


def test_open_transition_counts_from_the_earliest_day_and_says_what_else_is_possible(tmp_path: Path) -> None:
    found = judged(tmp_path, "2027-12-03")["euaia-art9"]
    assert found.is_in_force
    assert "it may apply from 2030-08-02 only, or not at all" in found.reason


def test_prohibitions_know_no_older_systems(tmp_path: Path) -> None:
    found = judged(tmp_path, "2026-12-03", system_on_market_since="2020-01-01")
    assert found["euaia-art5"].is_in_force
    assert found["euaia-art5-intimate-images"].is_in_force


def test_business_associates_are_bound_since_2013_and_covered_entities_since_2005(tmp_path: Path) -> None:
    name = "hipaa-164.312-b"
    days = {
        entity: judged(tmp_path, "2026-12-01", hipaa_entity=entity)[name].effective_from
        for entity in ("covered_entity", "business_associate")
    }
    assert {entity: str(day) for entity, day in days.items()} == {
        "covered_entity": "2005-04-20",
        "business_associate": "2013-09-23",
    }
