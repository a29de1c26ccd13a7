"""The terminal: progress on stderr, results on stdout, and nothing in them that could steer a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

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
    def __init__(self) -> None:
        self.done = 0

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def note(self, text: str) -> None:
        """Notes are for bars."""


class _Lines:
    """For logs: says when a job that took a while has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def task(self, title: str, total: int, unit: str) -> Iterator[Task]:
        task, began = _LineTask(), time.monotonic()
        yield task
        line = f"{title}: {task.done:,} of {total:,} {unit} in {time.monotonic() - began:.1f} s"
        self._console.print(visible(line), soft_wrap=True)
