"""Work that stops to ask, and goes on once it is told: a probe keeps its place while the model is asked.

>>> def work(ask):
...     return ask("one?") + ask("two?")
>>> talk = Handover(work)
>>> talk.go_on()
Asked(question='one?')
>>> talk.go_on(1)
Asked(question='two?')
>>> talk.go_on(2)
Done(result=3)
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Asked(Generic[Q]):
    """The work waits for an answer."""

    question: Q


@dataclass(frozen=True)
class Done(Generic[R]):
    """The work is over."""

    result: R


class Handover(Generic[Q, A, R]):
    """Work in a thread of its own, of which only one side runs at any time.

    garak's probes call the model from deep within; a thread is the only way to let them wait there.
    Work that is never continued ends with the process.

    Args:
        work: Gets the function with which it asks; what it returns is the result.
    """

    def __init__(self, work: Callable[[Callable[[Q], A]], R]) -> None:
        self._work = work
        self._said: queue.SimpleQueue[Asked[Q] | Done[R] | BaseException] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[A] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def go_on(self, answer: A | None = None) -> Asked[Q] | Done[R]:
        """Lets the work run up to its next question, or its end.

        Args:
            answer: To the question that it asked last; None to begin.

        Raises:
            BaseException: whatever the work raised.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        else:
            assert answer is not None
            self._answers.put(answer)
        said = self._said.get()
        if isinstance(said, BaseException):
            raise said
        return said

    def _run(self) -> None:
        try:
            self._said.put(Done(self._work(self._ask)))
        except BaseException as error:  # noqa: BLE001 - raised again on the other side
            self._said.put(error)

    def _ask(self, question: Q) -> A:
        self._said.put(Asked(question))
        return self._answers.get()
