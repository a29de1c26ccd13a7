from __future__ import annotations

import datetime

import pytest

from policies.organisation import AnswerError, AnswerKind, in_words, load_questions, read_answers

QUESTIONS = load_questions()


def test_answers_get_the_type_of_their_question() -> None:
    raw = {
        "role": "deployer",
        "eu_market": "yes",
        "fine_tune_flop": 10**21,
        "model_on_market_since": "2025-01-20",
    }
    assert read_answers(raw, QUESTIONS, "x") == {
        "role": "deployer",
        "eu_market": True,
        "fine_tune_flop": 1e21,
        "model_on_market_since": datetime.date(2025, 1, 20),
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
    assert [in_words(answer) for answer in (True, False, 1e21, "deployer", datetime.date(2026, 1, 2))] == [
        "yes", "no", "1e+21", "deployer", "2026-01-02",
    ]  # fmt: skip
