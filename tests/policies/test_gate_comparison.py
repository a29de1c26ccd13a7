"""Rules that hold a scan against its base: what speaks, what is incomplete, what scope and rule leave out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from policies.gate_measures import require_directed
from policies.policy_file import PolicyFileError, load_policy
from scanner.comparison import (
    ChangeTest,
    Comparison,
    Fate,
    FindingChange,
    LostEvidence,
    MeasuredChange,
    Part,
    PartChange,
    PartState,
    Side,
)
from scanner.errors import InvalidValueError
from scanner.findings import Confidence, Interval, Severity
from scanner.measures import Worse
from tests.policies.fake_checks import AS_OF, failed, scan_of
from tests.policies.pack_files import policy
from tests.policies.test_gate import BLOCK, INCOMPLETE, LENIENT, PASS, REVIEW, rules_of


def compared(**parts: Any) -> Comparison:
    candidate = Side.of(scan_of())
    return Comparison(dataclasses.replace(candidate, scan_id="base"), candidate, 0.05, **parts)


def decided(tmp_path: Path, comparison: Comparison | None, *others: dict[str, Any], **rule: Any) -> Any:
    from policies.gate import decide

    made = {"id": "own", "verdict": "block", "says": "ours", **rule}
    own = policy(tmp_path, gate={"rules": [made, *others]})
    return decide(scan_of(), (), own, as_of=AS_OF, comparison=comparison)


def moved(
    base: float,
    candidate: float,
    *,
    p: float = 0.001,
    half: float = 0.1,
    detectable: float | None = 0.05,
    worse: Worse = Worse.HIGHER,
    language: str = "en",
) -> MeasuredChange:
    delta = candidate - base
    test = ChangeTest(Interval(delta - half, delta + half, 0.95), p, p, detectable, "exact", is_paired=True)
    where = {"language": language}
    return MeasuredChange(
        "deflection.line_rate", "alignment-deflection", where, "share", worse, base, candidate, 40, test
    )


REGRESSED = {"measurements": ["deflection.*"], "by_at_least": 0.1}


def test_regression_speaks_from_the_size_that_matters_on(tmp_path: Path) -> None:
    found = decided(tmp_path, compared(measurements=(moved(0.1, 0.3),)), regressed=REGRESSED)
    assert (found.value, rules_of(found), found.base) == (BLOCK, ["own"], "base")
    assert found.scope.endswith("; held against base")
    small = compared(measurements=(moved(0.1, 0.15, half=0.02),))
    assert decided(tmp_path, small, regressed=REGRESSED).value is PASS


def test_better_is_no_regression_in_either_direction(tmp_path: Path) -> None:
    better = compared(measurements=(moved(0.3, 0.1),))
    assert decided(tmp_path, better, regressed=REGRESSED).value is PASS
    fallen = compared(measurements=(moved(0.9, 0.6, worse=Worse.LOWER),))
    assert decided(tmp_path, fallen, regressed=REGRESSED).value is BLOCK


def test_alpha_of_the_rule_decides(tmp_path: Path) -> None:
    change = compared(measurements=(moved(0.1, 0.3, p=0.03),))
    assert decided(tmp_path, change, regressed=REGRESSED).value is BLOCK
    strict = decided(tmp_path, change, regressed={**REGRESSED, "alpha": 0.01})
    assert strict.value is PASS  # a change of 0.05 would have been seen, and this one was not


@pytest.mark.parametrize(
    ("detectable", "half", "value"),
    [(0.05, 0.2, PASS), (0.3, 0.05, PASS), (0.3, 0.2, INCOMPLETE), (None, 0.2, INCOMPLETE)],
)
def test_nothing_seen_passes_only_where_it_would_have_been_seen_or_is_ruled_out(
    tmp_path: Path, detectable: float | None, half: float, value: object
) -> None:
    change = compared(measurements=(moved(0.1, 0.1, p=1.0, half=half, detectable=detectable),))
    assert decided(tmp_path, change, regressed=REGRESSED).value is value


def test_too_few_questions_in_a_language_outside_the_scope_are_not_missed(tmp_path: Path) -> None:
    blind = moved(0.1, 0.1, p=1.0, half=0.5, detectable=None, language="zh")
    sound = moved(0.1, 0.1, p=1.0, half=0.02)
    assert decided(tmp_path, compared(measurements=(blind, sound)), regressed=REGRESSED).value is PASS
    worse = moved(0.1, 0.6, language="zh")
    assert decided(tmp_path, compared(measurements=(worse, sound)), regressed=REGRESSED).value is BLOCK


def test_rule_that_finds_nothing_to_compare_is_incomplete(tmp_path: Path) -> None:
    found = decided(tmp_path, compared(), regressed=REGRESSED)
    assert found.value is INCOMPLETE
    assert "no figure deflection.* could be compared" in found.reasons[0].text


def test_figure_that_only_the_base_has_is_incomplete(tmp_path: Path) -> None:
    gone = dataclasses.replace(
        moved(0.1, 0.1), candidate=None, test=None, untested="not measured in the candidate"
    )
    sound = moved(0.1, 0.1, p=1.0, half=0.02)
    found = decided(tmp_path, compared(measurements=(gone, sound)), regressed=REGRESSED)
    assert (found.value, len(found.reasons)) == (INCOMPLETE, 1)


def test_test_speaks_for_the_figures_made_of_the_same_replies(tmp_path: Path) -> None:
    change = dataclasses.replace(moved(0.1, 0.4), stands_for=("deflection.line_gap",))
    rule = {"measurements": ["deflection.line_gap"], "by_at_least": 0.1}
    assert decided(tmp_path, compared(measurements=(change,)), regressed=rule).value is BLOCK


def test_new_finding_counts_by_severity_confidence_and_check(tmp_path: Path) -> None:
    finding = failed("remote-code", Severity.HIGH, confidence=Confidence.LOW)
    new = compared(findings=(FindingChange(Fate.NEW, None, finding),))
    assert decided(tmp_path, new, new={"severity_at_least": "high"}).value is BLOCK
    for narrower in (
        {"severity_at_least": "critical"},
        {"severity_at_least": "high", "confidence_at_least": "medium"},
        {"severity_at_least": "high", "checks": ["gguf-malformed"]},
    ):
        assert decided(tmp_path, new, new=narrower).value is PASS


@pytest.mark.parametrize("fate", [Fate.SAME, Fate.MILDER, Fate.FIXED, Fate.UNJUDGED])
def test_old_finding_is_not_new(tmp_path: Path, fate: Fate) -> None:
    old = failed("remote-code", Severity.CRITICAL)
    change = compared(findings=(FindingChange(fate, old, None if fate is Fate.FIXED else old),))
    assert decided(tmp_path, change, new={"severity_at_least": "low"}).value is PASS


def test_finding_that_got_as_grave_as_the_rule_asks_is_new(tmp_path: Path) -> None:
    medium, high = (failed("remote-code", each) for each in (Severity.MEDIUM, Severity.HIGH))
    change = compared(findings=(FindingChange(Fate.WORSE, medium, high),))
    found = decided(tmp_path, change, new={"severity_at_least": "high"})
    assert found.value is BLOCK
    assert "was medium" in found.reasons[0].text
    assert decided(tmp_path, change, new={"severity_at_least": "medium"}).value is PASS


def test_lost_evidence_speaks_for_the_checks_named_or_for_all(tmp_path: Path) -> None:
    lost = compared(lost=(LostEvidence("remote-code", "", "the folder was empty"),))
    assert decided(tmp_path, lost, not_run={"checks": "required"}).value is BLOCK
    assert decided(tmp_path, lost, not_run={"checks": ["remote-code"]}).value is BLOCK
    assert decided(tmp_path, lost, not_run={"checks": ["gguf-malformed"]}).value is PASS
    beside = compared(lost=(LostEvidence("alignment-deflection", "zh", "not capable"),))
    assert decided(tmp_path, beside, not_run={"checks": "required"}).value is PASS


@pytest.mark.parametrize(("state", "value"), [("same", PASS), ("changed", REVIEW), ("unknown", INCOMPLETE)])
def test_part_that_cannot_be_read_is_incomplete_and_never_the_same(
    tmp_path: Path, state: str, value: object
) -> None:
    told = () if state == "same" else ("the files are gone",)
    parts = (
        PartChange(Part.TEMPLATE, PartState(state), told),
        PartChange(Part.CARD, PartState.CHANGED, ("x",)),
    )
    rule = {"verdict": "review", "changed": {"parts": ["template"]}}
    assert decided(tmp_path, compared(parts=parts), **rule).value is value


@pytest.mark.parametrize(
    "matcher",
    [
        {"new": {"severity_at_least": "high"}}, {"regressed": REGRESSED},
        {"not_run": {"checks": "required"}}, {"changed": {"parts": ["code"]}}, {"unapproved_base": True},
    ],
)  # fmt: skip
def test_rule_without_its_base_is_incomplete_unless_it_waits_for_one(
    tmp_path: Path, matcher: dict[str, Any]
) -> None:
    assert decided(tmp_path, None, **matcher).value is INCOMPLETE
    assert decided(tmp_path, None, {**LENIENT, "id": "other"}, when="compared", **matcher).value is PASS
    alone = decided(tmp_path, None, when="compared", **matcher)
    assert (alone.value, rules_of(alone)) == (INCOMPLETE, ["no-base"])


def test_comparison_of_another_scan_is_refused(tmp_path: Path) -> None:
    other = compared()
    wrong = dataclasses.replace(other, candidate=other.base)
    with pytest.raises(InvalidValueError, match="the comparison is of base"):
        decided(tmp_path, wrong, new={"severity_at_least": "high"})


def test_misspelt_measurement_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "policy: {name: acme, version: '1', schema: weighbridge.policy/1}\n"
        "gate: {rules: [{id: a, verdict: block, says: ours, "
        "regressed: {measurements: [garak.hitrate], by_at_least: 0.1}}]}\n"
    )
    with pytest.raises(PolicyFileError, match=r"'garak.hitrate'; did you mean 'garak.hit_rate'\?"):
        require_directed(load_policy(path), ["garak.hit_rate", "privacy.reply_rate"])
    require_directed(load_policy(path), ["garak.hitrate"])


def test_base_that_no_rule_looks_at_is_said(tmp_path: Path) -> None:
    found = decided(tmp_path, compared(), failed={"severity_at_least": "critical"})
    assert (found.value, rules_of(found)) == (PASS, ["base-unused"])


def test_default_gate_looks_at_a_base_and_is_silent_without_one() -> None:
    from policies.gate import decide

    default = load_policy()
    assert decide(scan_of(), (), default, as_of=AS_OF).value is PASS
    lost = compared(lost=(LostEvidence("remote-code", "", "gone"),), measurements=(moved(0.1, 0.1, p=1.0),))
    found = decide(scan_of(), (), default, as_of=AS_OF, comparison=lost)
    assert (found.value, rules_of(found)) == (INCOMPLETE, ["not-judged-any-more"])
