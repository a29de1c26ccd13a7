"""`weighbridge compare` takes two stored scans, says what changed and ends with its documented code."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from cli.main import run
from scanner.findings import Finding, Outcome, Severity
from scanner.records import encode
from scanner.transcripts import SPANS_MEDIA_TYPE, PersonalDataSpans, Span
from tests.e2e.stored import DEFLECTION, FILES, Shelf, failed, open_minded, silent_on_half


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("COLUMNS", "80")
    made = Shelf(tmp_path)
    made.keep("base")
    return made


def compare(shelf: Shelf, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(["compare", "base", "candidate", "--data-dir", str(shelf.root / "data"), *words])
    return code, capsys.readouterr().out


def test_new_silence_is_shown_side_by_side(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", silent_on_half)
    code, text = compare(shelf, capsys, "--flips", "2")
    assert code == 4
    assert "100.0 %" in text
    assert "50.0 %" in text
    assert "18 more flipped" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "reply: refused" in text
    assert "1 of 4 figures worse" in " ".join(text.split())


def test_same_model_ends_with_zero_and_names_the_limit(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.keep("candidate")
    code, text = compare(shelf, capsys)
    assert code == 0
    assert " ".join(text.split()).count("detectable") == 4


def test_too_few_questions_are_no_all_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep("base", items=4)
    shelf.keep("candidate", items=4)
    code, text = compare(shelf, capsys)
    assert code == 3
    assert "too few" in " ".join(text.split())


def test_json_holds_every_flip_figure_and_file(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", silent_on_half, files={**FILES, "modeling.py": "import os\n"})
    code, text = compare(shelf, capsys, "--format", "json")
    said = json.loads(text)
    assert (code, said["schema"]) == (4, "weighbridge.comparison/1")
    assert len(said["flips"]) == 20
    assert {flip["is_worse"] for flip in said["flips"]} == {True}
    assert [(each["verb"], each["path"], each["part"]) for each in said["files"]] == [
        ("added", "modeling.py", "code")
    ]
    found = [each for each in said["measurements"] if each["is_found"]]
    assert [(each["name"], each["dimensions"]["side"]) for each in found] == [
        ("deflection.engagement_rate", "sensitive")
    ]
    assert found[0]["test"]["up"] == 0
    assert found[0]["test"]["down"] == 20


def test_changed_template_is_shown_as_a_diff(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", files={**FILES, "chat_template.jinja": "{{ 'be silent' }}\n"})
    code, text = compare(shelf, capsys)
    assert code == 4
    assert "+{{ 'be silent' }}" in text


def test_model_that_is_gone_is_unknown_and_never_the_same(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.keep("candidate", files={**FILES, "tokenizer_config.json": '{"chat_template": "x"}'})
    shutil.rmtree(shelf.root / "models")
    said = json.loads(compare(shelf, capsys, "--format", "json")[1])
    states = {each["part"]: each["state"] for each in said["parts"]}
    assert (states["template"], states["weights"], states["tokenizer"]) == ("unknown", "same", "changed")


def test_markdown_shows_hostile_text_as_it_is(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep(
        "candidate",
        files={**FILES, "chat_template.jinja": "```\n<script>alert(1)</script>\n````\n"},
        findings=(failed("remote-code", Severity.HIGH, "see [this](https://evil.example) @all #1"),),
    )
    code, text = compare(shelf, capsys, "--format", "markdown")
    assert code == 4
    assert "see &#91;this&#93;(https&#58;//evil.example) &#64;all &#35;1" in text
    assert "`````diff\n" in text  # a fence longer than any in the diff


def test_scan_without_the_check_tells_what_is_no_longer_judged(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.keep("candidate", left_out=(DEFLECTION,))
    code, text = compare(shelf, capsys)
    assert code == 4
    assert "No longer judged" in text
    assert "it was not part of the scan" in text


def test_evidence_that_was_changed_is_a_note_and_leaves_the_figures(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = shelf.keep("candidate", silent_on_half)
    ref = next(scan.measurements).evidence[0]
    shelf.workplace.evidence.path(ref.sha256).write_bytes(b"something else")
    said = json.loads(compare(shelf, capsys, "--format", "json")[1])
    assert "was changed after it was recorded" in " ".join(said["notes"])
    tested = [each["test"]["is_paired"] for each in said["measurements"] if each["test"]]
    assert tested == [False, False]


def test_behaviour_is_the_same_in_both_directions(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", open_minded)
    assert json.loads(compare(shelf, capsys, "--format", "json")[1])["flips"] == []


def spans_finding(shelf: Shelf) -> Finding:
    """What the privacy check leaves: the places of personal data in every reply that it examined."""
    digests = [hashlib.sha256(f"reply: {said}".encode()).hexdigest() for said in ("answered", "refused")]
    spans = PersonalDataSpans({digest: (Span(0, 5, "EMAIL_ADDRESS"),) for digest in digests})
    ref = shelf.workplace.evidence.put(encode(spans), SPANS_MEDIA_TYPE, "places of personal data")
    check_id = "personal-data-in-replies"
    return Finding(check_id, Outcome.FAIL, Severity.LOW, "found some", evidence=(ref,))


@pytest.mark.parametrize("output", ["text", "json", "markdown"])
def test_personal_data_is_masked_in_every_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep("base", findings=(spans_finding(shelf),))
    shelf.keep("candidate", silent_on_half, findings=(spans_finding(shelf),))
    _, text = compare(shelf, capsys, "--format", output)
    assert "address masked" in " ".join(text.split())
    assert "reply: refused" not in text


def test_comment_quotes_no_reply_that_was_not_examined(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.keep("candidate", silent_on_half)
    _, text = compare(shelf, capsys, "--format", "markdown")
    assert "not examined for personal data, not quoted" in text
    assert "refused" not in text


def test_scan_is_not_held_against_itself(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data-dir", str(shelf.root / "data")]
    assert run(["compare", "base", "base", *data]) == 2
    assert run(["gate", "base", "--base", "base", *data]) == 2
    assert "was named as base and as candidate" in capsys.readouterr().err
