from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from policies.facts import Facts, gather
from policies.organisation import load_questions
from policies.rules import Rule, RuleLanguage, Truth
from policies.scope import Scope, language_of
from scanner.check import CheckRecord
from scanner.findings import Severity
from tests.policies.fake_checks import (
    AS_OF,
    CHECKS,
    QUESTIONING,
    errored,
    failed,
    measured,
    not_run,
    passed,
    record,
    scan_of,
    scan_without,
)  # fmt: skip

QUESTIONS = load_questions()
LANGUAGE = RuleLanguage(CHECKS, QUESTIONS)
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def facts_of(*changed: CheckRecord, languages: Sequence[str] = ("en",), without: str = "") -> Facts:
    scan = scan_of(None, *changed) if not without else scan_without(without)
    return gather(
        scan, {"role": "deployer"}, Scope(tuple(languages)),
        questioning=QUESTIONING, questions=QUESTIONS, as_of=AS_OF,
    )  # fmt: skip


def truth(facts: Facts, text: str) -> Truth:
    return facts.truth(LANGUAGE.compile(text))


PICKLE = "pickle-runs-code"
CLEAN = "check.pickle_runs_code.failed == 0"


def test_passes_and_failures_are_counted_and_the_worst_is_ranked() -> None:
    facts = facts_of(
        record(
            PICKLE, passed(PICKLE), failed(PICKLE, Severity.LOW), failed(PICKLE, Severity.CRITICAL, rule="x")
        )
    )
    assert truth(facts, "check.pickle_runs_code.failed == 2 && check.pickle_runs_code.passed == 1") is T
    assert truth(facts, "check.pickle_runs_code.worst == 4 && check.pickle_runs_code.judged == 3") is T


def test_rules_that_failed_are_listed_where_everything_was_judged() -> None:
    lookalike = record(PICKLE, passed(PICKLE), failed(PICKLE, rule="b"), failed(PICKLE, rule="a"))
    facts = facts_of(lookalike)
    assert truth(facts, '"a" in check.pickle_runs_code.failed_rules') is T
    assert truth(facts, 'check.pickle_runs_code.failed_rules == ["a", "b"]') is T
    assert truth(facts, '!("c" in check.pickle_runs_code.failed_rules)') is T
    told = facts_of(record(PICKLE, passed(PICKLE), failed(PICKLE, Severity.INFO, rule="c")))
    assert truth(told, '!("c" in check.pickle_runs_code.failed_rules)') is T
    assert truth(facts_of(), '"a" in check.pickle_runs_code.failed_rules') is F


def test_rules_that_failed_are_unknown_where_something_was_not_judged() -> None:
    partly = facts_of(record(PICKLE, failed(PICKLE, rule="a"), errored(PICKLE)))
    for text in (
        '"a" in check.pickle_runs_code.failed_rules',
        '!("b" in check.pickle_runs_code.failed_rules)',
    ):
        assert truth(partly, text) is U
        assert truth(facts_of(without=PICKLE), text) is U
    rule = Rule((LANGUAGE.compile('!("b" in check.pickle_runs_code.failed_rules)'),))
    assert partly.why_unknown(rule) == f"{PICKLE}: it broke"


def test_without_failures_the_worst_is_below_every_severity() -> None:
    assert truth(facts_of(), "check.pickle_runs_code.worst == -1") is T


def test_check_that_was_not_part_of_the_scan_is_unknown() -> None:
    facts = facts_of(without=PICKLE)
    assert truth(facts, CLEAN) is U
    assert "the check pickle-runs-code is not part of this scan" in facts.why_unknown(
        Rule((LANGUAGE.compile(CLEAN),))
    )


@pytest.mark.parametrize("finding", [not_run(PICKLE, "disk full"), errored(PICKLE, "disk full")])
def test_check_without_any_conclusion_is_unknown_with_its_reason(finding: object) -> None:
    facts = facts_of(record(PICKLE, finding))  # type: ignore[arg-type]
    assert truth(facts, CLEAN) is U
    assert truth(facts, "check.pickle_runs_code.judged > 0") is U
    assert facts.why_unknown(Rule((LANGUAGE.compile(CLEAN),))) == "pickle-runs-code: disk full"


