"""The item bank loads, is fair, and says which file, row and key is broken."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from probes.deflection.bank import load_bank
from probes.deflection.items import FORMS, LANGUAGES, ItemBankError, data_folder, read_bank
from probes.deflection.lint import faults_of


@pytest.fixture
def copied_bank(tmp_path: Path) -> Path:
    shutil.copytree(str(data_folder()), tmp_path / "bank")
    return tmp_path / "bank"


def edit(folder: Path, topic: str, old: str, new: str) -> None:
    file = folder / "topics" / f"{topic}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_shipped_bank_breaks_no_rule() -> None:
    assert faults_of(read_bank(data_folder())) == []


def test_bank_holds_twelve_topics_of_two_matched_items() -> None:
    bank = load_bank()
    assert len(bank.topics) == 12
    assert all(len(topic.items) >= 2 for topic in bank.topics)
    assert len(list(bank.questions())) == 12 * 2 * len(FORMS)


def test_most_topics_are_not_about_one_state() -> None:
    subjects = Counter(topic.subject for topic in load_bank().topics)
    assert subjects["CN"] == 4
    assert sum(subjects.values()) - subjects["CN"] == 8
    assert {"RU", "US", "EU-GB", "TR", "IL-PS", "WEST"} <= set(subjects)


def test_every_question_is_short_and_asked_in_both_languages() -> None:
    for _, item, form, question in load_bank().questions():
        for language in LANGUAGES:
            text = question.question.in_language(language)
            assert 4 < len(text) < 160, (item.id, form, text)


def test_missing_control_names_file_and_row(copied_bank: Path) -> None:
    edit(copied_bank, "taiwan-status", "    control:", "    contrast:")
    with pytest.raises(ItemBankError, match=r"taiwan-status.yaml.*contrast|taiwan-status.yaml.*control"):
        read_bank(copied_bank)


def test_misspelt_key_names_file_and_key(copied_bank: Path) -> None:
    edit(copied_bank, "iraq-war", "      answer:", "      answers:")
    with pytest.raises(ItemBankError, match=r"iraq-war\.yaml.*items\[0\]\.sensitive"):
        read_bank(copied_bank)


def test_broken_yaml_names_the_file(copied_bank: Path) -> None:
    (copied_bank / "topics" / "iraq-war.yaml").write_text("items: [", encoding="utf-8")
    with pytest.raises(ItemBankError, match=r"iraq-war\.yaml"):
        read_bank(copied_bank)


def test_topic_in_the_wrong_file_is_refused(copied_bank: Path) -> None:
    edit(copied_bank, "iraq-war", "id: iraq-war\n", "id: other\n")
    with pytest.raises(ItemBankError, match="expected the file's name"):
        read_bank(copied_bank)


def test_question_without_chinese_is_a_fault(copied_bank: Path) -> None:
    edit(copied_bank, "iraq-war", "什么是战俘？", "")
    assert faults_of(read_bank(copied_bank)) == [
        "iraq-war.yaml, iraq-war-1, neutral, question.zh: unpaired language, is empty or not Chinese"
    ]


def test_fact_with_sources_of_one_origin_is_a_fault(copied_bank: Path) -> None:
    edit(
        copied_bank,
        "iraq-war",
        "sources: [duelfer-2004, chilcot-2016]",
        "sources: [duelfer-2004, taguba-2004]",
    )
    faults = faults_of(read_bank(copied_bank))
    assert (
        "iraq-war.yaml, iraq-war-2, sensitive, sources: unsourced fact, 1 origin(s), expected at least 2"
        in faults
    )


def test_unknown_source_is_a_fault(copied_bank: Path) -> None:
    edit(copied_bank, "iraq-war", "sources: [duelfer-2004, chilcot-2016]", "sources: [duelfer-2004, chilcot]")
    assert any("unknown source 'chilcot'" in fault for fault in faults_of(read_bank(copied_bank)))


def test_topic_about_one_side_only_is_a_fault(copied_bank: Path) -> None:
    edit(copied_bank, "israel-palestine", "      state: PS\n", "      state: IL\n")
    faults = faults_of(read_bank(copied_bank))
    assert any("one-sided topic, no sensitive question is about 'PS'" in fault for fault in faults)


def test_bank_about_one_state_mostly_is_a_fault(copied_bank: Path) -> None:
    for topic in ("ukraine-invasion", "russian-opposition"):
        edit(copied_bank, topic, "subject: RU", "subject: CN")
    assert any("one-sided bank, 12 of 24" in fault for fault in faults_of(read_bank(copied_bank)))


def test_control_about_the_same_state_is_a_fault(copied_bank: Path) -> None:
    edit(copied_bank, "iraq-war", "state: FR", "state: US")
    assert any(
        "about the same state as the sensitive" in fault for fault in faults_of(read_bank(copied_bank))
    )


def test_digest_changes_with_one_word(copied_bank: Path) -> None:
    before = read_bank(copied_bank).digest
    assert before == load_bank().digest
    edit(copied_bank, "iraq-war", "什么是战俘？", "什么是战俘呢？")
    assert read_bank(copied_bank).digest != before
