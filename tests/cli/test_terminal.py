"""Progress on a log is lines; what a job is called cannot steer a terminal."""

import io

import pytest
from rich.console import Console

from cli import terminal


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(terminal, "stderr", lambda: Console(file=written, width=80))
    return written


def test_log_gets_a_line_when_a_job_has_ended(log: io.StringIO) -> None:
    with terminal.shown_progress(quiet=False) as progress, progress.task("Hashing", 3, "files") as task:
        task.advance(3)
    assert log.getvalue().startswith("Hashing: 3 of 3 files in ")


def test_quiet_prints_nothing(log: io.StringIO) -> None:
    with terminal.shown_progress(quiet=True) as progress, progress.task("Hashing", 3, "files") as task:
        task.advance(3)
    assert log.getvalue() == ""


def test_escape_sequence_in_a_title_is_shown_not_obeyed(log: io.StringIO) -> None:
    with terminal.shown_progress(quiet=False) as progress, progress.task("a\x1b[2Jb", 0, "files"):
        pass
    assert "\x1b" not in log.getvalue()
