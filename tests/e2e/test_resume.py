"""A scan that is killed is taken up by the same command, and asks the model no question twice."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cli.main import run
from tests.e2e import variants

# The command itself, with a signal sent once so many replies are on disk: no race with a fast scan.
SIGNALLED = """
import os, sys
from cli.main import main
from scanner.journal import Journal

number, after, extend, seen = int(sys.argv[1]), int(sys.argv[2]), Journal.extend, []

def counted(journal, lines):
    extend(journal, lines)
    seen.extend(key for kind, key, _ in lines if kind == "reply")
    if len(seen) >= after:
        os.kill(os.getpid(), number)

Journal.extend = counted
main(sys.argv[3:])
"""


def scan(model: Path, data: Path, out: Path) -> list[str]:
    """The same scan each time, one question a batch so that it can be stopped in the middle."""
    return [
        "scan", str(model), "--data-dir", str(data), "--output", str(out), "--check", "model-incoherent",
        "--check", "training-compute", "--batch-size", "1", "--report", "json", "--format", "json",
    ]  # fmt: skip


def stopped(words: list[str], how: signal.Signals, after: int) -> subprocess.CompletedProcess[str]:
    """Runs the scan in a process of its own, which gets the signal after so many replies."""
    command = [sys.executable, "-c", SIGNALLED, str(int(how)), str(after), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def replies(journal: Path) -> Counter[str]:
    """How often each question's reply stands in the journal."""
    decoded = (json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1])
    return Counter(line["key"] for line in decoded if line["kind"] == "reply")


def open_journal(data: Path) -> Path:
    """The journal of the one unfinished scan."""
    (journal,) = (data / "scans" / "open").glob("*/journal.jsonl")
    return journal


@pytest.fixture(scope="module")
def killed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model and the data folder of its scan, killed by SIGKILL after five replies."""
    folder = tmp_path_factory.mktemp("killed")
    model, data = variants.copy_with_sums(tiny_model, folder / "model"), folder / "data"
    assert stopped(scan(model, data, folder / "out"), signal.SIGKILL, 5).returncode == -signal.SIGKILL
    return model, data


def test_killed_scan_asks_no_question_twice(
    killed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = killed[0], shutil.copytree(killed[1], tmp_path / "data")
    before = replies(open_journal(data))
    assert len(before) == 5

    code = run(scan(model, data, tmp_path / "out"))
    summary = json.loads(capsys.readouterr().out)
    after = replies(data / "scans" / summary["scan"] / "journal.jsonl")

    assert code == 3
    assert set(before) < set(after)
    assert set(after.values()) == {1}
    assert summary["questions"] == {"asked": len(after) - len(before), "recalled": len(before)}


def test_resumed_scan_says_what_an_undisturbed_one_says(killed: tuple[Path, Path], tmp_path: Path) -> None:
    disturbed = shutil.copytree(killed[1], tmp_path / "a")
    said = []
    for data, out in ((disturbed, tmp_path / "out-a"), (tmp_path / "b", tmp_path / "out-b")):
        assert run(scan(killed[0], data, out)) == 3
        report = json.loads((out / "report.json").read_bytes())
        said.append((report["findings"], report["measurements"], report["assessment"]["verdict"]))
    assert said[0] == said[1]


def test_interrupt_ends_with_130_and_is_taken_up(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = variants.copy_with_sums(tiny_model, tmp_path / "model"), tmp_path / "data"
    words = scan(model, data, tmp_path / "out")
    ended = stopped(words, signal.SIGINT, 3)
    assert ended.returncode == 130
    assert ended.stdout == ""
    assert "interrupted" in ended.stderr
    assert "Traceback" not in ended.stderr
    run(words)
    assert json.loads(capsys.readouterr().out)["questions"]["recalled"] == 3


GARAKS_OWN_WORDS = ("what garak printed and logged", "garak report.jsonl")


def demo_scan(data: Path, out: Path) -> list[str]:
    """A scan of the demo with a probe that asks several families, in small batches."""
    return [
        "scan", "demo", "--data-dir", str(data), "--output", str(out), "--check", "model-incoherent",
        "--check", "garak-attack-succeeds", "--set", "garak.probes=promptinject,encoding.InjectBase64",
        "--set", "garak.prompts=8", "--batch-size", "4", "--report", "json", "--format", "json",
    ]  # fmt: skip


def said_by(out: Path) -> str:
    """sha256 of all that a report says about the model and of every transcript.

    Scan ids and times differ from run to run, and with them garak's own log and report.
    """
    report = json.loads((out / "report.json").read_bytes())
    lasting = [report["findings"], report["measurements"], report["assessment"]["verdict"]]
    for said in (*report["findings"], *report["measurements"]):
        said["evidence"] = [ref for ref in said["evidence"] if ref["title"] not in GARAKS_OWN_WORDS]
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_scan_killed_at_ten_random_points_ends_as_an_undisturbed_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole"
    run(demo_scan(whole, tmp_path / "whole-out"))
    count = json.loads(capsys.readouterr().out)["questions"]["asked"]
    data, out, known = tmp_path / "killed", tmp_path / "killed-out", 0
    for point in sorted(random.Random(0).sample(range(1, count), 10)):
        ended = stopped(demo_scan(data, out), signal.SIGKILL, max(1, point - known))
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        known = len(replies(open_journal(data)))
    run(demo_scan(data, out))
    summary = json.loads(capsys.readouterr().out)
    after = replies(data / "scans" / summary["scan"] / "journal.jsonl")
    assert set(after.values()) == {1}, "a question was asked twice"
    assert len(after) == count
    assert said_by(out) == said_by(tmp_path / "whole-out")
