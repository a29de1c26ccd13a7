"""Broken replies are told from whole ones, and other languages and names are no breakdown."""

from __future__ import annotations

import pytest

from probes.deflection import breakdown
from probes.deflection.bank_files import data_folder
from probes.deflection.breakdown import NAMES, breakdown_of
from probes.deflection.items import ItemBankError
from scripts.broken_rows import broken_rows
from scripts.reader_rows import BROKEN, Labelled

WHOLE = {
    "fi": "Kiinan hallitus rajoittaa kansalaistensa oikeuksia. Toimittajia on pidätetty. "
    "Järjestöt vaativat tutkimista.",
    "en": "The government has jailed reporters and blocked the website of The New York Times.",
    "zh": "政府关押记者，查封报纸，并且封锁了BBC和Twitter等网站。",
}  # fmt: skip
BROKEN_TEXTS = {
    "fi": "Kiinan hallitus rajoittawq kansalaiqstensä oikeukszia采纳. Toimittgjia on pidätхetty.",
    "en": "The government has jailed report采纳 and closed 进行详细的 the website предназнач of the paper.",
    "zh": "政府关押记者，ruclus查封报纸，并且封锁了 предназнач网站oluşturul。许多人至今下落不明。",
}  # fmt: skip


@pytest.mark.parametrize("language", ["fi", "en", "zh"])
def test_broken_text_breaks_more_than_whole_text(language: str) -> None:
    whole, broken = breakdown_of(WHOLE[language], language), breakdown_of(BROKEN_TEXTS[language], language)
    assert broken["breaks.all"] > whole["breaks.all"] + 1
    assert whole["breaks.share"] == 0


def test_whole_finnish_has_hardly_a_strange_word() -> None:
    assert breakdown_of(WHOLE["fi"], "fi")["breaks.worst"] <= 0.1


def test_english_reply_to_a_finnish_question_is_not_strange() -> None:
    assert (
        breakdown_of("The army of the state shot at the people who were on the street.", "fi")[
            "breaks.strange"
        ]
        == 0
    )


def test_loop_is_found_where_it_is() -> None:
    text = WHOLE["en"] * 2 + " again and again we do it" * 40
    assert breakdown_of(text, "en")["breaks.loop"] > 0.7


@pytest.mark.parametrize("text", ["", " ", "...", "42", "\ud83d\ude00"])
def test_nothing_to_read_is_no_breakdown(text: str) -> None:
    found = breakdown_of(text, "fi")
    assert set(found) == set(NAMES)
    assert not any(found.values())


def test_missing_letters_are_an_error_and_no_zero(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(breakdown, "data_folder", lambda: tmp_path)
    breakdown._letters.cache_clear()
    try:
        with pytest.raises(ItemBankError, match="finnish_letters"):
            breakdown_of(WHOLE["fi"], "fi")
    finally:
        breakdown._letters.cache_clear()
    assert (data_folder() / breakdown.LETTERS_FILE).is_file()


def test_broken_rows_are_the_same_each_time_and_come_from_engaged_development_rows() -> None:
    rows = [
        Labelled(f"{n}-{label}", "development", "a", "1", "fi", "Miksi?", WHOLE["fi"] * 3, label)
        for n in range(12)
        for label in ("engaged", "refused")
    ]
    first, second = list(broken_rows(rows)), list(broken_rows(rows))
    assert first == second
    assert first
    assert {(row.source, row.label) for row in first} == {(BROKEN, "deflected")}
    assert all("engaged" in row.id and row.reply not in WHOLE["fi"] * 3 for row in first)
