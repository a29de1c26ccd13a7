"""Jurisdiction: law from the text before the tag, recorded hosts, quotes that are quotes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scanner.licensing.table import LicenceDataError, licence_table, parse_table
from scanner.licensing.texts import fingerprint
from scanner.origins.hosts import host_of
from scanner.origins.jurisdiction import Jurisdiction, jurisdiction_of
from scanner.origins.reading import read_origins
from scanner.references import ModelRef
from tests.scanner.check_runs import snapshot_of
from tests.scanner.model_folders import licence_text, write_card

TABLE = licence_table()
LAWS = [row for row in TABLE.licences if row.law is not None]


def of_folder(folder: Path) -> Jurisdiction:
    """The facts of a folder, with what its card declares."""
    reading = read_origins(snapshot_of(folder))
    return jurisdiction_of(reading.snapshot, reading.chain(), reading.licence_claims)


@pytest.mark.parametrize("row", LAWS, ids=lambda row: row.id)
def test_every_clause_on_law_has_a_place_and_words_of_the_text(row: object) -> None:
    assert row in LAWS
    licence = LAWS[LAWS.index(row)]  # type: ignore[arg-type]
    assert licence.law is not None
    assert licence.law.place
    assert licence.grade.value == "text"
    assert bool(licence.law.quote) == (licence.law.law != "none named")
    known = [TABLE.known_texts[name] for name in licence.fingerprints]
    if licence.law.quote and known:
        quoted = fingerprint(licence.law.quote).shingles
        assert any(quoted <= text.shingles for text in known), "the quote does not stand in the text"


@pytest.mark.parametrize(
    ("tag", "law"),
    [
        ("qwen", "People's Republic of China"),
        ("deepseek", "People's Republic of China"),
        ("llama3.1", "California, USA"),
        ("gemma", "California, USA"),
        ("nvidia-open-model-license", "Delaware, USA"),
        ("minimax-m2.5", "Singapore"),
        ("exaone", None),  # two editions share the tag
        ("apache-2.0", "none named"),
    ],
)
def test_law_of_a_declared_licence(tmp_path: Path, tag: str, law: str | None) -> None:
    write_card(tmp_path, license="other", license_name=tag)
    fact = of_folder(tmp_path).law
    assert (fact.value if fact.is_known else None) == law


def test_text_in_the_repository_goes_before_the_tag(tmp_path: Path) -> None:
    write_card(tmp_path, license="gemma")
    (tmp_path / "LICENSE").write_text(licence_text("msgspec"), encoding="utf-8")
    law = of_folder(tmp_path).law
    assert law.value == "none named"
    assert "text in LICENSE" in law.about


@pytest.mark.parametrize("tag", ["no-such-licence", ""])
def test_unknown_licence_has_no_law(tmp_path: Path, tag: str) -> None:
    write_card(tmp_path, license=tag or None)
    assert not of_folder(tmp_path).law.is_known


def test_licence_whose_clause_nobody_looked_up_has_no_law(tmp_path: Path) -> None:
    write_card(tmp_path, license="other", license_name="openpangu")
    law = of_folder(tmp_path).law
    assert not law.is_known
    assert "no clause" in law.about


@pytest.mark.parametrize(
    ("reference", "facts", "host"),
    [
        ("hf://a/b", {"endpoint": "https://hf-mirror.com/x"}, "hf-mirror.com"),
        ("hf://a/b", {}, ""),
        ("oci://ghcr.io/a/b:1", {}, "ghcr.io"),
        ("oci://127.0.0.1:5000/a/b", {}, "127.0.0.1"),
        ("oci://127.0.0.1:5000/a/b", {"registry": "https://quay.io"}, "quay.io"),
        ("folder.with.dots/m", {}, ""),
        ("hf://a/b", {"endpoint": "https://[broken"}, ""),
    ],
)
def test_host_is_what_the_source_recorded(
    tmp_path: Path, reference: str, facts: dict[str, str], host: str
) -> None:
    snapshot = dataclasses.replace(
        snapshot_of(tmp_path), ref=ModelRef.parse(reference), source=tuple(facts.items())
    )
    assert host_of(snapshot) == host


def test_law_without_a_place_is_refused() -> None:
    table = (
        "schema: weighbridge.licences/1\nversion: v\nretrieved: 2026-11-26\nlicence: CC0-1.0\ntriggers: []\n"
        "licences:\n- {id: x, title: X, spdx: X, commercial: allowed, foss: met, source: s, grade: text, "
        "checked: 2026-11-26, law: {law: Utopia}}\n"
    )
    with pytest.raises(LicenceDataError, match="row x"):
        parse_table(table, '{"texts": {}}')
