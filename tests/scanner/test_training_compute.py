"""training-compute: a range with its inputs, the Act's figures, and no pass on what may be only a part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.check import CheckRecord
from scanner.checks.training_compute import CHECK
from scanner.findings import Finding, Outcome, Severity
from scanner.runner import run_check
from tests.scanner.check_runs import context_of, measurements_of
from tests.scanner.model_folders import write_card, write_safetensors
from tests.scanner.test_architecture import QWEN3_8B

QWEN_600M = {
    "model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936,
    "tie_word_embeddings": True, "max_position_embeddings": 40960,
}  # fmt: skip
LLAMA_405B = {
    "model_type": "llama", "hidden_size": 16384, "num_hidden_layers": 126, "num_attention_heads": 128,
    "num_key_value_heads": 8, "intermediate_size": 53248, "vocab_size": 128256,
    "tie_word_embeddings": False, "max_position_embeddings": 131072,
}  # fmt: skip


def model(folder: Path, config: dict[str, object], **card: object) -> Path:
    """A folder of this name with a config and perhaps a card."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    if card:
        write_card(folder, str(card.pop("text", "")), **card)
    return folder


def record(folder: Path) -> CheckRecord:
    """What the runner records, from a process of its own."""
    return run_check(CHECK, context_of(folder))


def only(folder: Path) -> Finding:
    (finding,) = record(folder).findings
    return finding


# Source: our own 6ND figures of the facts on the Guidelines, from the makers' token numbers.
@pytest.mark.parametrize(
    ("name", "config", "flop"),
    [
        ("Qwen3-0.6B", QWEN_600M, 1.3e23),
        ("Qwen3-8B", QWEN3_8B, 1.8e24),
        ("Llama-3.1-405B", LLAMA_405B, 3.8e25),
    ],
)
def test_estimate_of_known_families(
    tmp_path: Path, name: str, config: dict[str, object], flop: float
) -> None:
    (measured,) = measurements_of(CHECK, model(tmp_path / name, config))
    assert measured.value == pytest.approx(flop, rel=0.05)
    assert measured.interval.low <= measured.value <= measured.interval.high
    assert measured.interval.level is None
    assert "tokens" in measured.method
    assert "parameters" in measured.method


def test_small_model_of_stated_tokens_passes(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", QWEN_600M, text="It was trained on 100B tokens.")
    finding = only(folder)
    assert finding.outcome is Outcome.PASS
    assert "below the indicative figure" in finding.message


def test_indicative_figure_reached_is_low(tmp_path: Path) -> None:
    finding = only(model(tmp_path / "Qwen3-8B", QWEN3_8B))
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.LOW)
    assert "may apply" in finding.message


def test_upper_end_alone_is_info(tmp_path: Path) -> None:
    finding = only(model(tmp_path / "m", QWEN_600M, text="It was trained on 20T tokens."))
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.INFO)
    assert "the upper end of the range reaches" in finding.message


def test_systemic_figure_is_high(tmp_path: Path) -> None:
    finding = only(model(tmp_path / "Llama-3.1-405B", LLAMA_405B))
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.HIGH)
    assert "Art. 51(2)" in finding.message


def test_unknown_tokens_are_not_run_with_the_tokens_it_would_take(tmp_path: Path) -> None:
    said = record(model(tmp_path / "m", QWEN_600M))
    (finding,) = said.findings
    assert finding.outcome is Outcome.NOT_RUN
    assert "1e23 FLOP is reached at 2.8e+13 tokens" in finding.reason
    assert said.measurements == ()


def test_unknown_size_is_not_run(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", {"model_type": "mamba"}, text="It was trained on 100B tokens.")
    assert only(folder).outcome is Outcome.NOT_RUN


def test_last_step_of_an_unknown_base_never_passes(tmp_path: Path) -> None:
    text = "Trained on 1B tokens."
    folder = model(tmp_path / "m", QWEN_600M, text=text, base_model="nobody/base")
    finding = only(folder)
    assert finding.outcome is Outcome.NOT_RUN
    assert "only a part" in finding.reason
    assert measurements_of(CHECK, folder) == []


def test_base_of_a_known_family_counts(tmp_path: Path) -> None:
    text = "Trained on 1B tokens."
    folder = model(tmp_path / "m", QWEN_600M, text=text, base_model="Qwen/Qwen3-0.6B")
    assert only(folder).outcome is Outcome.FAIL


def test_same_figure_rounded_twice_is_not_added_up(tmp_path: Path) -> None:
    once = model(tmp_path / "a" / "SmolLM2-135M", QWEN_600M)
    twice = model(tmp_path / "b" / "SmolLM2-135M", QWEN_600M, text="Trained on 2.0T tokens.")
    highs = [measurements_of(CHECK, folder)[0].interval.high for folder in (once, twice)]
    assert highs[1] == pytest.approx(highs[0], rel=0.05)


def test_several_training_stages_are_added_up_at_the_high_end(tmp_path: Path) -> None:
    text = "Pre-trained on 10T tokens.\n\nThen trained on 5T tokens more."
    folder = model(tmp_path / "m", {**QWEN_600M, "max_position_embeddings": None}, text=text)
    (measured,) = measurements_of(CHECK, folder)
    assert measured.interval.high >= 6 * 5.9e8 * 15e12


def test_weights_decide_over_the_config(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", QWEN3_8B, text="Trained on 1T tokens.")
    write_safetensors(folder / "model.safetensors", {"x.weight": [1000]})
    (measured,) = measurements_of(CHECK, folder)
    assert measured.value == 6 * 1000 * 1e12


def test_absurd_claims_of_a_header_give_no_number(tmp_path: Path) -> None:

    from tests.assets import make_file_assets as assets

    huge = assets.gguf_tensor("w", [2**40, 2**40, 2**40], 0)
    folder = model(tmp_path / "Qwen3-8B", {})
    (folder / "m.gguf").write_bytes(assets.gguf_bytes([assets.GGUF_ARCHITECTURE], [huge], bytes(32)))
    said = record(folder)
    assert said.measurements == ()
    assert {finding.outcome for finding in said.findings} <= {Outcome.NOT_RUN, Outcome.ERROR}


def test_broken_config_is_an_error_and_a_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "Qwen3-8B"
    folder.mkdir()
    (folder / "config.json").write_text("{")
    assert {finding.outcome for finding in record(folder).findings} == {Outcome.ERROR, Outcome.NOT_RUN}
