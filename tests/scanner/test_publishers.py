"""The tables of publishers and hosts: every row complete and graded, no name twice, lookalikes told."""

from __future__ import annotations

import datetime
import importlib.resources
import re
from pathlib import Path

import pytest

from scanner.licensing.table import licence_table
from scanner.origins.families import family_table
from scanner.origins.hosts import host_table, parse_hosts
from scanner.origins.publishers import (
    Knowledge,
    Publisher,
    PublisherDataError,
    PublisherKind,
    parse_publishers,
    publisher_table,
)

TABLE = publisher_table()
DATA = importlib.resources.files("scanner") / "data"
TEXT = (DATA / "publishers.csv").read_text(encoding="utf-8")


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
        ("Qwen-models", "Qwen"),  # a word that promises
    ],
)
def test_lookalike_is_recognised(name: str, known: str) -> None:
    assert TABLE.find(name) is None
    found = TABLE.lookalike(name)
    assert found is not None
    assert (found.name, found.publisher.org) == (known, known)


@pytest.mark.parametrize("name", ["Owen", "applet", "google-deepmind", "gptcommunity", ""])
def test_different_name_is_no_lookalike(name: str) -> None:
    assert TABLE.lookalike(name) is None


def test_every_known_name_is_found_in_any_case_and_is_no_lookalike() -> None:
    for row in TABLE.publishers:
        for name in row.names:
            assert TABLE.find(name.upper()) is row
            assert TABLE.lookalike(name) is None


def test_name_inside_another_name_is_told() -> None:
    found = TABLE.contained("google-vertex")
    assert found is not None
    assert found.org == "google"
    assert TABLE.contained("googlers-bert") is None


@pytest.mark.parametrize("row", TABLE.publishers, ids=lambda row: row.org)
def test_every_row_is_complete_dated_and_graded_by_its_sources(row: Publisher) -> None:
    assert row.org
    assert row.entity
    assert row.seat or not row.kind.is_developer
    assert datetime.date(2026, 11, 1) <= row.checked <= datetime.datetime.now(datetime.UTC).date()
    assert (row.source == "") == (row.confidence is Knowledge.RECALLED)
    assert all(address.startswith("https://") for address in row.source.split())


def test_the_table_holds_the_organisations_of_the_first_list_and_more() -> None:
    # One per seat, of those that the table began with; docs/publishers.md counts them all.
    listed = (
        "Qwen meta-llama mistralai stabilityai Aleph-Alpha swiss-ai BSC-LT speakleash utter-project tiiuae "
        "LGAI-EXAONE pfnet CohereLabs ai21labs sarvamai aisingapore ai-sage openpangu"
    )
    for org in listed.split():
        assert TABLE.find(org) is not None, org
    assert len(TABLE.publishers) >= 85
    assert sum(len(row.names) for row in TABLE.publishers) >= 115


def test_most_developers_rest_on_a_source() -> None:
    developers = [row for row in TABLE.publishers if row.kind.is_developer]
    sourced = [row for row in developers if row.confidence is not Knowledge.RECALLED]
    assert len(sourced) / len(developers) >= 0.6


def test_the_page_on_publishers_counts_what_is_in_the_tables() -> None:
    page = Path("docs/publishers.md").read_text(encoding="utf-8")
    names = sum(len(row.names) for row in TABLE.publishers)
    assert f"{len(TABLE.publishers)} rows with {names} names" in page
    makers = [row for row in TABLE.publishers if row.kind.is_developer]
    for grade in Knowledge:
        count = sum(row.confidence is grade for row in makers)
        assert re.search(rf"^\| {grade.value} \|.*\| {count} \|$", page, re.MULTILINE), grade
    recalled = [row.org for row in makers if row.confidence is Knowledge.RECALLED]
    assert f"Recalled are: {', '.join(f'`{org}`' for org in recalled)}, and" in page
    licences = licence_table().licences
    assert f"{sum(row.law is not None for row in licences)} of {len(licences)} licences" in page
    assert f"model_families.csv`, {len(family_table().families)} rows)" in page


def test_repackagers_are_no_developers() -> None:
    for name in ("TheBloke", "bartowski", "mlx-community", "unsloth", "nm-testing"):
        row = TABLE.find(name)
        assert row is not None
        assert row.kind is PublisherKind.REUPLOADER


def test_where_a_person_lives_is_not_in_the_table() -> None:
    persons = [row for row in TABLE.publishers if row.entity == "a person's account"]
    assert persons
    assert all(row.seat == row.parent == row.source == "" for row in persons)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: weighbridge.publishers/1", "schema: x", "schema"),
        ("org,aliases", "organisation,aliases", "columns"),
        ("\ngoogle,,", "\nQWEN,,", "'qwen' stands in two rows"),
        (",CN,Alibaba Group", ",China,Alibaba Group", "row 'Qwen'"),
        ("apple,,developer,Apple Inc.,US", "apple,,developer,Apple Inc.,", "row 'apple': seat is ''"),
        ("apple,,developer,", "apple,,maker,", "maker"),
        ("2026-11-26,recalled", "soon,recalled", "Invalid isoformat"),
        ("2026-11-26,recalled", "2026-11-26,sure", "sure"),
        (",,2026-11-26,recalled", ",,2026-11-26,secondary", "with 0 sources"),
        ("https://scancode", "http://scancode", "begin with https://"),
    ],
)
def test_broken_table_is_refused_with_the_row(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(PublisherDataError, match="publishers.csv") as caught:
        parse_publishers(TEXT.replace(old, new, 1))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("huggingface.co", "huggingface.co"),
        ("CDN-LFS.HuggingFace.co.", "huggingface.co"),
        ("evilhuggingface.co", None),
        ("huggingface.co.evil.example", None),
        ("co", None),
        ("", None),
    ],
)
def test_hosts_are_found_by_their_own_name_or_one_below(host: str, found: str | None) -> None:
    row = host_table().find(host)
    assert (row.name if row else None) == found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weighbridge.hosts/1", "weighbridge.hosts/2", "hosts.csv"),
        ("ghcr.io,", ",", "row ''"),
        (",US,,2026-11-26,recalled", ",USA,,2026-11-26,recalled", "USA"),
    ],
)
def test_broken_table_of_hosts_is_refused(old: str, new: str, said: str) -> None:
    text = (DATA / "hosts.csv").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(PublisherDataError, match="hosts.csv") as caught:
        parse_hosts(text.replace(old, new, 1))
    assert said in str(caught.value)
