"""The terminal: progress on stderr, results on stdout, and nothing in them that could steer a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)  # fmt: skip
from rich.progress import Progress as RichBars
from rich.progress import Task as RichTask
from rich.text import Text

from reports.glyphs import visible
from scanner.progress import Progress, SilentProgress, Task

# A log wants a sign of life, not a flood.
_SECONDS_BETWEEN_LINES: Final = 60.0


class _PlainConsole(Console):
    """Prints what it is given: paths and names hold brackets and colons that are no mark-up."""

    def on_broken_pipe(self) -> NoReturn:
        """Leaves it to `cli.main`: rich would end the program with 1, which means BLOCK here."""
        raise BrokenPipeError


def stdout() -> Console:
    """Where results go; colour only on a terminal."""
    return _PlainConsole(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=False)


def stderr() -> Console:
    """Where progress and logs go."""
    return _PlainConsole(file=sys.stderr, highlight=False, markup=False, emoji=False)


def discard(*streams: TextIO) -> None:
    """Sends streams whose reader went away nowhere; Python would complain at exit otherwise."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Progress]:
    """A Progress for this run: bars on a terminal, a line per finished job elsewhere, nothing if quiet."""
    console = stderr()
    if quiet:
        yield SilentProgress()
    elif console.is_terminal:
        bars = RichBars(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=None),
            _Amount(), TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True,
        )  # fmt: skip
        with bars:
            yield _Bars(bars)
    else:
        yield _Lines(console)


class _Amount(ProgressColumn):
    """Bytes as megabytes, everything else as "12/30"."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes, self._count = DownloadColumn(), MofNCompleteColumn()

    def render(self, task: RichTask) -> Text:
        """The amount of this job."""
        return (self._bytes if task.fields.get("unit") == "bytes" else self._count).render(task)


class _BarTask:
    def __init__(self, bars: RichBars, title: str, total: int, unit: str) -> None:
        self._bars, self._title = bars, visible(title)
        self.id = bars.add_task(self._title, total=total, unit=unit)

    def advance(self, amount: int = 1) -> None:
        self._bars.advance(self.id, amount)

    def note(self, text: str) -> None:
        self._bars.update(self.id, description=f"{self._title}: {visible(text)[:40]}")


class _Bars:
    def __init__(self, bars: RichBars) -> None:
        self._bars = bars

    @contextmanager
    def task(self, title: str, total: int, unit: str) -> Iterator[Task]:
        task = _BarTask(self._bars, title, total, unit)
        try:
            yield task
        finally:
            self._bars.remove_task(task.id)


class _LineTask:
    """Counts, and says every minute how far it is and how long it may still take."""

    def __init__(self, say: Callable[[str], None], title: str, total: int, unit: str) -> None:
        self.done = 0
        self._say, self._title, self._total, self._unit = say, title, total, unit
        self._began = self._said_at = time.monotonic()

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self._said_at >= _SECONDS_BETWEEN_LINES and 0 < self.done < self._total:
            self._said_at = now
            left = (now - self._began) * (self._total - self.done) / self.done
            self._say(
                f"{self._title}: {self.done:,} of {self._total:,} {self._unit}, "
                f"about {max(1, round(left / 60))} min left"
            )

    def note(self, text: str) -> None:
        """Notes are for bars."""


class _Lines:
    """For logs: a line when a job has ended, and every minute while it lasts."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def task(self, title: str, total: int, unit: str) -> Iterator[Task]:
        task, began = _LineTask(self._print, title, total, unit), time.monotonic()
        yield task
        line = f"{title}: {task.done:,} of {total:,} {unit} in {time.monotonic() - began:.1f} s"
        self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(visible(line), soft_wrap=True)
