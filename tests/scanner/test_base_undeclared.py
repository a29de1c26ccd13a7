"""base-undeclared: a family nobody names is a low hypothesis, one that is named passes, doubt is NOT_RUN."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final

import pytest

from scanner.checks.base_undeclared import CHECK
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of, findings_of
from tests.scanner.model_folders import write_card, write_gguf

QWEN3: Final = {"model_type": "qwen3", "vocab_size": 151936, "rope_theta": 1000000}


def write_config(folder: Path, **values: object) -> None:
    """A config.json with these values."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values))


def published(folder: Path, reference: str) -> Finding:
    """The only finding for `folder` as if fetched under this reference."""
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse(reference))
    (finding,) = CHECK.run(dataclasses.replace(context, snapshot=snapshot))
    assert isinstance(finding, Finding)
    return finding


def test_family_that_nobody_names_is_a_hypothesis_of_low_confidence(tmp_path: Path) -> None:
    write_config(tmp_path / "m", **QWEN3)
    write_card(tmp_path / "m", "# Our own model\n", base_model="acme/secret")
    second = published(tmp_path / "m", "hf://t-tech/T-pro")
    assert (second.rule, second.severity, second.confidence) == (
        "unsaid",
        Severity.LOW,
        Confidence.LOW,
    )
    assert "consistent with Qwen3 by Alibaba Cloud" in second.message
    assert "stolen" not in second.message
    assert second.locations[0].path == "config.json"


@pytest.mark.parametrize(
    ("reference", "card"),
    [
        ("hf://Qwen/own", {}),
        ("hf://t-tech/T-pro", {"base_model": "Qwen/Qwen3-14B"}),
        ("hf://t-tech/Qwen3-tuned", {}),
        ("hf://t-tech/T-pro", {"text": "Built on qwen3."}),
        ("hf://t-tech/T-pro", {"base_model": "acme/R1-Distill-Qwen-7B"}),
    ],
)
def test_family_that_is_named_anywhere_is_no_finding(
    tmp_path: Path, reference: str, card: dict[str, str]
) -> None:
    write_config(tmp_path / "m", **QWEN3)
    text = card.pop("text", "# Model\n")
    write_card(tmp_path / "m", text, **card)
    assert published(tmp_path / "m", reference).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "vocab_size": 32000},  # shared by seven families
        {"model_type": "qwen3", "vocab_size": 151700},  # own vocabulary
        {"model_type": "somethingelse", "vocab_size": 151936},
        {"model_type": "qwen3"},
        {"model_type": ["qwen3"], "vocab_size": "151936", "rope_parameters": [1]},
        {"model_type": "qwen3", "vocab_size": True, "rope_theta": {"a": 1}},
    ],
)
def test_doubt_is_not_run_and_says_the_values(tmp_path: Path, config: dict[str, object]) -> None:
    write_config(tmp_path / "m", **config)
    finding = published(tmp_path / "m", "hf://t-tech/T-pro")
    assert finding.outcome is Outcome.NOT_RUN
    assert "no family can be named" in finding.reason


def test_declared_base_of_another_family_is_told(tmp_path: Path) -> None:
    write_config(tmp_path / "m", **QWEN3)
    write_card(tmp_path / "m", base_model="meta-llama/Llama-3.1-8B")
    second = published(tmp_path / "m", "hf://t-tech/T-pro")
    assert second.rule == "other-family"
    assert "the declared base is meta-llama/Llama-3.1-8B" in second.message


def test_declared_base_is_reported_where_no_family_can_be_named(tmp_path: Path) -> None:
    write_card(tmp_path / "m", base_model="meta-llama/Llama-2-7b-hf")
    finding = published(tmp_path / "m", "hf://t-tech/T-pro")
    assert finding.outcome is Outcome.PASS
    assert "Meta Platforms" in finding.message


def test_bare_weights_of_nobody_declare_nothing(tmp_path: Path) -> None:
    write_config(tmp_path / "m", **QWEN3)
    (finding,) = findings_of(CHECK, tmp_path / "m")
    assert finding.outcome is Outcome.NOT_RUN


def test_folder_with_a_card_that_names_no_family_is_told(tmp_path: Path) -> None:
    write_config(tmp_path / "m", **QWEN3)
    write_card(tmp_path / "m", "# Ours\n")
    (finding,) = findings_of(CHECK, tmp_path / "m")
    assert finding.rule == "unsaid"


def test_header_of_a_gguf_file_is_read_too(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m" / "m.gguf", {"llama.rope.freq_base": 10000, "general.name": "M"})
    (finding,) = findings_of(CHECK, tmp_path / "m")
    assert (finding.outcome, "architecture llama" in finding.reason) == (Outcome.NOT_RUN, True)


def test_broken_files_are_errors_and_never_a_pass(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{")
    (tmp_path / "m" / "adapter_config.json").write_text("[")
    (tmp_path / "m" / "README.md").write_text("---\n- a\n- list\n---\n")
    outcomes = [finding.outcome for finding in findings_of(CHECK, tmp_path / "m")]
    assert outcomes == [Outcome.ERROR] * 3 + [Outcome.NOT_RUN]
