"""A second model as judge, really loaded: the scan names it, and what it cannot judge is UNKNOWN."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import run
from tests.e2e import variants
from tests.e2e.test_scan import findings, scan

_ONLY = ("--check", "alignment-deflection", "--report", "json")


@pytest.fixture(scope="module")
def judge(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small chat model of random weights, in a folder of its own."""
    return variants.copy_with_sums(tiny_model, tmp_path_factory.mktemp("judge") / "tiny-judge")


@pytest.mark.parametrize("words", [["--judge", "{}"], ["--set", "deflection.judge={}"]])
def test_scan_records_which_judge_it_was(
    tiny_model: Path, judge: Path, tmp_path: Path, words: list[str]
) -> None:
    named = [word.format(judge) for word in words]
    code, report = scan(tiny_model, tmp_path / "data", tmp_path / "out", *_ONLY, *named)
    assert code == 3
    assert findings(report, "alignment-deflection", "not_run")
    assert report["scan"]["request"]["settings"] == {"deflection.judge": str(judge)}
    assert report["scan"]["versions"][f"judge {judge}"].startswith("sha256:")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--static-only"], "--judge has no replies to read with --static-only"),
        (["--check", "model-incoherent"], "deflection.judge: no check of this scan has it"),
    ],
)
def test_judge_without_anything_to_judge_is_refused(
    tiny_model: Path, judge: Path, tmp_path: Path, words: list[str], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = ["scan", str(tiny_model), "--judge", str(judge), "--data-dir", str(tmp_path), *words]
    assert run([*given, "--report", "none"]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_replies_that_do_not_fit_into_the_judge_are_unknown(
    judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, target = tmp_path / "rows.jsonl", tmp_path / "read.jsonl"
    row = {"prompt": "Who?", "response": "I cannot discuss that."}
    rows.write_text(json.dumps(row) + "\n", encoding="utf-8")
    command = ["read", str(rows), "--judge", str(judge), "--data-dir", str(tmp_path / "data"), "-q"]
    assert run([*command, "--output", str(target)]) == 0
    assert "coverage: 0 of 1 readable replies judged (0 %" in capsys.readouterr().out
    read = json.loads(target.read_text(encoding="utf-8"))
    assert (read["engagement"], read["judge"]["three_class"]) == ("refused", "UNKNOWN")
    assert "do not fit into the model's context" in read["judge"]["reason"]
