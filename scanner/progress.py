"""How long jobs tell where they are, without printing: `cli` listens, everyone else stays silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One running job with a known size."""

    def advance(self, amount: int = 1) -> None:
        """`amount` more units are done."""

    def note(self, text: str) -> None:
        """What is being worked on right now."""


class Progress(Protocol):
    """Something that shows jobs to a person."""

    def task(self, title: str, total: int, unit: str) -> AbstractContextManager[Task]:
        """Opens a job of `total` units ("bytes", "questions", "checks"); leaving the context ends it."""


class _SilentTask:
    def advance(self, amount: int = 1) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


class SilentProgress:
    """Shows nothing: the default everywhere below `cli`."""

    @contextmanager
    def task(self, title: str, total: int, unit: str) -> Iterator[Task]:
        """Opens a job nobody watches."""
        yield _SilentTask()
