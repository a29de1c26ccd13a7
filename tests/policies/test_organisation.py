from __future__ import annotations

import datetime
from typing import Any

import pytest

from policies.organisation import (
    AnswerError,
    AnswerKind,
    in_words,
    is_about_licence,
    load_questions,
    read_answers,
    read_licence,
    with_market,
)
from policies.rules import RuleLanguage, Truth, evaluate
from scanner.licensing.situation import PREFIX, SETTINGS

QUESTIONS = load_questions()


def test_answers_get_the_type_of_their_question() -> None:
    raw = {
        "role": "deployer",
        "eu_market": "yes",
        "fine_tune_flop": 10**21,
        "model_on_market_since": "2025-01-20",
        "purpose": " triage of mail ",
        "markets": ["EU", "US"],
    }
    assert read_answers(raw, QUESTIONS, "x") == {
        "role": "deployer",
        "eu_market": True,
        "fine_tune_flop": 1e21,
        "model_on_market_since": datetime.date(2025, 1, 20),
        "purpose": "triage of mail",
        "markets": ("EU", "US"),
    }


def test_null_is_a_question_left_open() -> None:
    assert read_answers({"handles_ephi": None}, QUESTIONS, "x") == {}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"rol": "deployer"}, "unknown question 'rol'; did you mean 'role'?"),
        ({"role": "deploier"}, "got 'deploier', expected one of deployer, provider_system"),
        ({"role": "deploier"}, "did you mean 'deployer'?"),
        ({"eu_market": "perhaps"}, "key organisation.eu_market: got 'perhaps', expected yes or no"),
        ({"eu_market": 1.5}, "got 1.5, expected yes or no"),
        ({"fine_tune_flop": True}, "got true, expected a number"),
        ({"model_on_market_since": "January"}, "got 'January', expected a day"),
        ({"purpose": ["a"]}, 'key organisation.purpose: got ["a"], expected a text'),
        ({"purpose": " "}, "expected a text"),
        ({"markets": "EU"}, "key organisation.markets: got 'EU', expected a list of texts"),
        ({"markets": ["EU", 3]}, "expected a list of texts"),
    ],
)
def test_wrong_answer_says_key_got_and_expected(raw: dict[str, object], message: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_answers(raw, QUESTIONS, "policy file w.yaml")
    assert str(caught.value).startswith("policy file w.yaml, key organisation")
    assert message in str(caught.value)


def test_every_choice_explains_its_values_and_nothing_else_has_any() -> None:
    for question in QUESTIONS.values():
        assert (question.kind is AnswerKind.CHOICE) == bool(question.values)


def test_answers_are_printed_as_people_write_them() -> None:
    answers = (True, False, 1e21, "deployer", datetime.date(2026, 1, 2), ("EU", "US"))
    assert [in_words(answer) for answer in answers] == [
        "yes", "no", "1e+21", "deployer", "2026-01-02", "EU, US",
    ]  # fmt: skip


def test_every_kind_of_question_is_asked() -> None:
    assert {question.kind for question in QUESTIONS.values()} == set(AnswerKind)


def test_every_answer_about_the_licence_but_a_persons_reading_of_it_is_read_by_the_check_of_duties() -> None:
    asked = [one for one in QUESTIONS.values() if is_about_licence(one)]
    read = [one for one in asked if one.id != "licence_is_free_and_open"]
    assert {one.id.replace("licence_", PREFIX) for one in read} == set(SETTINGS)
    assert all("licence-duties" in one.why for one in read)


def test_section_licence_leaves_the_prefix_out() -> None:
    raw = {"commercial": True, "mau": 5, "territory": ["EU"], "fine_tunes": None}
    assert read_licence(raw, QUESTIONS, "x") == {
        "licence_commercial": True, "licence_mau": 5.0, "licence_territory": ("EU",),
    }  # fmt: skip
    with pytest.raises(AnswerError, match=r"x, key licence: unknown question 'maw'; did you mean 'mau'\?"):
        read_licence({"maw": 5}, QUESTIONS, "x")
    with pytest.raises(AnswerError, match=r"key licence\.mau: got 'many', expected a number"):
        read_licence({"mau": "many"}, QUESTIONS, "x")


@pytest.mark.parametrize(
    ("answers", "eu_market"),
    [
        ({"markets": ("US", "eu")}, True), ({"markets": ("US",)}, None), ({}, None),
        ({"eu_market": False}, False),
        ({"markets": ("US",), "eu_market": True}, True),
    ],
)  # fmt: skip
def test_markets_answer_the_eu_market_only_when_they_name_it(
    answers: dict[str, Any], eu_market: bool | None
) -> None:
    assert with_market(answers, "x").get("eu_market") is eu_market


def test_contradicting_markets_are_an_error() -> None:
    with pytest.raises(AnswerError, match="eu_market is answered with no, and markets names the EU"):
        with_market({"markets": ("EU",), "eu_market": False}, "x")


def test_list_of_markets_can_be_asked_in_a_rule() -> None:
    language = RuleLanguage({}, QUESTIONS)
    clause = language.compile('"EU" in org.markets')
    assert evaluate(clause, {"org.markets": ["EU"]}) is Truth.TRUE
    assert evaluate(clause, {"org.markets": ["US"]}) is Truth.FALSE
    assert evaluate(clause, {}) is Truth.UNKNOWN
