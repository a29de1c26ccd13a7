"""Harmless sentences are named one by one, and no gap in their patterns takes a clause."""

from __future__ import annotations

import importlib.resources

import pytest

from scanner.licensing.wording import parse_wording

TEXT = (importlib.resources.files("scanner") / "data" / "licence_wording.yaml").read_text(encoding="utf-8")
WORDING = parse_wording(TEXT)


@pytest.mark.parametrize(
    "sentence",
    [
        "The MIT License (MIT)", "BSD 3-Clause License", "# License", "MIT 许可证", "2.", "***",
        "SPDX-License-Identifier: Apache-2.0", "This file is part of the Example Toolkit.",
        "Example is licensed under the MIT license.", "See CONTRIBUTING.md for how to contribute.",
        "For questions, please contact team@example.org.", "https://example.org/a/b",
    ],
)  # fmt: skip
def test_headings_names_and_pointers_are_harmless(sentence: str) -> None:
    assert WORDING.is_innocent(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "SPDX-License-Identifier: CC-BY-NC-4.0", "This file is part of the commercial edition.",
        "Non-commercial use is licensed under the MIT license.", "For questions, ask about paid licences.",
        "https://example.org/a Hospitals differ", "See LICENSE-COMMERCIAL for other terms.",
        "Academic edition", "MIT License, for members", "仅供研究使用",
        "https://example.org/non-commercial-only", "Written by Acme for use by subscribers",
        "Author: Acme, no resale", "Hello", "MIT License " * 60,
    ],
)  # fmt: skip
def test_whatever_could_be_a_term_is_not_harmless(sentence: str) -> None:
    assert not WORDING.is_innocent(sentence)


@pytest.mark.parametrize(
    "sentence", ["Du darfst es nicht verkaufen.", "只能自己看看而已。", "You must smile."]
)
def test_conditions_are_seen_in_several_languages(sentence: str) -> None:
    assert WORDING.sets_condition(sentence, sentence.lower())


def test_no_harmless_pattern_has_an_open_gap() -> None:
    for pattern in WORDING.innocent:
        assert ".*" not in pattern
        assert ".+" not in pattern
        assert "\\w+" not in pattern


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("licence-wording/1", "licence-wording/2", "schema"),
        ("innocent:", "guilty:", "guilty"),
        ("'\\d{1,2}|", "'(|", "unterminated"),
    ],
)
def test_broken_wording_is_refused(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=said):
        parse_wording(TEXT.replace(old, new, 1))