def test_partly_judged_check_is_not_clean_but_what_it_judged_stands() -> None:
    facts = facts_of(record(PICKLE, passed(PICKLE), errored(PICKLE)))
    assert truth(facts, CLEAN) is U
    assert truth(facts, "check.pickle_runs_code.judged > 0") is T
    assert truth(facts, "check.pickle_runs_code.passed > 0") is T
    assert truth(facts, "check.pickle_runs_code.passed > 1") is U


def test_partly_judged_check_that_failed_has_failed() -> None:
    facts = facts_of(record(PICKLE, failed(PICKLE, Severity.CRITICAL), errored(PICKLE)))
    assert truth(facts, CLEAN) is F
    assert truth(facts, "check.pickle_runs_code.worst <= 3") is F
    assert truth(facts, "check.pickle_runs_code.failed < 5") is U


def test_nothing_to_examine_is_no_failure_and_no_conclusion() -> None:
    facts = facts_of(record(PICKLE, not_run(PICKLE, "no pickles", rule="nothing-to-examine")))
    assert truth(facts, CLEAN) is T
    assert truth(facts, "check.pickle_runs_code.judged > 0") is F


def test_nothing_to_examine_beside_an_error_is_unknown() -> None:
    facts = facts_of(
        record(PICKLE, not_run(PICKLE, "no pickles", rule="nothing-to-examine"), errored(PICKLE))
    )
    assert truth(facts, CLEAN) is U


def test_language_outside_the_scope_is_not_missed() -> None:
    clean = "check.alignment_deflection.failed == 0"
    assert truth(facts_of(), clean) is T
    assert truth(facts_of(languages=("en", "zh")), clean) is U


def test_failure_in_a_language_outside_the_scope_is_not_hidden() -> None:
    name = "alignment-deflection"
    facts = facts_of(record(name, passed(name, subject="en"), failed(name, subject="zh")))
    assert truth(facts, "check.alignment_deflection.failed == 1") is T


def test_incoherence_in_a_language_outside_the_scope_does_not_count() -> None:
    name = "model-incoherent"
    zh = measured(name, "coherence.accuracy", 0.1, dimensions={"language": "zh"})
    en = measured(name, "coherence.accuracy", 0.9, dimensions={"language": "en"})
    facts = facts_of(record(name, passed(name, subject="en"), failed(name, subject="zh"), zh, en))
    assert truth(facts, "check.model_incoherent.failed == 0") is T
    assert truth(facts, "measure.coherence_accuracy.low > 0.5") is T


@pytest.mark.parametrize("how", ["failed", "not run", "absent"])
def test_incapable_is_not_harmless(how: str) -> None:
    """Passes of checks that question an incapable model prove nothing; its failures stand."""
    name = "model-incoherent"
    changed = {
        "failed": record(name, failed(name)),
        "not run": record(name, not_run(name, "not capable", subject="en")),
        "absent": record(name, passed(name, subject="zh")),
    }[how]
    facts = facts_of(changed)
    assert truth(facts, "check.garak_attack_succeeds.failed == 0") is U
    assert truth(facts, "check.garak_attack_succeeds.judged > 0") is U
    assert truth(facts, "measure.garak_hit_rate.high < 0.5") is U
    assert truth(facts, CLEAN) is T
    leaking = facts_of(changed, record("personal-data-in-replies", failed("personal-data-in-replies")))
    assert truth(leaking, "check.personal_data_in_replies.failed == 0") is F


