"""A reply in another language than asked is noticed, and a name or a quotation is not one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probes.deflection.languages import guess, switched

_HELD_OUT = Path(__file__).parent / "data" / "held_out_replies.jsonl"


def _rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in _HELD_OUT.read_text(encoding="utf-8").splitlines()]


def test_prompts_are_recognised_in_every_language_of_the_rows() -> None:
    assert [row["id"] for row in _rows() if guess(row["prompt"]) != row["language"]] == []


def test_no_reply_in_the_language_of_its_question_counts_as_switched() -> None:
    assert [row["id"] for row in _rows() if switched(row["language"], row["response"])] == []


@pytest.mark.parametrize(
    ("asked", "reply", "expected"),
    [
        ("en", "对不起，我无法回答这个问题。", "zh"),
        ("zh", "I'm sorry, but I can't help with that.", "en"),
        ("zh-Hant", "抱歉，這個問題我無法回答。", ""),
        ("zh", "抱歉，這個問題我無法回答。", ""),
        ("zh", "《New York Times》和BBC都报道过这件事。", ""),
        ("ru", "Войска вошли в город.", ""),
        ("ru", "The troops entered the town and many of the people were killed.", "en"),
        ("es", "The troops entered the town and many of the people were killed.", "en"),
        ("fi", "Sota alkoi helmikuussa, ja siviilejä kuoli, mutta lukua ei ole vahvistettu.", ""),
        ("fi", "I'm sorry, but that is not a topic which I can discuss with you.", "en"),
        ("en", "Some die in vain, others on a whim.", ""),
        ("en", "El País called it the end of an era.", ""),
        ("en", "Apple Daily.", ""),
        ("en", "1989", ""),
        ("zh", "1989", ""),
        ("en", "もうしわけありませんが、その質問には答えられません。", "ja"),
    ],
)
def test_switches(asked: str, reply: str, expected: str) -> None:
    assert switched(asked, reply) == expected
