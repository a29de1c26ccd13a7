"""publisher-unknown: known names pass with their facts, lookalikes are high, bytes establish nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scanner.checks.publisher_unknown import CHECK
from scanner.findings import Finding, Outcome, Severity
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of, findings_of
from tests.scanner.model_folders import write_card, write_gguf


def published(folder: Path, reference: str) -> Finding:
    """The finding for `folder` as if fetched under this reference."""
    context = context_of(folder)
    snapshot = dataclasses.replace(context.snapshot, ref=ModelRef.parse(reference))
    (finding,) = CHECK.run(dataclasses.replace(context, snapshot=snapshot))
    return finding


def test_known_publisher_passes_with_entity_seat_and_date(tmp_path: Path) -> None:
    finding = published(tmp_path, "hf://mistralai/Mistral-7B-v0.3@main")
    assert finding.outcome is Outcome.PASS
    assert "Mistral AI, seat FR" in finding.message
    assert "2026-" in finding.message


@pytest.mark.parametrize("org", ["deepseek-ai", "google", "ai-sage", "mistralai"])
def test_no_seat_changes_the_outcome(tmp_path: Path, org: str) -> None:
    finding = published(tmp_path, f"hf://{org}/some-model")
    assert (finding.outcome, finding.rule) == (Outcome.PASS, "")


def test_lookalike_is_high_and_names_the_real_one(tmp_path: Path) -> None:
    finding = published(tmp_path, "hf://deepseek-a1/DeepSeek-R1")
    assert (finding.outcome, finding.severity, finding.rule) == (Outcome.FAIL, Severity.HIGH, "lookalike")
    assert "'deepseek-ai'" in finding.message


def test_unknown_publisher_is_low(tmp_path: Path) -> None:
    finding = published(tmp_path, "hf://somebody-else/model")
    assert (finding.outcome, finding.severity, finding.rule) == (Outcome.FAIL, Severity.LOW, "unknown")


def test_unknown_publisher_with_a_known_word_in_its_name_is_told_so(tmp_path: Path) -> None:
    assert "carries the name 'Qwen'" in published(tmp_path, "hf://qwen-community/model").message


def test_declared_base_is_told_and_not_taken_for_the_publisher(tmp_path: Path) -> None:
    write_card(tmp_path, base_model=["Qwen/Qwen3-8B", "nobody/known"])
    finding = published(tmp_path, "hf://mistralai/x")
    assert "Qwen/Qwen3-8B (Alibaba Cloud, seat CN)" in finding.message
    assert "nobody/known (publisher not known)" in finding.message
    assert "not verified" in finding.message


def test_bytes_on_disk_establish_no_publisher_whatever_they_claim(tmp_path: Path) -> None:
    write_gguf(
        tmp_path / "m.gguf",
        {
            "general.organization": "google",
            "general.base_model.0.repo_url": "https://huggingface.co/meta-llama/Llama-3.1-8B",
        },
    )
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.outcome, finding.severity, finding.rule) == (
        Outcome.FAIL,
        Severity.LOW,
        "not-established",
    )
    assert "claims, without proof: organization 'google'" in finding.message
    assert "meta-llama/Llama-3.1-8B" in finding.message


def test_folder_without_metadata_establishes_no_publisher(tmp_path: Path) -> None:
    (finding,) = findings_of(CHECK, tmp_path)
    assert finding.outcome is Outcome.FAIL
    assert "claims none" in finding.message


def test_broken_files_are_errors_and_the_publisher_is_still_judged(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\n- a\n- list\n---\n")
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    outcomes = [finding.outcome for finding in findings_of(CHECK, tmp_path)]
    assert outcomes == [Outcome.ERROR, Outcome.ERROR, Outcome.FAIL]


def test_control_characters_of_metadata_never_reach_the_message(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", {"general.organization": "evil\x1b[31m\n\u202eorg"})
    assert findings_of(CHECK, tmp_path)[0].message.isprintable()
