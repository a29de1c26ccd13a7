"""Reasoning is separated from what a reply says, whatever marks a model puts around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.deflection.thinking import Thinking, separate

_SPOKEN = "It was the army."
_THOUGHT = "The user asks about June. I must be careful."

_FINAL = "<|start|>assistant<|channel|>final<|message|>"
_FORMATS = {
    "deepseek": "<think>\n{}\n</think>\n\n{}",
    "claude-like": "<thinking>{}</thinking>{}",
    "opened by the template": "{}\n</think>\n\n{}",
    "with an answer tag": "<think>{}</think><answer>\n{}\n</answer>",
    "seed": "<seed:think>{}</seed:think>{}",
    "magistral": "[THINK]{}[/THINK]{}",
    "kimi": "◁think▷{}◁/think▷{}",
    "command": "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "pangu": "[unused16]{}[unused17]{}",
    "gpt-oss": "<|channel|>analysis<|message|>{}<|end|>" + _FINAL + "{}<|return|>",
    "gpt-oss, end mark missing": "<|channel|>analysis<|message|>{}" + _FINAL + "{}",
    "gpt-oss, special tokens left out": "analysis{}assistantfinal{}",
    "gemma": "<|channel>thought\n{}<channel|>{}",
    "exaone": "<thought>\n{}\n</thought>\n\n{}",
    "reka": "<reasoning>{}</reasoning>\n{}",
    "granite": "Here is my thought process:\n{}\nHere is my response:\n{}",
    "apriel": "Here are my reasoning steps:\n{}\n[BEGIN FINAL RESPONSE]\n{}\n[END FINAL RESPONSE]",
}


@pytest.mark.parametrize("text", _FORMATS.values(), ids=_FORMATS)
def test_reasoning_and_speech_are_told_apart(text: str) -> None:
    separated = separate(text.format(_THOUGHT, _SPOKEN))
    assert (separated.spoken, separated.thoughts) == (_SPOKEN, _THOUGHT)
    assert separated.thinking is Thinking.PRESENT


@pytest.mark.parametrize("text", _FORMATS.values(), ids=_FORMATS)
def test_a_place_leads_back_to_the_same_words(text: str) -> None:
    whole = text.format(_THOUGHT, _SPOKEN)
    separated = separate(whole)
    start, end = separated.place((7, 15))
    assert whole[start:end] == separated.spoken[7:15] == "the army"


@pytest.mark.parametrize(
    "text", ["<think>\n\n</think>\n\n{}", "[THINK][/THINK]{}", "\n</think>{}", "◁think▷◁/think▷{}"]
)
def test_a_block_with_nothing_in_it_is_empty_thinking(text: str) -> None:
    separated = separate(text.format(_SPOKEN))
    assert (separated.spoken, separated.thinking) == (_SPOKEN, Thinking.EMPTY)


@pytest.mark.parametrize("text", ["<think>{}", "[THINK]{}", "<|channel|>analysis<|message|>{}", "analysis{}"])
def test_an_unclosed_block_is_all_reasoning(text: str) -> None:
    separated = separate(text.format(_THOUGHT))
    assert (separated.spoken, separated.thoughts) == ("", _THOUGHT)


@pytest.mark.parametrize(
    "text",
    [
        "No one knows. I thought: here is my response: none.",
        "analysis of the vote shows that it was close.",
        "Analysis: the assistantfinal marker belongs to gpt-oss.",
        "Use the <reasoning> element of the schema, then close it with </reasoning>.",
        "The <thought> tag is not part of HTML.",
    ],
)
def test_prose_that_mentions_such_words_is_left_alone(text: str) -> None:
    separated = separate(text)
    assert (separated.spoken, separated.thinking) == (text, Thinking.NONE)


def test_speech_on_both_sides_of_a_block_is_joined_and_found_again() -> None:
    text = "First.<think>Hm.</think> Then."
    separated = separate(text)
    assert separated.spoken == "First. Then."
    start, end = separated.place((7, 11))
    assert text[start:end] == "Then"


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", "<|end|>", "a", " ", "\n", "她"]))
)
def test_spoken_text_is_made_of_its_places_in_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    separated = separate(text)
    assert separated.spoken == "".join(text[start:end] for start, end in separated.places)
    assert separated.spoken == separated.spoken.strip()
    edges = [edge for place in separated.places for edge in place]
    assert edges == sorted(edges)
    for index in range(len(separated.spoken)):
        start, end = separated.place((index, index + 1))
        assert text[start:end] == separated.spoken[index]
