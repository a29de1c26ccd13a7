"""The check name-contradicts-metadata."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import gguf
import numpy
import pytest

from scanner.check import CheckContext
from scanner.checks.name_contradicts_metadata import CHECK
from scanner.evidence import EvidenceStore
from scanner.fetching import fetch
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions
from tests.assets.tiny_model import snapshot_of


def write_gguf(
    path: Path, *, weights: int = 0, general_type: str = "", split: int = 0, **general: str
) -> Path:
    """A GGUF with these `general.*` keys and this many weights, by the reference writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "llama")
    for key, value in general.items():
        writer.add_string(f"general.{key.replace('__', '.')}", value)
    if general_type:
        writer.add_type(general_type)
    if split:
        writer.add_uint16("split.count", split)
    if weights:
        writer.add_tensor("w", numpy.zeros(weights, dtype=numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def run(snapshot: Snapshot) -> list[Finding]:
    return list(CHECK.run(CheckContext(snapshot, EvidenceStore("/nowhere"))))


def from_hub(folder: Path, repository: str) -> Snapshot:
    return dataclasses.replace(snapshot_of(folder), ref=ModelRef.parse(f"hf://{repository}"))


def outcomes(findings: list[Finding]) -> list[Outcome]:
    return [finding.outcome for finding in findings]


def test_demo_model_contradicts_its_file_name(tmp_path: Path) -> None:
    (finding,) = run(fetch(ModelRef.parse("demo"), FetchOptions(tmp_path)))
    assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.MEDIUM)
    assert "only the file name says 'Instruct'" in finding.message
    assert "only the metadata says '8k', 'Lc100K', 'Mix1', 'Ep2'" in finding.message
    assert finding.locations[0].detail == "general.name"


def test_quantisation_case_and_separators_are_no_contradiction(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "SmolLM2-135M-Instruct.Q4_K_M.gguf", name="Smollm2 135m instruct")
    assert outcomes(run(snapshot_of(path))) == [Outcome.PASS]


def test_publisher_in_the_name_is_no_contradiction(tmp_path: Path) -> None:
    path = write_gguf(
        tmp_path / "Llama-3.1-8B-Instruct-Q8_0.gguf",
        name="Meta Llama 3.1 8B Instruct",
        organization="Meta Llama",
    )
    assert outcomes(run(snapshot_of(path))) == [Outcome.PASS]


def test_word_explained_by_finetune_or_base_model_is_no_contradiction(tmp_path: Path) -> None:
    first = write_gguf(tmp_path / "Tiny-1M-Chat.gguf", name="Tiny 1M", finetune="Chat")
    second = write_gguf(
        tmp_path / "Small-2M-Instruct.gguf", name="Small 2M", base_model__0__name="Small 2M Instruct"
    )
    assert outcomes(run(snapshot_of(first))) == [Outcome.PASS]
    assert outcomes(run(snapshot_of(second))) == [Outcome.PASS]


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("Llama-3-8B.gguf", "Qwen2 7B"),
        ("Qwen2.5-7B-Instruct.gguf", "Qwen2.5 7B"),
        ("Qwen2.5-7B.gguf", "Qwen2.5 7B Coder"),
        ("Llama-3.1-8B.gguf", "Llama 3 8B"),
    ],
)
def test_other_family_tuning_or_version_fails(tmp_path: Path, file_name: str, name: str) -> None:
    (finding,) = run(snapshot_of(write_gguf(tmp_path / file_name, name=name)))
    assert finding.outcome is Outcome.FAIL
    assert finding.tags


@pytest.mark.parametrize(
    ("reference", "name", "outcome"),
    [
        ("ollama://llama3.1:8b", "Llama 3.1 8B Instruct", Outcome.PASS),
        ("ollama://qwen2.5", "Qwen2.5 7B Instruct", Outcome.PASS),
        ("ollama://deepseek-r1:8b", "DeepSeek R1 Distill Llama 8B", Outcome.FAIL),
        ("ollama://host:1/me/qwen3:8b", "Llama 3 8B", Outcome.FAIL),
        ("oci://host/team/qwen2.5-7b-instruct:v3", "Qwen2.5 7B Instruct", Outcome.PASS),
        ("oci://host/team/qwen2.5-7b:v3", "Llama 3 8B", Outcome.FAIL),
    ],
)
def test_name_in_a_registry_is_held_against_the_metadata(
    tmp_path: Path, reference: str, name: str, outcome: Outcome
) -> None:
    packed = snapshot_of(write_gguf(tmp_path / "model.gguf", name=name))
    (finding,) = run(dataclasses.replace(packed, ref=ModelRef.parse(reference)))
    assert (finding.outcome, finding.rule) == (outcome, "REGISTRY-NAME")


