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


def test_log_of_a_long_job_says_how_far_it_is_and_how_long_it_may_take(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 0.0, 30.0, 90.0, 100.0, 400.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(times))
    with terminal.shown_progress(quiet=False) as progress, progress.task("garak", 40, "questions") as task:
        for amount in (5, 5, 10):
            task.advance(amount)
    assert log.getvalue().splitlines()[0] == "garak: 10 of 40 questions, about 4 min left"
    assert len(log.getvalue().splitlines()) == 2


def test_quiet_prints_nothing(log: io.StringIO) -> None:
    with terminal.shown_progress(quiet=True) as progress, progress.task("Hashing", 3, "files") as task:
        task.advance(3)
    assert log.getvalue() == ""


def test_escape_sequence_in_a_title_is_shown_not_obeyed(log: io.StringIO) -> None:
    with terminal.shown_progress(quiet=False) as progress, progress.task("a\x1b[2Jb", 0, "files"):
        pass
    assert "\x1b" not in log.getvalue()


def test_brackets_and_colons_in_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.stdout().print("model[/red] [bold]x :smile:")
    assert capsys.readouterr().out == "model[/red] [bold]x :smile:\n"


def test_bars_take_brackets_in_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    console = Console(file=written, width=80, force_terminal=True)
    monkeypatch.setattr(terminal, "stderr", lambda: console)
    with terminal.shown_progress(quiet=False) as progress, progress.task("m[/red]", 3, "files"):
        pass
    assert "m[/red]" in written.getvalue()


def test_reader_that_went_away_does_not_end_the_program_with_the_code_of_block() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console = terminal.stdout()
    console.file = Gone()
    with pytest.raises(BrokenPipeError):
        console.print("text")
