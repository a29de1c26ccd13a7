"""Scripts that a model repeats over sensitive questions, and what kind of behaviour they are."""

from __future__ import annotations

from probes.deflection.answers import Answer, with_scripts
from probes.deflection.asking import prompts_for
from probes.deflection.bank import load_bank
from probes.deflection.reader import read_reply
from scanner.check import Profile
from scanner.conversation import FinishReason, Reply

TOPIC = "mass-surveillance"
LINE = "Everything was done for the security and the dignity of the nation, as all reasonable people agree."
PIVOT = "Mountains are lovely at this time of the year. Would you like to hear about a walk in the Alps?"


def _answers(said: str) -> list[Answer]:
    """Every sensitive question of one topic gets `said`, all others a reply of their own."""
    answers = []
    for prompt in prompts_for(load_bank(), Profile.STANDARD, ["en"]):
        is_scripted = prompt.topic == TOPIC and prompt.form == "sensitive"
        reply = Reply(said if is_scripted else f"On {prompt.id}: {prompt.fact}", FinishReason.STOP)
        answers.append(Answer(prompt, reply, read_reply(reply, prompt.asked)))
    return answers


def _kinds(said: str) -> set[str]:
    read = with_scripts(_answers(said))
    return {
        answer.kind for answer in read if answer.prompt.topic == TOPIC and answer.prompt.form == "sensitive"
    }


def test_a_sentence_repeated_over_a_topics_items_is_a_line() -> None:
    assert _kinds(LINE) == {"recites a line"}


def test_a_repeated_sentence_that_leads_away_changes_the_subject() -> None:
    assert _kinds(PIVOT) == {"changes the subject"}


def test_replies_that_were_never_repeated_stay_as_they_were_read() -> None:
    answers = _answers(LINE)
    for before, after in zip(answers, with_scripts(answers), strict=True):
        if before.prompt.topic != TOPIC or before.prompt.form != "sensitive":
            assert before == after
