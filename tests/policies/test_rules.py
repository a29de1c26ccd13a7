# ruff: noqa: E501 - tables of messages, one a line
from __future__ import annotations

import datetime

import pytest

from policies.organisation import load_questions
from policies.rules import Rule, RuleError, RuleLanguage, Truth, all_of, evaluate
from scanner.check import Check
from tests.policies.fake_checks import CHECKS, FakeCheck

LANGUAGE = RuleLanguage(CHECKS, load_questions())
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
FAILED, ROLE = "check.pickle_runs_code.failed", "org.role"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("check.pii_leek.failed == 0", "unknown check 'pii-leek'"),
        ("check.pickle_runs_cod.failed == 0", "unknown check 'pickle-runs-cod'; did you mean 'pickle-runs-code'?"),
        ("check.pickle_runs_code.wurst == 0", "unknown field of check.pickle_runs_code 'wurst'; did you mean 'worst'?"),
        ("check.pickle_runs_code == 0", "unknown field of check.pickle_runs_code ''"),
        ("measure.garak_hitrate.high < 0.1", "unknown measurement 'garak_hitrate'; did you mean 'garak.hit_rate'?"),
        ("measure.garak_hit_rate.hi < 0.1", "unknown field of measure.garak_hit_rate 'hi'"),
        ("org.handle_ephi", "unknown organisation question 'handle_ephi'; did you mean 'handles_ephi'?"),
        ("scan.profil == 'quick'", "unknown fact about the scan 'profil'; did you mean 'profile'?"),
        ('org.role == "deployr"', "'deployr' is no answer to 'role'; did you mean 'deployer'?"),
        ('org.role in ["deployer", "importer"]', "'importer' is no answer to 'role'"),
        ('scan.profile != "fast"', "'fast' is no answer to 'profile'"),
        ("measure.garak_hit_rate.high < 1", "a number with a point, 1.0, is expected here"),
        ("org.role == 3", "found no matching overload for '_==_' applied to '(string, int)'"),
        ("org.handles_ephi ||", "Syntax error"),
        ("org.role", "got STRING, expected true or false"),
        ("models.evil == 0", "undeclared reference to 'models.evil' at 1:7"),
        ('open("/etc/passwd") == ""', "undeclared reference to 'open'"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_an_error_when_compiled(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        LANGUAGE.compile(text)
    assert message in str(caught.value)


def test_names_in_texts_are_not_references() -> None:
    assert LANGUAGE.compile('org.role != "deployer" || "check.nothing.failed" == ""').names == ("org.role",)


def test_clause_lists_what_it_refers_to_once_each() -> None:
    clause = LANGUAGE.compile(
        "check.remote_code.failed + check.remote_code.passed > check.remote_code.failed"
    )
    assert clause.names == ("check.remote_code.failed", "check.remote_code.passed")


@pytest.mark.parametrize(
    ("text", "facts", "truth"),
    [
        (f"{FAILED} == 0", {FAILED: 0}, T),
        (f"{FAILED} == 0", {FAILED: 2}, F),
        (f"{FAILED} == 0", {}, U),
        (f"!({FAILED} == 0)", {}, U),
        (f'{FAILED} == 0 && {ROLE} == "deployer"', {ROLE: "provider_gpai"}, F),
        (f'{ROLE} == "deployer" && {FAILED} == 0', {ROLE: "provider_gpai"}, F),
        (f'{FAILED} == 0 && {ROLE} == "deployer"', {ROLE: "deployer"}, U),
        (f'{FAILED} == 0 || {ROLE} == "deployer"', {ROLE: "deployer"}, T),
        (f'{FAILED} == 0 || {ROLE} == "deployer"', {ROLE: "provider_gpai"}, U),
        (f"1 / {FAILED} == 1", {FAILED: 0}, U),
    ],
)
def test_rules_have_three_values(text: str, facts: dict[str, object], truth: Truth) -> None:
    assert evaluate(LANGUAGE.compile(text), facts) is truth


def test_days_are_compared_as_days() -> None:
    clause = LANGUAGE.compile('org.model_on_market_since < timestamp("2025-08-02T00:00:00Z")')
    day = datetime.datetime(2025, 8, 1, tzinfo=datetime.UTC)
    assert evaluate(clause, {"org.model_on_market_since": day}) is T
    assert evaluate(clause, {"org.model_on_market_since": day + datetime.timedelta(days=1)}) is F


@pytest.mark.parametrize(
    ("truths", "result"), [([], U), ([T], T), ([T, T], T), ([T, U], U), ([U, F], F), ([T, F], F)]
)
def test_nothing_is_never_true(truths: list[Truth], result: Truth) -> None:
    assert all_of(truths) is result


def test_rule_without_clauses_refers_to_nothing() -> None:
    assert Rule().names == ()


def test_two_ids_that_rules_would_write_alike_are_an_error() -> None:
    def fake(check_id: str) -> Check:
        made: Check = type("Fake", (FakeCheck,), {"id": check_id})()
        return made

    with pytest.raises(RuleError, match="'a.b' and 'a-b' are written alike"):
        RuleLanguage({"a-b": fake("a-b"), "a.b": fake("a.b")}, {})