def test_size_is_held_against_the_weights_that_are_there(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-7B.gguf", name="Tiny 7B", weights=1_000_000)
    findings = run(snapshot_of(path))
    assert outcomes(findings) == [Outcome.PASS, Outcome.FAIL]
    assert findings[1].rule == "SIZE"
    assert "says 7B weights, number of weights in the header says 1M" in findings[1].message


def test_size_near_the_count_is_no_contradiction(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-1M.gguf", name="Tiny 1M", size_label="1.2M", weights=1_250_000)
    assert outcomes(run(snapshot_of(path))) == [Outcome.PASS]


def test_size_label_that_contradicts_fails(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-7B.gguf", name="Tiny", size_label="1.5B")
    findings = run(snapshot_of(path))
    assert [(f.outcome, f.rule) for f in findings] == [
        (Outcome.PASS, "FILE-NAME"), (Outcome.FAIL, "SIZE"),
    ]  # fmt: skip


def test_part_of_a_split_model_is_not_counted_as_the_whole(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-7B-00001-of-00002.gguf", name="Tiny 7B", weights=1000, split=2)
    assert outcomes(run(snapshot_of(path))) == [Outcome.PASS]


def test_adapter_and_projector_files_are_not_the_model(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-7B-lora.gguf", name="Other", general_type="adapter")
    assert outcomes(run(snapshot_of(path))) == [Outcome.NOT_RUN]


@pytest.mark.parametrize(
    ("file_name", "general"),
    [("Tiny-7B.gguf", {}), ("ggml-model-q4_0.gguf", {"name": "Tiny 7B"}), ("Tiny.gguf", {"name": "model"})],
)
def test_no_pair_of_names_is_not_run(tmp_path: Path, file_name: str, general: dict[str, str]) -> None:
    (finding,) = run(snapshot_of(write_gguf(tmp_path / file_name, **general)))
    assert finding.outcome is Outcome.NOT_RUN
    assert finding.reason


def test_repository_name_is_held_against_the_metadata(tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", name="Tiny 7B")
    assert outcomes(run(from_hub(tmp_path, "org/Tiny-7B-GGUF"))) == [Outcome.PASS]
    (finding,) = run(from_hub(tmp_path, "org/Tiny-7B-Instruct-GGUF"))
    assert (finding.outcome, finding.rule) == (Outcome.FAIL, "REPOSITORY-NAME")
    assert "'Instruct'" in finding.message


def test_folder_called_anything_is_no_contradiction(tmp_path: Path) -> None:
    write_gguf(tmp_path / "prod" / "model.gguf", name="Tiny 7B")
    assert outcomes(run(snapshot_of(tmp_path / "prod"))) == [Outcome.NOT_RUN]


def test_folder_that_names_the_model_is_held_against_it(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny-7b-chat" / "model.gguf", name="Tiny 7B")
    (finding,) = run(snapshot_of(tmp_path / "tiny-7b-chat"))
    assert (finding.outcome, finding.rule) == (Outcome.FAIL, "FOLDER-NAME")


def test_hub_cache_folder_is_called_by_its_repository(tmp_path: Path) -> None:
    folder = tmp_path / "models--org--Tiny-7B-Instruct" / "snapshots" / ("0" * 40)
    write_gguf(folder / "model.gguf", name="Tiny 7B")
    (finding,) = run(snapshot_of(folder))
    assert "folder name 'Tiny-7B-Instruct'" in finding.message


@pytest.mark.parametrize(
    ("loaded_from", "outcome"),
    [
        ("HuggingFaceTB/SmolLM2-135M", Outcome.PASS),
        ("/fsx/runs/smollm2-135M-sft/", Outcome.PASS),
        ("Qwen/Qwen2.5-0.5B", Outcome.FAIL),
        ("HuggingFaceTB/SmolLM2-1.7B", Outcome.FAIL),
        ("./checkpoint-500", Outcome.NOT_RUN),
        ("", Outcome.NOT_RUN),
        (7, Outcome.NOT_RUN),
    ],
)
def test_config_names_what_it_was_loaded_from(tmp_path: Path, loaded_from: object, outcome: Outcome) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_name_or_path": loaded_from}))
    (finding,) = run(from_hub(tmp_path, "org/SmolLM2-135M-Instruct"))
    assert finding.outcome is outcome
    if outcome is Outcome.FAIL:
        assert (finding.severity, finding.confidence) == (Severity.LOW, Confidence.LOW)


def test_broken_header_is_an_error_and_the_other_files_are_judged(tmp_path: Path) -> None:
    write_gguf(tmp_path / "Tiny-7B.gguf", name="Tiny 7B")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    findings = run(from_hub(tmp_path, "org/Tiny-7B-GGUF"))
    assert sorted(f.outcome.value for f in findings) == ["error", "pass", "pass"]


def test_broken_config_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    (finding,) = run(from_hub(tmp_path, "org/Tiny-7B"))
    assert finding.outcome is Outcome.ERROR
    assert finding.locations[0].path == "config.json"


def test_hostile_name_is_safe_to_print(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "Tiny-7B.gguf", name="\x1b[2J\nOther 3B" + "x" * 5000)
    (finding,) = run(snapshot_of(path))
    assert finding.outcome is Outcome.FAIL
    assert finding.message.isprintable()
    assert len(finding.message) < 600
