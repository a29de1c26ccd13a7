"""Names of companies: spellings of one company are equal, different companies of a group are not."""

from __future__ import annotations

import pytest

from scanner.origins.company_names import company_names, loose_form, normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Huawei Technologies Co., Ltd. (Huawei)", "HUAWEI TECHNOLOGIES CO LTD"),
        ("PUBLIC JOINT STOCK COMPANY SBERBANK OF RUSSIA", "Sberbank of Russia PJSC"),
        ("OpenAI, L.L.C.", "openai"),
        ("Example S.A.", "Example"),
        ("Ｅｘａｍｐｌｅ AG", "example"),  # full width
        ("A & B Example GmbH", "A and B Example"),
    ],
)
def test_spellings_of_one_company_are_equal(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alibaba Group", "Alibaba Cloud"),
        ("Inspur Group", "Inspur Software Co., Ltd."),
        ("Tencent Holdings Limited", "Tencent"),
        ("Mistral AI", "Mistral"),
    ],
)
def test_companies_that_are_merely_alike_differ(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


def test_loose_form_drops_what_many_names_have() -> None:
    assert loose_form("Tencent Holdings Limited") == loose_form("Tencent Technology Co., Ltd.") == "tencent"


@pytest.mark.parametrize("name", ["", "...", "Ltd.", "(x)", "Co. Ltd.", "\x00\x1b", "株式会社"])
def test_names_without_words_or_in_other_scripts_do_not_break(name: str) -> None:
    assert isinstance(normal_form(name), str)
    assert isinstance(loose_form(name), str)


def test_cells_with_several_companies_are_taken_apart() -> None:
    cell = "Meta Platforms, Inc.; Meta Platforms Ireland Limited for the EEA and Switzerland"
    assert company_names(cell) == ("Meta Platforms, Inc.", "Meta Platforms Ireland Limited")
    assert company_names("") == ()
