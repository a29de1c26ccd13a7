"""What goes wrong after the work is done loses nothing, and never looks like a verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import run
from db.store import Store
from scanner.journal import Journal
from tests.e2e import variants

ONLY = ("--static-only", "--check", "integrity-mismatch", "--check", "pickle-runs-code")


def words(model: Path, data: Path, *more: str) -> list[str]:
    """A scan of a second."""
    return ["scan", str(model), "--data-dir", str(data), *ONLY, *more]


def stored(data: Path) -> list[str]:
    """The ids of the stored scans, newest first."""
    with Store.open(f"sqlite:///{data / 'weighbridge.db'}") as store:
        return [line.id for line in store.history(limit=9)]


def test_report_that_cannot_be_written_names_the_stored_scan(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    (out / "report.json" / "in the way").mkdir(parents=True)
    assert run(words(tiny_model, data, "--report", "json", "--output", str(out))) == 3
    (scan_id,) = stored(data)
    said = capsys.readouterr().err
    assert "INCOMPLETE" in said
    assert f"`weighbridge report {scan_id}`" in said
    again = [
        "report",
        scan_id,
        "--data-dir",
        str(data),
        "--report",
        "json",
        "--output",
        str(tmp_path / "new"),
    ]
    assert run(again) == 0
    assert json.loads((tmp_path / "new" / "report.json").read_bytes())["scan"]["id"] == scan_id


def test_interrupt_while_reports_are_written_names_the_stored_scan(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.rendering.write_whole", interrupted)
    out = ("--report", "json", "--output", str(tmp_path / "out"))
    assert run(words(tiny_model, tmp_path / "data", *out)) == 130
    assert f"`weighbridge report {stored(tmp_path / 'data')[0]}`" in capsys.readouterr().err


def test_output_that_cannot_be_made_is_refused_before_the_scan(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(words(tiny_model, tmp_path / "data", "--output", str(tmp_path / "file" / "out"))) == 2
    assert not (tmp_path / "data" / "scans").exists()


def test_exit_code_is_the_verdict_even_when_nobody_reads_it(tiny_model: Path, tmp_path: Path) -> None:
    model = variants.with_attack_pickle(tiny_model, tmp_path / "model")
    command = [sys.executable, "-m", "cli", *words(model, tmp_path / "data", "--report", "none", "-q")]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    started.stdout.close()
    assert started.stderr is not None
    assert started.stderr.read() == ""
    assert started.wait(60) == 1


def test_scan_killed_after_it_was_stored_is_taken_up_as_the_same_scan(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    same = words(tiny_model, tmp_path / "data", "--report", "none", "-q")
    with monkeypatch.context() as patch:
        patch.setattr("cli.workplace.Workplace.keep_journal", killed)
        assert run(same) == 130
    before = stored(tmp_path / "data")
    assert run(same) == 3
    assert stored(tmp_path / "data") == before
    assert not list((tmp_path / "data" / "scans" / "open").iterdir())


def test_scan_taken_up_on_another_day_is_another_scan_with_the_same_replies(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    same = words(tiny_model, tmp_path / "data", "--report", "none", "-q")
    with monkeypatch.context() as patch:
        patch.setattr("cli.workplace.Workplace.keep_journal", killed)
        assert run([*same, "--as-of", "2026-11-20"]) == 130
    (unfinished,) = (tmp_path / "data" / "scans" / "open").glob("*/journal.jsonl")
    with Journal(unfinished) as journal:
        journal.append("reply", "k", {"text": "kept"})
    assert run([*same, "--as-of", "2026-11-21"]) == 3
    newest, _ = stored(tmp_path / "data")
    with Journal(tmp_path / "data" / "scans" / newest / "journal.jsonl") as journal:
        assert journal.get("reply", "k") == {"text": "kept"}
    with Store.open(f"sqlite:///{tmp_path / 'data' / 'weighbridge.db'}") as store:
        assert str(store.load_scan(newest).request.as_of) == "2026-11-21"


def test_changed_file_makes_the_same_command_start_afresh(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    model = variants.copy_with_sums(tiny_model, tmp_path / "model")
    same = words(model, tmp_path / "data", "--report", "none", "-q")
    with monkeypatch.context() as patch:
        patch.setattr("cli.workplace.Workplace.keep_journal", killed)
        run(same)
    variants.script.add_remote_code(model)
    run(same)
    assert len(set(stored(tmp_path / "data"))) == 2


def test_model_path_with_brackets_is_listed_as_it_is(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = variants.copy_with_sums(tiny_model, tmp_path / "m[/red]")
    run(words(model, tmp_path / "data", "--report", "none", "-q"))
    capsys.readouterr()
    assert run(["history", "--data-dir", str(tmp_path / "data")]) == 0
    assert "[/red]" in "".join(capsys.readouterr().out.split())
