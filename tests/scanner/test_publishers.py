"""The publisher table: no name twice, lookalikes recognised, near misses left alone."""

from __future__ import annotations

import importlib.resources

import pytest

from scanner.origins.publishers import Knowledge, PublisherDataError, parse_publishers, publisher_table

TABLE = publisher_table()
TEXT = (importlib.resources.files("scanner") / "data" / "publishers.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("deepseek_ai", "deepseek-ai"),  # separator
        ("deepseek-a1", "deepseek-ai"),  # digit for letter
        ("meta-IIama", "meta-llama"),  # capital i for l
        ("rnistralai", "mistralai"),  # rn for m
        ("micrоsoft", "microsoft"),  # Cyrillic o
        ("gooogle", "google"),  # insertion
        ("gogle", "google"),  # deletion
        ("nvidla", "nvidia"),  # substitution
        ("openia", "openai"),  # swap of neighbours
    ],
)
def test_lookalike_is_recognised(name: str, known: str) -> None:
    assert TABLE.find(name) is None
    found = TABLE.lookalike(name)
    assert found is not None
    assert found.org == known


@pytest.mark.parametrize("name", ["Owen", "applet", "unsloth", "facebook", "google-bert", "bartowski", ""])
def test_different_name_is_no_lookalike(name: str) -> None:
    assert TABLE.lookalike(name) is None


def test_every_known_name_is_found_in_any_case_and_is_no_lookalike() -> None:
    for row in TABLE.publishers:
        for name in row.names:
            assert TABLE.find(name.upper()) is row
            assert TABLE.lookalike(name) is None


def test_name_inside_another_name_is_told() -> None:
    found = TABLE.contained("google-bert")
    assert found is not None
    assert found.org == "google"
    assert TABLE.contained("googlers-bert") is None


def test_rows_without_a_page_are_marked_unverified() -> None:
    for row in TABLE.publishers:
        assert ("general knowledge" in row.source) == (row.confidence is Knowledge.UNVERIFIED), row.org


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: weighbridge.publishers/1", "schema: x", "schema"),
        ("org,aliases", "organisation,aliases", "columns"),
        ("\ngoogle,,", "\nQWEN,,", "'qwen' stands in two rows"),
        (",CN,Alibaba Group", ",China,Alibaba Group", "row 'Qwen'"),
        ("2026-11-21,unverified", "soon,unverified", "Invalid isoformat"),
        ("2026-11-21,unverified", "2026-11-21,sure", "sure"),
    ],
)
def test_broken_table_is_refused_with_the_row(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(PublisherDataError, match="publishers.csv") as caught:
        parse_publishers(TEXT.replace(old, new, 1))
    assert said in str(caught.value)
