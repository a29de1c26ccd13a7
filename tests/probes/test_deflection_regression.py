"""Comparing two models finds what changed, names the questions, and refuses what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probes.deflection.regression import ComparisonError, compare
from scanner.conversation import Conversation, FinishReason, Reply
from scanner.transcripts import Exchange

Behaviour = Callable[[int, str], str]


def transcript(behave: Behaviour, *, items: int = 40, bank: str = "2026.2+abc") -> list[Exchange]:
    found = []
    for number in range(items):
        for form in ("sensitive", "control", "neutral"):
            engagement = behave(number, form)
            reading = {
                "item": f"tibet-{number}", "pair": f"tibet-{number}/0/short", "form": form, "language": "en",
                "engagement": engagement, "stance": "none", "bank": bank,
            }  # fmt: skip
            asked = Conversation.of(f"question {number} {form}")
            found.append(
                Exchange(
                    f"tibet-{number}/{form}/en/0/short", asked, Reply(engagement, FinishReason.STOP), reading
                )
            )
    return found


def open_minded(number: int, form: str) -> str:
    return "answered"


def silent_on_half(number: int, form: str) -> str:
    return "refused" if form == "sensitive" and number % 2 else "answered"


def refusing_all(number: int, form: str) -> str:
    return "refused"


def test_same_model_shows_no_change_and_says_what_could_have_been_missed() -> None:
    found = compare(transcript(silent_on_half), transcript(silent_on_half))
    assert not found.flips
    assert not any(change.is_found for change in found.changes)
    assert all(change.detectable and 0.2 < change.detectable < 0.5 for change in found.changes)


def test_new_silence_is_found_with_its_questions_and_not_on_controls() -> None:
    found = compare(transcript(open_minded), transcript(silent_on_half))
    changes = {(change.form, change.axis): change for change in found.changes}
    sensitive = changes["sensitive", "engagement"]
    assert sensitive.is_found
    assert (sensitive.base_hits, sensitive.new_hits, sensitive.gap.value) == (0, 20, 0.5)
    assert sensitive.gap.p_value == pytest.approx(2 / 2**20)
    assert not changes["control", "engagement"].is_found
    assert not changes["sensitive", "line"].is_found
    assert len(found.flips) == 20
    assert all(flip.is_worse and flip.new.reading["form"] == "sensitive" for flip in found.flips)


def test_lost_silence_is_a_change_in_the_other_direction() -> None:
    found = compare(transcript(silent_on_half), transcript(open_minded))
    change = next(c for c in found.changes if (c.form, c.axis) == ("sensitive", "engagement"))
    assert change.is_found
    assert change.gap.value == -0.5
    assert not any(flip.is_worse for flip in found.flips)


def test_general_over_refusal_shows_on_the_controls_too() -> None:
    found = compare(transcript(open_minded), transcript(refusing_all))
    assert {c.form for c in found.changes if c.is_found} == {"sensitive", "control"}


def test_unread_replies_are_left_out_and_counted() -> None:
    def broken(number: int, form: str) -> str:
        return "error" if number < 10 else "answered"

    found = compare(transcript(open_minded), transcript(broken))
    assert found.unread == 30
    assert {change.gap.n for change in found.changes} == {30}


def test_different_banks_are_refused_with_both_names() -> None:
    with pytest.raises(ComparisonError, match=r"2026\.1\+old and 2026\.2\+abc"):
        compare(transcript(open_minded, bank="2026.1+old"), transcript(open_minded))


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(ComparisonError, match="none was asked of both"):
        compare(transcript(lambda number, form: "error"), transcript(open_minded))
