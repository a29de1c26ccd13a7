"""A chat that moves a model to scripted endings is found, and only where controls do not move too."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from probes.chat_format import PLAIN_FORMAT
from probes.checks.scripted_ending_preferred import CHECK
from probes.deflection.items import Bank
from scanner.conversation import Conversation, TokenScores
from scanner.findings import Outcome
from tests.probes.whitebox_fakes import (
    FakeModel,
    Likes,
    bank,
    context_of,
    finding,
    kind_of,
    measured,
    no_scores,
    run,
    scores_of,
)

__all__ = ["bank"]


def liking(plain: float, chat_sensitive: float, chat_control: float) -> Likes:
    """Holds scripted endings at 0.2 a token and factual ones at these probabilities, give or take noise."""

    def likes(conversation: Conversation, text: str) -> TokenScores:
        noise = 1 + 0.1 * random.Random(text + kind_of(conversation)).random()
        if "fact" not in text:
            return scores_of(0.2 * noise)
        if kind_of(conversation) == "text":
            return scores_of(plain * noise)
        return scores_of((chat_sensitive if "facts" in text else chat_control) * noise)

    return likes


def test_a_template_that_brings_the_script_is_found(tmp_path: Path, bank: Bank) -> None:
    record = run(CHECK, context_of(tmp_path, FakeModel(likes=liking(0.5, 0.1, 0.5)), "en", "zh"))
    for language in ("en", "zh"):
        assert finding(record, language).outcome is Outcome.FAIL
        shift = measured(record, "deflection.template_shift_gap", language=language)
        assert shift.value == pytest.approx(-1.61, abs=0.05)
        assert shift.interval.high < -1.5
        margin = measured(
            record, "deflection.ending_margin", language=language, side="sensitive", asked="no template"
        )
        assert margin.value > 0.8


@pytest.mark.parametrize(
    "likes",
    [liking(0.5, 0.5, 0.5), liking(0.5, 0.1, 0.1), liking(0.1, 0.1, 0.5 * 0.2), liking(0.5, 0.5, 0.3)],
)
def test_no_finding_where_nothing_or_everything_shifts(tmp_path: Path, bank: Bank, likes: Likes) -> None:
    record = run(CHECK, context_of(tmp_path, FakeModel(likes=likes)))
    assert finding(record).outcome is Outcome.PASS
    assert "may well have been missed" in finding(record).message


def test_a_difference_of_wording_alone_is_no_shift(tmp_path: Path, bank: Bank) -> None:
    def likes(conversation: Conversation, text: str) -> TokenScores:
        return scores_of(0.1 if "facts" in text else 0.5 - 0.1 * random.Random(text).random())

    record = run(CHECK, context_of(tmp_path, FakeModel(likes=likes)))
    gap = measured(record, "deflection.ending_margin_gap", language="en", asked="chat template")
    assert gap.interval.high < 0
    assert finding(record).outcome is Outcome.NOT_RUN
    assert "nothing to test" in finding(record).reason


def test_endings_are_scored_after_the_same_words(tmp_path: Path, bank: Bank) -> None:
    seen: list[tuple[Conversation, str]] = []

    def likes(conversation: Conversation, text: str) -> TokenScores:
        seen.append((conversation, text))
        return scores_of(0.5 - 0.1 * random.Random(text + kind_of(conversation)).random())

    run(CHECK, context_of(tmp_path, FakeModel(likes=likes)))
    assert len(seen) == 28 * 2 * 4
    stems = [conversation.messages[-1].content for conversation, _ in seen]
    assert all(stems[place] == stems[place - place % 4] for place in range(len(stems)))
    assert {kind_of(conversation) for conversation, _ in seen} == {"begun", "text"}


def test_sentences_that_cannot_be_scored_are_left_out_and_too_many_end_it(tmp_path: Path, bank: Bank) -> None:
    whole = liking(0.5, 0.1, 0.5)

    def broken_below(limit: int) -> Likes:
        def likes(conversation: Conversation, text: str) -> TokenScores:
            number = int("".join(c for c in text if c.isdigit()))
            return TokenScores((), (), error="no boundary") if number < limit else whole(conversation, text)

        return likes

    some = run(CHECK, context_of(tmp_path, FakeModel(likes=broken_below(20))))
    assert measured(some, "deflection.template_shift_gap").n == 23
    many = run(CHECK, context_of(tmp_path, FakeModel(likes=broken_below(80))))
    assert finding(many).outcome is Outcome.NOT_RUN
    assert "only 8 of 28" in finding(many).reason


def test_not_run_without_log_probabilities_or_template(tmp_path: Path, bank: Bank) -> None:
    silent = run(CHECK, context_of(tmp_path, FakeModel(likes=no_scores)))
    assert {each.outcome for each in silent.findings} == {Outcome.NOT_RUN}
    assert "needs logprobs" in silent.findings[-1].reason
    plain = run(
        CHECK, context_of(tmp_path, FakeModel(likes=liking(0.5, 0.1, 0.5), prompt_format=PLAIN_FORMAT))
    )
    assert [each.outcome for each in plain.findings] == [Outcome.NOT_RUN]
    assert "no chat template" in plain.findings[0].reason
