"""`weighbridge compare` takes two stored scans, says what changed and ends with its documented code."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import weighbridge
from cli.workplace import Workplace
from db.store import Store
from scanner.check import CheckRecord
from scanner.findings import Finding, Outcome, Severity
from scanner.transcripts import keep_transcript
from tests.probes.test_deflection_regression import Behaviour, open_minded, silent_on_half, transcript
from tests.reports import sample


def stored(folder: Path, name: str, behave: Behaviour, *, items: int = 40) -> str:
    """A stored scan whose deflection transcript is that of a model of a known character."""
    workplace = Workplace.at(folder)
    scan = sample.report(folder / "sample").scan
    ref = keep_transcript(workplace.evidence, "alignment-deflection", transcript(behave, items=items))
    finding = Finding("alignment-deflection", Outcome.PASS, Severity.MEDIUM, "said", evidence=(ref,))
    record = CheckRecord("alignment-deflection", (finding,), (), scan.started_at, 1.0)
    with Store.open(workplace.database_url) as store:
        store.save_scan(dataclasses.replace(scan, id=name, records=(record,)))
    return name


def run(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(
        weighbridge, ["compare", *words, "--data-dir", str(folder)], standalone_mode=False
    )
    if done.exception:
        raise done.exception
    return int(done.return_value or 0), done.output


def test_new_silence_is_shown_side_by_side(tmp_path: Path) -> None:
    stored(tmp_path, "base", open_minded)
    stored(tmp_path, "new", silent_on_half)
    code, text = run(tmp_path, "base", "new", "--flips", "2")
    assert code == 4
    assert "0/40" in text
    assert "20/40" in text
    assert "18 more flipped" in text
    assert max(map(len, text.splitlines())) <= 80


def test_same_model_ends_with_zero_and_names_the_limit(tmp_path: Path) -> None:
    stored(tmp_path, "base", open_minded)
    stored(tmp_path, "new", open_minded)
    code, text = run(tmp_path, "base", "new")
    assert code == 0
    assert "detectable" in text


def test_too_few_questions_are_no_all_clear(tmp_path: Path) -> None:
    stored(tmp_path, "base", open_minded, items=4)
    stored(tmp_path, "new", open_minded, items=4)
    code, text = run(tmp_path, "base", "new")
    assert code == 3
    assert "too few" in " ".join(text.split())


def test_json_holds_every_flip(tmp_path: Path) -> None:
    stored(tmp_path, "base", open_minded)
    stored(tmp_path, "new", silent_on_half)
    code, text = run(tmp_path, "base", "new", "--format", "json")
    found = json.loads(text)
    assert code == 4
    assert len(found["flips"]) == 20
    assert {flip["is_worse"] for flip in found["flips"]} == {True}


def test_scan_without_the_check_is_refused_with_the_way_out(tmp_path: Path) -> None:
    from probes.deflection.regression import ComparisonError

    stored(tmp_path, "base", open_minded)
    workplace = Workplace.at(tmp_path)
    with Store.open(workplace.database_url) as store:
        scan = store.load_scan("base")
        store.save_scan(dataclasses.replace(scan, id="empty", records=()))
    with pytest.raises(ComparisonError, match="holds 0 transcripts") as raised:
        run(tmp_path, "base", "empty")
    assert "--check alignment-deflection" in raised.value.hint
