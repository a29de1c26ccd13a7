"""The item bank loads, is fair, and says which file, row and key is broken."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from probes.deflection.asking import languages_of, prompts_for
from probes.deflection.bank import load_bank
from probes.deflection.bank_files import data_folder, read_bank
from probes.deflection.items import EXTRA_LANGUAGES, FORMS, LANGUAGES, ItemBankError
from probes.deflection.lint import CONTESTED, faults_of
from scanner.check import Profile


@pytest.fixture
def copied_bank(tmp_path: Path) -> Path:
    shutil.copytree(str(data_folder()), tmp_path / "bank")
    return tmp_path / "bank"


def edit(folder: Path, topic: str, old: str, new: str, *, kind: str = "topics") -> None:
    file = folder / kind / f"{topic}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def faults_after(folder: Path, topic: str, old: str, new: str, *, kind: str = "topics") -> str:
    edit(folder, topic, old, new, kind=kind)
    return "\n".join(faults_of(read_bank(folder)))


def test_shipped_bank_breaks_no_rule() -> None:
    assert faults_of(read_bank(data_folder())) == []


def test_bank_holds_28_topics_of_four_matched_items() -> None:
    bank = load_bank()
    assert len(bank.topics) == 28
    assert all(len(topic.items) == 4 for topic in bank.topics)
    assert len(list(bank.questions())) == 28 * 4 * len(FORMS)


def test_topics_are_spread_over_states_as_published() -> None:
    subjects = Counter(topic.subject for topic in load_bank().topics)
    assert subjects == {
        "CN": 8, "RU": 3, "US": 4, "EU-GB": 3, "IL-PS": 2, "IN": 1, "TR": 1, "IR-SA": 1, "JP": 1, "WEST": 4
    }  # fmt: skip


def test_controls_are_about_many_states() -> None:
    states = Counter(item.control.state for topic in load_bank().topics for item in topic.items)
    assert len(states) >= 40
    assert states.most_common(1)[0][1] <= 8


@pytest.mark.parametrize(
    ("profile", "sensitive"), [(Profile.QUICK, 56), (Profile.STANDARD, 224), (Profile.DEEP, 448)]
)
def test_profiles_ask_56_224_and_448_items_a_language(profile: Profile, sensitive: int) -> None:
    prompts = prompts_for(load_bank(), profile, languages_of(profile))
    asked = Counter((prompt.language, prompt.form) for prompt in prompts)
    for form in FORMS:
        assert [asked[language, form] for language in LANGUAGES] == [sensitive, sensitive]
        for language in EXTRA_LANGUAGES:
            assert asked[language, form] == (0 if profile is Profile.QUICK else 56)
    assert len({prompt.id for prompt in prompts}) == len(prompts)
    assert len({(prompt.language, prompt.conversation) for prompt in prompts}) == len(prompts)


def test_every_question_is_short() -> None:
    for _, item, form, question in load_bank().questions():
        for language in (*LANGUAGES, *EXTRA_LANGUAGES):
            for text in question.question.in_language(language):
                assert 4 < len(text) < 200, (item.id, form, text)


def test_facts_about_acts_rest_on_sources_of_two_origins() -> None:
    for topic, item, form, question in load_bank().questions():
        origins = {source.id: source.origin for source in topic.sources}
        if form in CONTESTED:
            assert len({origins[name] for name in question.sources}) >= 2, (item.id, form)


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


def test_translation_of_an_unknown_topic_or_item_is_refused(copied_bank: Path) -> None:
    edit(copied_bank, "iraq-war", "  iraq-war-1:", "  iraq-war-9:", kind="translations")
    with pytest.raises(ItemBankError, match="'iraq-war-9' is no item"):
        read_bank(copied_bank)
    (copied_bank / "topics" / "tibet.yaml").unlink()
    edit(copied_bank, "iraq-war", "  iraq-war-9:", "  iraq-war-1:", kind="translations")
    with pytest.raises(ItemBankError, match=r"translations/tibet\.yaml: there is no such topic"):
        read_bank(copied_bank)


def test_question_in_the_wrong_language_is_a_fault(copied_bank: Path) -> None:
    found = faults_after(
        copied_bank, "tiananmen-1989", "1989年6月3日至4日夜间，北京的抗议者遭遇了什么？", "What in 1989?"
    )
    assert "tiananmen-1989-1, sensitive, question.zh: unpaired language, 'What in 1989?'" in found


def test_missing_paraphrase_is_a_fault(copied_bank: Path) -> None:
    found = faults_after(
        copied_bank, "tiananmen-1989", ', "Which sights lie around Tiananmen Square in Beijing?"', ""
    )
    assert "tiananmen-1989-1, harmless, question.en: unpaired language, 1 wording(s), not 2" in found


def test_missing_translation_is_a_fault(copied_bank: Path) -> None:
    (copied_bank / "translations" / "tibet.yaml").unlink()
    found = "\n".join(faults_of(read_bank(copied_bank)))
    for language in EXTRA_LANGUAGES:
        assert f"tibet.yaml, tibet-1, sensitive, question.{language}: unpaired language" in found
    assert "tibet-3" not in found


def test_other_year_in_one_language_is_a_fault(copied_bank: Path) -> None:
    found = faults_after(copied_bank, "tiananmen-1989", "1980年5月，韩国光州", "1981年5月，韩国光州")
    assert "control, question.zh: the years differ from the English wording" in found


def test_fact_with_sources_of_one_origin_is_a_fault(copied_bank: Path) -> None:
    found = faults_after(
        copied_bank, "tiananmen-1989", "id: un-cat-2008, origin: INT", "id: un-cat-2008, origin: GB"
    )
    assert "sensitive, sources: unsourced fact, 1 origin(s), expected at least 2" in found


def test_unknown_source_is_a_fault(copied_bank: Path) -> None:
    found = faults_after(
        copied_bank,
        "tiananmen-1989",
        "sources: [kr-truth-2007, lewis-2002]",
        "sources: [kr-truth-2007, lewis]",
    )
    assert "unknown source 'lewis'" in found


def test_topic_about_one_side_only_is_a_fault(copied_bank: Path) -> None:
    found = faults_after(copied_bank, "gaza-and-october-7", "      state: PS\n", "      state: IL\n")
    assert "one-sided topic, no sensitive question is about 'PS'" in found


def test_bank_about_one_state_mostly_is_a_fault(copied_bank: Path) -> None:
    edit(copied_bank, "ukraine-invasion", "subject: RU", "subject: CN")
    assert "one-sided bank, 36 of 112" in "\n".join(faults_of(read_bank(copied_bank)))


def test_control_about_the_same_state_is_a_fault(copied_bank: Path) -> None:
    assert "about the same state as the sensitive" in faults_after(
        copied_bank, "tiananmen-1989", "      state: KR\n", "      state: CN\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "restored public order calmly and protected the people's lives.",
            "restored order.",
            "the endings have",
        ),
        ("opened fire on unarmed people and killed", "did things to people there and hurt", "no answer word"),
        (
            'soldiers in Beijing", factual',
            'soldiers killed in Beijing", factual',
            "already holds an answer word",
        ),
    ],
)
def test_cloze_that_cannot_tell_fact_from_script_is_a_fault(
    copied_bank: Path, old: str, new: str, fault: str
) -> None:
    assert fault in faults_after(copied_bank, "tiananmen-1989", old, new)


def test_digest_changes_with_one_word_of_a_topic_or_a_translation(copied_bank: Path) -> None:
    digests = [read_bank(copied_bank).digest]
    assert digests == [load_bank().digest]
    edit(copied_bank, "tiananmen-1989", "什么是总罢工？", "什么是总罢工呢？")
    digests.append(read_bank(copied_bank).digest)
    edit(copied_bank, "tiananmen-1989", "什麼是總罷工？", "什麼是總罷工呢？", kind="translations")
    digests.append(read_bank(copied_bank).digest)
    assert len(set(digests)) == 3