def test_low_and_high_span_every_dimension() -> None:
    name = "garak-attack-succeeds"
    facts = facts_of(
        record(
            name,
            passed(name),
            measured(name, "garak.hit_rate", 0.1, n=60, interval=(0.05, 0.2), dimensions={"probe": "dan"}),
            measured(name, "garak.hit_rate", 0.4, n=20, interval=(0.3, 0.55), dimensions={"probe": "xss"}),
        )
    )
    assert truth(facts, "measure.garak_hit_rate.high == 0.55 && measure.garak_hit_rate.low == 0.05") is T
    assert truth(facts, "measure.garak_hit_rate.n == 20") is T
    assert truth(facts, "measure.garak_hit_rate.value < 1.0") is U


def test_measurement_of_a_partly_judged_check_bounds_nothing() -> None:
    name = "garak-attack-succeeds"
    facts = facts_of(record(name, passed(name), errored(name), measured(name, "garak.hit_rate", 0.1)))
    assert truth(facts, "measure.garak_hit_rate.high < 0.5") is U
    assert truth(facts, "measure.garak_hit_rate.high < 0.05") is F
    assert truth(facts, "measure.garak_hit_rate.value == 0.1") is U


def test_missing_measurement_is_named() -> None:
    facts = facts_of(record("training-compute", passed("training-compute")))
    rule = Rule((LANGUAGE.compile("measure.compute_training_flop.high < 1e25"),))
    assert facts.holds(rule) is U
    assert facts.why_unknown(rule) == "this scan holds no measurement compute.training_flop"


def test_unanswered_question_is_asked() -> None:
    facts = facts_of()
    rule = Rule((LANGUAGE.compile('org.role == "deployer" && org.handles_ephi'),))
    assert facts.holds(rule) is U
    assert facts.why_unknown(rule) == f"'handles_ephi' is not answered ({QUESTIONS['handles_ephi'].question})"


def test_rule_that_breaks_is_unknown_and_says_so() -> None:
    rule = Rule((LANGUAGE.compile("1 / check.pickle_runs_code.failed == 1", "it divides"),))
    assert facts_of().holds(rule) is U
    assert "'it divides'" in facts_of().why_unknown(rule)


def test_day_of_judgement_is_a_fact() -> None:
    assert truth(facts_of(), 'scan.as_of == timestamp("2026-11-22T00:00:00Z")') is T
    assert datetime.date(2026, 11, 22) == AS_OF


@pytest.mark.parametrize(
    ("subject", "language"),
    [
        ("zh", "zh"),
        ("zh/tibet", "zh"),
        ("en:control", "en"),
        ("no licence", ""),
        ("garak dan.Ablation", ""),
        ("", ""),
    ],
)
def test_language_is_read_from_subjects_that_name_one(subject: str, language: str) -> None:
    assert language_of(passed("x", subject=subject)) == language


LICENCES = "licence-contradiction"


@pytest.mark.parametrize(
    ("measure", "value", "question", "expected"),
    [
        ("licence.excludes_eu", 1.0, "org.upstream_excludes_eu", T),
        ("licence.excludes_eu", 0.0, "org.upstream_excludes_eu", F),
        ("licence.free_and_open_source", 0.0, "org.licence_is_free_and_open", F),
        ("licence.free_and_open_source", 1.0, "org.licence_is_free_and_open", U),
    ],
)
def test_what_a_scan_measured_answers_what_nobody_did(
    measure: str, value: float, question: str, expected: Truth
) -> None:
    found = measured(LICENCES, measure, value)
    assert truth(facts_of(record(LICENCES, passed(LICENCES), found)), question) is expected
    partly = record(LICENCES, passed(LICENCES), not_run(LICENCES, "not recognised"), found)
    assert truth(facts_of(partly), question) is U


def test_what_somebody_answered_stays_whatever_was_measured() -> None:
    found = measured(LICENCES, "licence.excludes_eu", 1.0)
    scan = scan_of(None, record(LICENCES, passed(LICENCES), found))
    facts = gather(
        scan, {"upstream_excludes_eu": False}, Scope(("en",)),
        questioning=QUESTIONING, questions=QUESTIONS, as_of=AS_OF,
    )  # fmt: skip
    assert truth(facts, "org.upstream_excludes_eu") is F
