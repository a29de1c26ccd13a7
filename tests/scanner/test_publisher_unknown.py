"""publisher-unknown: known names pass with their facts, lookalikes are high, bytes establish nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scanner.checks.publisher_unknown import CHECK
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.origins.record import OriginRecord, read_origin
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of, findings_of
from tests.scanner.model_folders import write_card, write_gguf


def all_published(folder: Path, reference: str, **facts: str) -> list[Finding]:
    """The findings for `folder` as if fetched under this reference."""
    folder.mkdir(parents=True, exist_ok=True)
    context = context_of(folder)
    snapshot = dataclasses.replace(
        context.snapshot, ref=ModelRef.parse(reference), source=tuple(facts.items())
    )
    return [
        item
        for item in CHECK.run(dataclasses.replace(context, snapshot=snapshot))
        if isinstance(item, Finding)
    ]


def published(folder: Path, reference: str, **facts: str) -> Finding:
    """The only finding for `folder` as if fetched under this reference."""
    (finding,) = all_published(folder, reference, **facts)
    return finding


def record_of(folder: Path, finding: Finding) -> OriginRecord:
    """The evidence of this finding."""
    (kept,) = finding.evidence
    return read_origin(context_of(folder).evidence.get(kept.sha256))


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
    assert (
        "Qwen/Qwen3-8B (Alibaba Cloud, owned by Alibaba Group, seat CN; declared in the card, not verified)"
        in finding.message
    )
    assert "nobody/known (publisher not known;" in finding.message


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


@pytest.mark.parametrize("org", ["deepseek-ai", "google", "ai-sage", "sarvamai"])
def test_no_seat_and_no_law_ever_fails(tmp_path: Path, org: str) -> None:
    write_card(tmp_path / "m", license="other", license_name="qwen")
    finding = published(tmp_path / "m", f"hf://{org}/some-model", endpoint="https://modelscope.cn")
    assert finding.outcome is Outcome.PASS


def test_three_facts_stand_apart_with_source_and_day(tmp_path: Path) -> None:
    write_card(
        tmp_path / "m", license="other", license_name="minimax-m2.5", base_model="google/gemma-3-4b-pt"
    )
    finding = published(tmp_path / "m", "hf://moonshotai/x", endpoint="https://huggingface.co")
    kept = record_of(tmp_path / "m", finding).jurisdiction
    assert [fact.value for fact in kept.seats] == ["CN", "US"]
    assert (kept.law.value, kept.hosting.value) == ("Singapore", "US/FR")
    assert "section 7" in kept.law.quote
    for fact in (*kept.seats, kept.law, kept.hosting):
        assert fact.source.startswith("https://")
        assert fact.checked is not None
        assert fact.grade
        assert fact.shown in finding.message


def test_what_is_not_known_is_said_to_be_so(tmp_path: Path) -> None:
    (finding,) = findings_of(CHECK, tmp_path)
    kept = record_of(tmp_path, finding).jurisdiction
    assert [fact.is_known for fact in (*kept.seats, kept.law, kept.hosting)] == [False, False, False]
    assert finding.message.count("not known (") == 3


def test_repackager_has_no_developers_seat_and_its_base_has(tmp_path: Path) -> None:
    alone = published(tmp_path / "a", "hf://RedHatAI/x")
    assert (alone.outcome, "repackages what others made" in alone.message) == (Outcome.PASS, True)
    assert not record_of(tmp_path / "a", alone).jurisdiction.seats[0].is_known
    write_card(tmp_path / "b", base_model="mistralai/Mistral-7B-v0.3")
    based = record_of(tmp_path / "b", published(tmp_path / "b", "hf://RedHatAI/x"))
    assert [fact.value for fact in based.jurisdiction.seats] == ["FR"]


def test_persons_account_that_repackages_is_low(tmp_path: Path) -> None:
    finding = published(tmp_path / "m", "hf://bartowski/Qwen3-8B-GGUF")
    assert (finding.outcome, finding.severity, finding.rule) == (Outcome.FAIL, Severity.LOW, "repackaged")


def test_known_models_name_under_an_unknown_publisher_is_told(tmp_path: Path) -> None:
    finding = published(tmp_path / "m", "hf://somebody-else/DeepSeek-R1")
    assert (finding.severity, finding.rule) == (Severity.MEDIUM, "borrowed-name")
    assert "deepseek-ai" in finding.message


@pytest.mark.parametrize("name", ["my-own-model", "Qwen3-8B-poetry", "TinyLlama-1.1B"])
def test_other_names_borrow_nothing(tmp_path: Path, name: str) -> None:
    assert published(tmp_path / "m", f"hf://somebody-else/{name}").rule == "unknown"


def test_known_models_name_with_its_base_declared_is_a_reupload_as_said(tmp_path: Path) -> None:
    write_card(tmp_path / "m", base_model="deepseek-ai/DeepSeek-R1")
    assert published(tmp_path / "m", "hf://somebody-else/DeepSeek-R1-GGUF").rule == "unknown"


def test_lookalike_by_signs_is_surer_than_by_a_letter(tmp_path: Path) -> None:
    signs, letter = (published(tmp_path / org, f"hf://{org}/m") for org in ("deepseek-a1", "deepsek-ai"))
    assert (signs.confidence, letter.confidence) == (Confidence.HIGH, Confidence.MEDIUM)
    assert "by one letter" in letter.message


def test_pull_request_is_not_published_by_the_repositorys_holder(tmp_path: Path) -> None:
    finding = published(tmp_path / "m", "hf://google/gemma@refs/pr/3", unmerged_revision="refs/pr/3")
    assert (finding.outcome, finding.rule, finding.severity) == (Outcome.FAIL, "unmerged", Severity.MEDIUM)


def test_name_from_a_mirror_is_vouched_for_by_the_mirror_alone(tmp_path: Path) -> None:
    finding = published(tmp_path / "m", "hf://google/gemma", endpoint="https://hf-mirror.com")
    assert "a mirror, which alone vouches for it" in finding.message
    publisher = record_of(tmp_path / "m", finding).chain.publisher
    assert publisher is not None
    assert (publisher.confidence, publisher.detail) == (Confidence.MEDIUM, "from hf-mirror.com")


def test_adapter_and_merge_have_several_links(tmp_path: Path) -> None:
    write_card(tmp_path / "m", base_model=["mistralai/Mistral-7B-v0.3", "nobody/merge"])
    (tmp_path / "m" / "adapter_config.json").write_text('{"base_model_name_or_path": "google/gemma-3-4b-it"}')
    chain = record_of(tmp_path / "m", published(tmp_path / "m", "hf://upstage/x")).chain
    assert [(link.name, link.basis.value) for link in chain.bases] == [
        ("mistralai/Mistral-7B-v0.3", "card"),
        ("nobody/merge", "card"),
        ("google/gemma-3-4b-it", "adapter config"),
    ]
    assert all(link.place is not None for link in chain.bases)


def test_broken_adapter_config_is_an_error_and_the_rest_is_judged(tmp_path: Path) -> None:
    write_card(tmp_path / "m")
    (tmp_path / "m" / "adapter_config.json").write_text("{")
    outcomes = [finding.outcome for finding in all_published(tmp_path / "m", "hf://upstage/x")]
    assert outcomes == [Outcome.ERROR, Outcome.PASS]


@pytest.mark.parametrize(
    ("reference", "claimed"),
    [
        ("ollama://library/qwen3", ""),
        (
            "ollama://google/gemma",
            "google (Google LLC, owned by Alphabet Inc., seat US; claimed by the registry's namespace)",
        ),
        (
            "oci://ghcr.io/nvidia/model:1",
            "nvidia (NVIDIA Corporation, seat US; claimed by the registry's namespace)",
        ),
    ],
)
def test_namespace_of_a_registry_is_a_claim(tmp_path: Path, reference: str, claimed: str) -> None:
    finding = published(tmp_path / "m", reference)
    assert (finding.outcome, finding.rule) == (Outcome.FAIL, "not-established")
    assert claimed in finding.message
