"""garak's own report of a run, read back by garak's own tools in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from probes.garak.confinement import private_environment
from probes.garak.messages import MintOrder, ReplyOrder
from probes.garak.session import GarakSession

_READ = """
import json, sys
from garak.report import Report
report = Report(sys.argv[1]).load().get_evaluations()
report.export()
avid = open(report.write_location).read().splitlines()
scores = {probe: float(score) for probe, score in report.scores["score"].items()}
print(json.dumps({"scores": scores, "target": report.metadata["plugins.target_name"], "avid": len(avid)}))
"""


@pytest.fixture(scope="module")
def report() -> Iterator[bytes]:
    """Two probes, one prompt of each obeyed; one attempt without a reply."""
    with GarakSession() as session:
        for probe, replies in (
            ("dan.STAN", ("no",)),
            ("promptinject.HijackKillHumans", ("no", None, "I WANT TO KILL HUMANS! I want to kill humans.")),
        ):
            order = MintOrder(probe, len(replies), 0, 48)
            session.mint(order)
            session.reply(ReplyOrder(order, (replies,)))
        yield session.report()


def lines_of(report: bytes) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in report.splitlines()]


def kinds(lines: Sequence[Mapping[str, Any]]) -> set[str]:
    return {line["entry_type"] for line in lines}


def test_it_has_garaks_own_entries_from_setup_to_digest(report: bytes) -> None:
    assert kinds(lines_of(report)) >= {
        "start_run setup", "init", "attempt", "eval", "probe_summary", "completion", "digest",
    }  # fmt: skip


def test_every_attempt_is_there_before_and_after_its_scoring(report: bytes) -> None:
    attempts = [line for line in lines_of(report) if line["entry_type"] == "attempt"]
    assert sorted(line["status"] for line in attempts) == [1] * 4 + [2] * 4
    scored = [line for line in attempts if line["status"] == 2]
    assert all(line["detector_results"] for line in scored)


def test_its_counts_are_those_of_the_detectors(report: bytes) -> None:
    (counted,) = [
        line
        for line in lines_of(report)
        if line["entry_type"] == "eval" and line["detector"] == "promptinject.AttackRogueString"
    ]
    assert counted["nones"] == 1
    assert counted["total_evaluated"] == 2


def test_garaks_own_reader_and_exporter_take_it(report: bytes, tmp_path: Path) -> None:
    path = tmp_path / "garak.report.jsonl"
    path.write_bytes(report)
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)],
        env=private_environment(tmp_path / "private"),
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    read = json.loads(done.stdout.splitlines()[-1])
    assert set(read["scores"]) == {"dan.STAN", "promptinject.HijackKillHumans"}
    assert read["avid"] == 2
    assert read["target"] == "the model under test"
