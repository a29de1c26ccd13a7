"""Names of models: equal however written, different where it matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.origins.names import ModelName


def contradict(left: str, right: str) -> bool:
    return ModelName.of(left).difference(ModelName.of(right)).is_contradiction


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("SmolLM2-135M-Instruct.Q4_1", "smollm2 135m INSTRUCT"),
        ("Qwen2.5-7B-Instruct-Q4_K_M", "Qwen2.5 7B Instruct"),
        ("Meta-Llama-3.1-8B-Instruct-UD-Q4_K_XL", "Llama 3_1 8B Instruct"),
        ("DeepSeek-R1-Distill-Qwen-7B-IQ4_NL", "Deep Seek R1 Distilled Qwen 7B"),
        ("gemma-3-270m-it-qat-q4_0", "Gemma 3 270m It"),
        ("mixtral-8x7b-instruct-v0.1.Q5_K_M", "Mixtral 8x7B Instruct v0.1"),
        ("Qwen3-0.6B-f16", "Qwen3 600M"),
        ("Qwen3-4B", "Qwen3 4B 2507"),
        ("gpt-oss-20b-mxfp4", "Gpt Oss 20b"),
        ("Qwen3-30B-A3B-Instruct-2507-AWQ-4bit", "Qwen3 30B A3B Instruct 2507"),
        ("phi-4-00002-of-00005", "Phi 4"),
    ],
)
def test_spelling_packing_and_more_detail_are_no_contradiction(left: str, right: str) -> None:
    assert not contradict(left, right)
    assert not contradict(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("SmolLM2-135M-Instruct", "SmolLM2 135M"),
        ("Llama-3-8B", "Llama 3.1 8B"),
        ("Qwen3-4B-Instruct-2507", "Qwen3 4B Thinking 2507"),
        ("Qwen2.5-7B", "Qwen2.5 14B"),
        ("Llama-3-8B", "Qwen2 7B"),
        ("Qwen2.5-Coder-7B", "Qwen2.5 7B"),
        ("Llama-3-8B-Instruct", "Llama 3 8B Instruct abliterated"),
        ("DeepSeek-R1", "DeepSeek R1 Distill Qwen 7B"),
    ],
)
def test_another_family_version_size_or_tuning_is_a_contradiction(left: str, right: str) -> None:
    assert contradict(left, right)
    assert contradict(right, left)


@pytest.mark.parametrize("text", ["", "model", "ggml-model-q4_0", "pytorch_model", "final", "q8_0", "."])
def test_empty_names_tell_nothing(text: str) -> None:
    assert not ModelName.of(text).is_telling


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("SmolLM2-135M-Instruct.Q4_1", (135e6,)),
        ("Qwen3-30B-A3B", (30e9,)),
        ("mixtral-8x7b", ()),
        ("Phi-4-128k", ()),
        ("kimi-k2-1T", (1e12,)),
    ],
)
def test_only_sizes_that_stand_alone_count(text: str, sizes: tuple[float, ...]) -> None:
    assert ModelName.of(text).sizes == sizes


def test_publishers_are_set_aside() -> None:
    name = ModelName.of("bartowski_Meta-Llama-3-8B", neutral=["Bartowski", "Meta"])
    assert not name.difference(ModelName.of("Llama 3 8B")).only_left


def test_quoted_is_safe_to_print() -> None:
    assert ModelName.of("\x1b[31mred" + "x" * 500).quoted == repr("\x1b[31mred" + "x" * 92)


@given(st.text(max_size=60))
def test_no_name_contradicts_itself(text: str) -> None:
    name = ModelName.of(text)
    assert not name.difference(name).is_contradiction
    assert name.difference(name).only_left == ()


@given(st.text(max_size=40), st.text(max_size=40))
def test_difference_is_the_same_from_both_sides(left: str, right: str) -> None:
    one, other = ModelName.of(left), ModelName.of(right)
    there, back = one.difference(other), other.difference(one)
    assert (there.only_left, there.only_right) == (back.only_right, back.only_left)
    assert there.is_contradiction == back.is_contradiction
