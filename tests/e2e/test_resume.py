"""A scan that is killed is taken up by the same command, and asks the model no question twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.e2e import variants


def command(model: Path, data: Path, out: Path) -> list[str]:
    """The same scan each time, one question a batch so that there is time to kill it."""
    return [
        sys.executable, "-m", "cli", "scan", str(model), "--data-dir", str(data), "--output", str(out),
        "--check", "model-incoherent", "--check", "training-compute", "--batch-size", "1",
        "--report", "json", "--format", "json",
    ]  # fmt: skip


def replies(journal: Path) -> Counter[str]:
    """How often each question's reply stands in the journal."""
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    decoded = (json.loads(line) for line in lines)
    return Counter(line["key"] for line in decoded if line["kind"] == "reply")


def open_journal(data: Path) -> Path:
    """The journal of the one unfinished scan."""
    return next(iter((data / "scans" / "open").glob("*/journal.jsonl")), data / "none")


def kill_after(words: list[str], data: Path, least_replies: int, how: int) -> int:
    """Starts the scan, kills it once that many replies are journalled, returns its exit code."""
    started = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while sum(replies(open_journal(data)).values()) < least_replies:
        assert started.poll() is None, "the scan ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(started.pid, how)
    return started.wait(timeout=60)


def test_killed_scan_asks_no_question_twice(tiny_model: Path, tmp_path: Path) -> None:
    model, data = variants.copy_with_sums(tiny_model, tmp_path / "model"), tmp_path / "data"
    words = command(model, data, tmp_path / "out")
    assert kill_after(words, data, 3, signal.SIGKILL) == -signal.SIGKILL
    before = replies(open_journal(data))

    done = subprocess.run(words, capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout)
    after = replies(data / "scans" / summary["scan"] / "journal.jsonl")

    assert done.returncode == 3
    assert set(before) < set(after)
    assert set(after.values()) == {1}
    assert summary["questions"] == {"asked": len(after) - len(before), "recalled": len(before)}


def test_resumed_scan_says_what_an_undisturbed_one_says(tiny_model: Path, tmp_path: Path) -> None:
    model = variants.copy_with_sums(tiny_model, tmp_path / "model")
    disturbed = command(model, tmp_path / "a", tmp_path / "out-a")
    kill_after(disturbed, tmp_path / "a", 5, signal.SIGKILL)
    said = []
    for words, out in ((disturbed, "out-a"), (command(model, tmp_path / "b", tmp_path / "out-b"), "out-b")):
        subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
        report = json.loads((tmp_path / out / "report.json").read_bytes())
        said.append((report["findings"], report["measurements"], report["assessment"]["verdict"]))
    assert said[0] == said[1]


def test_interrupt_ends_with_130_and_is_taken_up(tiny_model: Path, tmp_path: Path) -> None:
    model, data = variants.copy_with_sums(tiny_model, tmp_path / "model"), tmp_path / "data"
    words = command(model, data, tmp_path / "out")
    assert kill_after(words, data, 3, signal.SIGINT) == 130
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["questions"]["recalled"] >= 3
    assert "Traceback" not in done.stderr
