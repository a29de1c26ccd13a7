"""From arguments to files: one command weighs a real (small) model, and tells its variants apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.e2e import variants
from tests.reports.figures import assert_controls_traced, assert_figures_traced

Report = dict[str, Any]


def scan(model: Path | str, data: Path, out: Path, *more: str) -> tuple[int, Report]:
    """Exit code and report.json of one scan."""
    code = run(["scan", str(model), "--data-dir", str(data), "--output", str(out), "-q", *more])
    return code, json.loads((out / "report.json").read_bytes())


def static(model: Path, folder: Path, *more: str) -> tuple[int, Report]:
    """The same without questioning the model."""
    return scan(model, folder / "data", folder / "out", "--static-only", "--report", "json", *more)


def findings(report: Report, check_id: str, outcome: str) -> list[dict[str, Any]]:
    """The findings of one check with one outcome."""
    return [each for each in report["findings"] if (each["check_id"], each["outcome"]) == (check_id, outcome)]


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Report, Path]:
    """A whole quick scan of a model with random weights: code, report, folder."""
    folder = tmp_path_factory.mktemp("whole")
    model = variants.copy_with_sums(tiny_model, folder / "tiny-chat")
    code, report = scan(model, folder / "data", folder / "out")
    return code, report, folder


def test_random_weights_are_incomplete_by_the_coherence_control(whole: tuple[int, Report, Path]) -> None:
    code, report, _ = whole
    assert code == 3
    assert report["assessment"]["verdict"]["value"] == "incomplete"
    assert findings(report, "model-incoherent", "fail")
    assert any("coheren" in reason["text"] for reason in report["assessment"]["verdict"]["reasons"])


def test_incapable_model_gets_no_good_mark_from_any_probe(whole: tuple[int, Report, Path]) -> None:
    _, report, _ = whole
    for check_id in ("alignment-deflection", "garak-attack-succeeds", "personal-data-in-replies"):
        assert not findings(report, check_id, "pass"), check_id
        assert findings(report, check_id, "not_run"), check_id


def test_every_report_file_is_written(whole: tuple[int, Report, Path]) -> None:
    out = whole[2] / "out"
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-1.7")
    assert "<html" in (out / "report.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "report.pdf"]


def test_every_figure_of_the_pdf_is_in_the_json_and_every_digest_leads_to_its_bytes(
    whole: tuple[int, Report, Path],
) -> None:
    _, report, folder = whole
    assert assert_figures_traced((folder / "out" / "report.pdf").read_bytes(), report) > 0
    assert assert_controls_traced(report, folder / "data" / "evidence") > 0


def test_report_is_written_again_from_the_store(whole: tuple[int, Report, Path], tmp_path: Path) -> None:
    _, report, folder = whole
    words = ["report", report["scan"]["id"], "--data-dir", str(folder / "data"), "--report", "json", "-q"]
    assert run([*words, "--output", str(tmp_path)]) == 0
    again = json.loads((tmp_path / "report.json").read_bytes())
    assert {**again, "generated_at": ""} == {**report, "generated_at": ""}


def test_history_and_show_know_the_scan(
    whole: tuple[int, Report, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, report, folder = whole
    data = ["--data-dir", str(folder / "data"), "--format", "json"]
    assert run(["history", *data]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == [report["scan"]["id"]]
    assert run(["show", report["scan"]["id"][:15], *data]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verdict"] == "incomplete"
    assert shown["exit_code"] == 3


def test_terminal_summary_fits_80_columns(
    whole: tuple[int, Report, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, report, folder = whole
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["show", report["scan"]["id"], "--data-dir", str(folder / "data")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "not run" in lines[-1]


def test_flipped_byte_fails_integrity(tiny_model: Path, tmp_path: Path) -> None:
    code, report = static(variants.with_flipped_byte(tiny_model, tmp_path / "model"), tmp_path)
    failed = findings(report, "integrity-mismatch", "fail")
    assert [each["locations"][0]["path"] for each in failed] == ["model.safetensors"]
    assert code == 1


def test_attack_pickle_blocks(tiny_model: Path, tmp_path: Path) -> None:
    code, report = static(variants.with_attack_pickle(tiny_model, tmp_path / "model"), tmp_path)
    failed = findings(report, "pickle-runs-code", "fail")
    assert failed[0]["severity"] == "critical"
    assert failed[0]["locations"][0]["path"] == "training_state.bin"
    assert (code, report["assessment"]["verdict"]["value"]) == (1, "block")


def test_remote_code_names_file_line_and_call(tiny_model: Path, tmp_path: Path) -> None:
    _, report = static(variants.with_remote_code(tiny_model, tmp_path / "model"), tmp_path)
    failed = findings(report, "remote-code", "fail")
    named = [each for each in failed if "subprocess.run" in each["message"]]
    assert {each["locations"][0]["path"] for each in named} == {"config.json", "modeling_custom.py"}
    called = [each for each in named if each["locations"][0]["path"] != "config.json"]
    line = variants.script.REMOTE_MODULE.splitlines().index(
        'subprocess.run(["echo", "remote code ran"], check=False)'
    )
    assert called[0]["locations"][0]["path"] == "modeling_custom.py"
    assert called[0]["locations"][0]["line"] == line + 1


@pytest.fixture(scope="module")
def untouched(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Report]:
    """The static scan of a model as it was made."""
    folder = tmp_path_factory.mktemp("untouched")
    return static(variants.copy_with_sums(tiny_model, folder / "model"), folder)


def test_untouched_model_passes_what_its_variants_fail(untouched: tuple[int, Report]) -> None:
    code, report = untouched
    assert not findings(report, "integrity-mismatch", "fail")
    assert not findings(report, "remote-code", "fail")
    assert not findings(report, "pickle-runs-code", "fail")
    assert code == 3  # not questioned: nothing is known of its behaviour


def test_static_only_says_not_run_for_every_probe(untouched: tuple[int, Report]) -> None:
    _, report = untouched
    for check_id in ("model-incoherent", "alignment-deflection", "garak-attack-succeeds"):
        assert "--static-only" in findings(report, check_id, "not_run")[0]["reason"]


def test_model_without_chat_template_is_scanned_and_said(
    tiny_model_without_template: Path, tmp_path: Path
) -> None:
    code, report = scan(
        tiny_model_without_template, tmp_path / "data", tmp_path / "out", "--report", "json",
        "--check", "model-incoherent",
    )  # fmt: skip
    assert code == 3
    assert "no chat template" in report["scan"]["engine"]["prompt_format"]


def test_json_summary_is_all_that_stdout_gets(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scan", str(tiny_model), "--data-dir", str(tmp_path), "--static-only", "--report", "none"]
    code = run([*words, "--check", "integrity-mismatch", "--format", "json"])
    summary = json.loads(capsys.readouterr().out)
    assert summary["exit_code"] == code
