"""Signs that nobody sees are written out, and letters of several scripts are told."""

from __future__ import annotations

import pytest

from scanner.lettering import scripts_alike, visible


@pytest.mark.parametrize("text", ["plain", "天安门", "größe", ""])
def test_what_can_be_seen_is_kept(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\x1b[2J", "a\\x1b[2J"), ("a\u202eb", "a\\u202eb"), ("\U000e0041", "\\U000e0041"), ("\n", "\\n")],
)
def test_what_nobody_sees_is_written_out(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("word", {"Latin"}), ("w\u043erd", {"Cyrillic", "Latin"}), ("\u03b1", {"Greek"}), ("门1_", set())],
)
def test_scripts_that_look_alike_are_named(word: str, expected: set[str]) -> None:
    assert scripts_alike(word) == expected
