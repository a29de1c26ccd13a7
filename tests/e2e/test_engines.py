"""From arguments to findings on other engines than the default: recorded replies, and budgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from probes.coherence import load_questions

Report = dict[str, Any]
CHECK = ("--check", "model-incoherent", "--report", "json", "-q")


def scan(model: Path, data: Path, *more: str) -> tuple[int, Report]:
    """Exit code and report of a scan that asks the simple questions only."""
    out = data / "out"
    code = run(["scan", str(model), "--data-dir", str(data), "--output", str(out), *CHECK, *more])
    return code, json.loads((out / "report.json").read_bytes())


def outcomes(report: Report) -> list[tuple[str, str, str]]:
    return [(each["subject"], each["outcome"], each["message"]) for each in report["findings"]]


def test_a_stored_scan_is_scored_again_from_its_transcripts(tiny_model: Path, tmp_path: Path) -> None:
    _, first = scan(tiny_model, tmp_path)
    _, again = scan(tiny_model, tmp_path, "--transcript", first["scan"]["id"])
    assert again["scan"]["engine"]["backend"] == "replay"
    assert outcomes(again) == outcomes(first)
    assert [each["value"] for each in again["measurements"]] == [
        each["value"] for each in first["measurements"]
    ]


def test_answers_from_elsewhere_are_scored_without_the_model(tiny_model: Path, tmp_path: Path) -> None:
    lines = [{"prompt": each.prompt, "reply": f"It is {each.fact}."} for each in load_questions()]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("\n".join(json.dumps(line) for line in lines))
    _, report = scan(tiny_model, tmp_path, "--backend", "replay", "--transcript", str(answers))
    assert {(subject, outcome) for subject, outcome, _ in outcomes(report)} == {
        ("en", "pass"),
        ("zh", "pass"),
    }
    conditions = report["measurements"][0]["conditions"]
    assert (conditions["engine"], conditions["device"], conditions["exact"]) == (
        "replay",
        "none, recorded",
        "yes",
    )


def test_every_measurement_says_how_it_came_about(tiny_model: Path, tmp_path: Path) -> None:
    _, report = scan(tiny_model, tmp_path, "--device", "cpu", "--batch-size", "7", "--seed", "3")
    assert report["measurements"]
    for each in report["measurements"]:
        conditions = each["conditions"]
        assert (conditions["engine"], conditions["dtype"], conditions["batch_size"]) == (
            "transformers", "float32", "7",
        )  # fmt: skip
        assert (conditions["device"], conditions["device_asked"], conditions["seed"]) == ("cpu", "cpu", "3")
        assert conditions["version"].startswith("transformers ")
        assert conditions["order"] == "longest prompt first"
        assert (conditions["repeats"], conditions["exact"]) == ("1", "yes")


def test_a_spent_budget_is_not_run_and_the_verdict_incomplete(tiny_model: Path, tmp_path: Path) -> None:
    code, report = scan(tiny_model, tmp_path, "--max-tokens", "100")
    (finding,) = report["findings"]
    assert code == 3
    assert finding["outcome"] == "not_run"
    assert finding["reason"].startswith("budget: ")
    assert "of 100 reply tokens" in finding["reason"]
    assert report["scan"]["request"]["budget"]["max_tokens"] == 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--backend", "replay"], "needs --transcript"),
        (["--backend", "endpoint"], "needs --server-url"),
        (["--server-url", "http://203.0.113.7:8000/v1"], "--allow-host 203.0.113.7"),
        (["--server-url", "http://127.0.0.1:9/v1"], "cannot be reached"),
        (["--backend", "vllm", "--server-url", "http://127.0.0.1:9/v1"], "the backend is vllm"),
        (["--transcript", "no-such-thing"], "neither a file, a folder nor a stored scan"),
        (["--concurrency", "4"], "--concurrency is for --backend endpoint"),
        (["--backend", "transformers", "--transcript", "x"], "--transcript is for --backend replay"),
        (["--backend", "replai", "--transcript", "x"], "did you mean 'replay'"),
    ],
)
def test_options_that_make_no_sense_together_are_usage_errors(
    tiny_model: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["scan", str(tiny_model), "--data-dir", str(tmp_path), *CHECK, *words])
    assert code == 2
    assert said in " ".join(capsys.readouterr().err.split())
