"""The made corpus of licence texts: large, the same every time, and no tampered text passes as permissive."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from benchmarks.licence_rivals import judge
from scanner.licensing.reading import LicenceReading
from scanner.licensing.table import licence_table
from scripts.make_licence_corpus import CorpusText, main, make_corpus

CORPUS = make_corpus()
CLAUSES = Path("benchmarks/licence_corpus/clauses.yaml")


@cache
def readings() -> dict[str, LicenceReading]:
    return {each.name: licence_table().read(each.text) for each in CORPUS}


def test_corpus_is_large_and_every_name_stands_once() -> None:
    assert len(CORPUS) >= 300
    assert max(Counter(each.name for each in CORPUS).values()) == 1
    assert sum(not each.is_permissive for each in CORPUS) >= 200
    assert sum(each.part == "held out" for each in CORPUS) >= 70
    assert make_corpus() == CORPUS


def test_halves_share_no_clause_and_hold_both_languages() -> None:
    clauses = yaml.safe_load(CLAUSES.read_text(encoding="utf-8"))
    halves = [{row["text"] for row in clauses[part]} for part in ("development", "held_out")]
    assert halves[0].isdisjoint(halves[1])
    for half in halves:
        assert len(half) >= 20
        assert sum(not text.isascii() for text in half) >= 5
    kinds = [{row["kind"] for row in clauses[part]} for part in ("development", "held_out")]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize(
    "each", [text for text in CORPUS if not text.is_permissive], ids=lambda each: each.name
)
def test_no_tampered_text_is_plainly_permissive(each: CorpusText) -> None:
    assert not readings()[each.name].is_plainly_permissive


def test_added_clauses_are_quoted_with_their_line() -> None:
    for each in CORPUS:
        if each.part:
            read = readings()[each.name]
            said = [item.sentence for item in read.additions] + list(read.unexplained)
            assert said, each.name
            lines = each.text.splitlines()
            assert all(sentence.text.split()[0] in lines[sentence.line - 1] for sentence in said), each.name


def test_licences_are_named_right() -> None:
    named = [each for each in CORPUS if each.licence]
    right = 0
    for each in named:
        rows = readings()[each.name].licences
        ids = [row.base or row.id for row in rows]
        wanted = each.licence.split()
        right += bool(ids) and ids[0] in wanted and set(wanted) <= set(ids)
    assert right >= 0.98 * len(named)


def test_hardly_a_circulating_copy_needs_a_person() -> None:
    copies = [each for each in CORPUS if each.is_permissive]
    needless = [each.name for each in copies if not readings()[each.name].is_plainly_permissive]
    assert len(needless) <= 0.03 * len(copies), needless


def test_script_writes_texts_and_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path, None)
    labels = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert f"{len(CORPUS)} texts" in capsys.readouterr().out
    assert [row["name"] for row in labels] == [each.name for each in CORPUS]
    assert all((tmp_path / row["name"]).is_file() and "text" not in row for row in labels)


def test_rivals_that_are_not_installed_give_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"a": "text"})))
    judge.main("pyaskalono")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"a": [[], False]}
    assert "pyaskalono, a:" in said.err
