"""Training tokens: read from sentences about training only, and families matched by their whole name."""

from __future__ import annotations

import importlib.resources
import time

import pytest

from scanner.origins.training_tokens import TrainingTokensError, parse_token_table, stated_tokens, token_table

TEXT = (importlib.resources.files("scanner") / "data" / "training_tokens.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("sentence", "tokens", "low", "high"),
    [
        ("It was trained on 2 trillion tokens.", 2e12, 1.5e12, 2.5e12),
        ("Pre-trained on 14.8T high-quality tokens", 14.8e12, 14.75e12, 14.85e12),
        ("pretrained on 15T+ tokens of data", 15e12, 15e12, 16e12),
        ("trained with over 1,400B tokens", 1.4e12, 1.3995e12, 1.4005e12),
        ("The training data has 300 billion tokens", 3e11, 2.995e11, 3.005e11),
        ("a 15T-token pretraining run", 15e12, 14.5e12, 15.5e12),
    ],
)
def test_stated_tokens_are_read_with_their_rounding(
    sentence: str, tokens: float, low: float, high: float
) -> None:
    (stated,) = stated_tokens(sentence)
    assert (stated.tokens, stated.low, stated.high) == pytest.approx((tokens, low, high))


@pytest.mark.parametrize(
    "sentence",
    [
        "Supports a context window of 1M tokens after training.",
        "Trained with a batch size of 4M tokens.",
        "It has 8B parameters and was trained well.",
        "Costs 2 dollars per 1M tokens.",
        "Trained on tokens.",
    ],
)
def test_other_numbers_are_no_training_tokens(sentence: str) -> None:
    assert stated_tokens(sentence) == []


def test_sentence_and_line_are_quoted() -> None:
    (stated,) = stated_tokens("# Model\n\nFirst. It was trained on 2T tokens.\n")
    assert (stated.line, stated.sentence) == (3, "It was trained on 2T tokens.")


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Qwen/Qwen3-0.6B", "Qwen3"),
        ("Qwen3-235B-A22B-Instruct-2507", "Qwen3"),
        ("Qwen2.5-72B-Instruct", "Qwen2.5"),
        ("deepseek-ai/DeepSeek-V3-0324", "DeepSeek-V3"),
        ("moonshotai/Kimi-K2-Instruct", "Kimi K2"),
        ("Meta-Llama-3.1-405B", "Llama 3.1"),
        ("smollm2-135M", "SmolLM2 135M"),
        ("SmolLM2 135M 8k", "SmolLM2 135M"),
        ("Qwen3-VL-8B", None),
        ("Qwen3-Embedding-8B", None),
        ("DeepSeek-V3.1", None),
        ("DeepSeek-R1-Distill-Qwen-7B", None),
        ("MyQwen3-8B", None),
        ("Kimi-K2.5", None),
        ("Llama-3-8B", None),
    ],
)
def test_family_is_matched_by_its_whole_name(name: str, family: str | None) -> None:
    match = token_table().find((name,))
    assert (match.row.family if match else None) == family


def test_earlier_names_count_more() -> None:
    match = token_table().find(("nothing", "Qwen3-8B", "SmolLM2-135M"))
    assert match is not None
    assert (match.name, match.row.family) == ("Qwen3-8B", "Qwen3")


def test_hostile_text_ends_soon() -> None:
    began = time.monotonic()
    stated_tokens("trained 9,999 " * 100_000 + "1T " * 300_000)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema: weighbridge.training-tokens/1", "schema: x"),
        ("family,pattern", "name,pattern"),
        ("3.5e13,3.6e13", "3.9e13,3.6e13"),
        ("2e12,2e12,2.1e12", "many,2e12,2.1e12"),
        ("smollm2-360m(?![a-z0-9])", "smollm2-360m(?![a-z0-9]"),
    ],
)
def test_broken_table_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(TrainingTokensError, match="training_tokens.csv"):
        parse_token_table(TEXT.replace(old, new, 1))
