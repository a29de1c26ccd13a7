"""`weighbridge redact`: values stay out, places are told, and what cannot be read is said."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from cli.main import run
from probes import personal_data

NOTE = "Patient: Ottilie Marsh\nMRN 00451239, seen on 03/14/2021.\n"
VALUES = ("Ottilie", "00451239", "03/14/2021")


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(NOTE, encoding="utf-8")
    return path


def test_text_comes_out_redacted(note: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["redact", str(note)]) == 0
    out = capsys.readouterr().out
    assert (
        out
        == "Patient: [name of a person]\nMRN [medical record number], seen on [date in a person's life].\n"
    )


def test_json_holds_places_letters_and_no_value(note: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["redact", str(note), "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert not any(value in out for value in VALUES)
    document = json.loads(out)
    assert [span["letter"] for span in document["spans"]] == ["A", "H", "C"]
    assert len(document["letters"]) == 18
    assert {letter for letter, row in document["letters"].items() if row["tested"] == "no"} == {"P", "Q"}
    assert document["letters"]["H"]["found"] == 1
    assert document["characters"] == len(NOTE)


def test_values_come_only_when_asked_for(note: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["redact", str(note), "--format", "json", "--with-values"]) == 0
    spans = json.loads(capsys.readouterr().out)["spans"]
    assert [span["value"] for span in spans] == ["Ottilie Marsh", "00451239", "03/14/2021"]


def test_digests_of_two_runs_agree_only_with_the_same_salt(
    note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def digests(*options: str) -> list[str]:
        run(["redact", str(note), "--format", "json", "--letters", "H", *options])
        return [span["digest"] for span in json.loads(capsys.readouterr().out)["spans"]]

    assert digests("--salt", "a") == digests("--salt", "a") != digests("--salt", "b")
    assert digests() != digests()


def test_letters_not_asked_for_stay_and_are_said(note: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["redact", str(note), "--format", "json", "--letters", "c, h"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["looked_for"] == ["C", "H"]
    assert document["letters"]["A"]["tested"] == "not asked for"
    assert "Ottilie Marsh" in document["text"]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(NOTE.encode())))
    assert run(["redact", "-"]) == 0
    assert not any(value in capsys.readouterr().out for value in VALUES)


def test_rows_of_json_lines_keep_their_other_fields(tmp_path: Path) -> None:
    rows = [{"id": 1, "response": NOTE}, {"id": 2, "response": "Nothing here."}]
    source, target = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert (
        run(["redact", str(source), "--field", "response", "--format", "json", "--output", str(target)]) == 0
    )
    out = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in out] == [1, 2]
    assert [span["letter"] for span in out[0]["spans"]] == ["A", "H", "C"]
    assert (out[1]["response"], out[1]["spans"]) == ("Nothing here.", [])
    assert not any(value in target.read_text(encoding="utf-8") for value in VALUES)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nowhere.txt"], 2, "nowhere.txt: No such file"),
        (["{note}", "--letters", "A,P"], 2, "biometric identifiers are not text"),
        (["{note}", "--letters", "Z"], 2, "'Z': no such letter"),
        (["{note}", "--letters", ","], 2, "no letter in it"),
        (["{note}", "--with-values"], 2, "--with-values is for --format json"),
        (["{note}", "--field", "response"], 3, "line 1: not JSON"),
        (["{note}", "--output", "/nowhere/out.txt"], 3, "/nowhere/out.txt"),
    ],
)
def test_wrong_call_is_told_in_one_line(
    note: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    assert run(["redact", *(each.format(note=note) for each in arguments)]) == code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"\x00\x01binary", 2, "not text"),
        ("Zo\u00eb".encode("latin-1"), 3, "byte 2 is not UTF-8"),
        (b"\xef\xbb\xbfMRN 00451239", 0, ""),
        (b"", 0, ""),
    ],
)
def test_what_is_not_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, code: int, told: str
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    assert run(["redact", str(path)]) == code
    assert told in capsys.readouterr().err


def test_missing_language_model_is_incomplete(
    note: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(personal_data, "SPACY_MODEL", "no_such_model")
    personal_data.open_analyser.cache_clear()
    try:
        assert run(["redact", str(note)]) == 3
    finally:
        personal_data.open_analyser.cache_clear()
    out, err = capsys.readouterr()
    assert "cannot be loaded" in err
    assert out == ""


def test_failed_run_leaves_an_older_result_as_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"response": "fine"}\nbroken\n', encoding="utf-8")
    target.write_text("older", encoding="utf-8")
    assert run(["redact", str(source), "--field", "response", "--output", str(target)]) == 3
    assert target.read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
