"""Hand-written fakes: checks that misbehave in every known way, and somebody who answers questions.

The checks live here, not in a test, because they are started in processes of their own, which import
them by name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from scanner.check import Check, CheckContext, Cost, MeasureSpec, Needs, Profile
from scanner.conversation import Conversation, EngineDescription, FinishReason, Reply, Sampling
from scanner.errors import CheckTimeoutError, NotAvailableError
from scanner.findings import Finding, Interval, Location, Measurement, Severity

GIB = 1024**3


class FakeCheck(Check):
    """A static check that finds nothing wrong and measures one thing."""

    id: ClassVar[str] = "fake-check"
    title: ClassVar[str] = "Something fake is wrong"
    severity: ClassVar[Severity] = Severity.LOW
    measures: ClassVar[tuple[MeasureSpec, ...]] = (MeasureSpec("fake.files", "files", "Files looked at"),)

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed(
            "nothing was wrong", locations=tuple(Location(f.path) for f in context.snapshot.files)
        )
        yield self.measured("fake.files", 1.0, n=1, interval=Interval(1.0, 1.0), method="exact")


class CrashingCheck(FakeCheck):
    """Says one thing, then raises."""

    id = "fake-crashes"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.failed("something was found before the crash")
        raise RuntimeError("tensor header of \udcff is nonsense")


class HangingCheck(FakeCheck):
    """Never comes back, and does not look at the clock either."""

    id = "fake-hangs"
    timeout_seconds = 1.5

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed(f"pid {os.getpid()}")
        while True:
            time.sleep(60)


class PoliteSlowCheck(FakeCheck):
    """Takes too long and notices."""

    id = "fake-slow"
    timeout_seconds = 0.5

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        while True:
            context.check_deadline()
            time.sleep(0.05)
            if context.deadline == float("-inf"):
                yield self.passed("never reached")


class DyingCheck(FakeCheck):
    """Takes its process down, as a fault in native code would."""

    id = "fake-dies"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed("said before the end")
        os._exit(3)


class ExitingCheck(FakeCheck):
    """Calls sys.exit, as a library meant for the command line may."""

    id = "fake-exits"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed("said before the end")
        raise SystemExit(0)


class SilentCheck(FakeCheck):
    """Says nothing at all."""

    id = "fake-silent"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield from ()


class MemoryEatingCheck(FakeCheck):
    """Asks for more memory than a hostile file may make a check take; asks only, so nothing is used up."""

    id = "fake-eats-memory"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed(f"took {len(bytearray(9 * GIB))} bytes")


class UndeclaredCheck(FakeCheck):
    """Yields a measurement it never declared."""

    id = "fake-undeclared"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed("nothing was wrong")
        yield Measurement("fake.secret", 1.0, "files", 1, Interval(1.0, 1.0), "exact")


class WronglyTypedCheck(FakeCheck):
    """Yields something that is neither a finding nor a measurement."""

    id = "fake-wrong-type"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield "all good"  # type: ignore[misc]


class UnavailableCheck(FakeCheck):
    """Cannot judge here, and says why."""

    id = "fake-unavailable"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        raise NotAvailableError("no reference table for this family", hint="install one")
        yield


class WhereCheck(FakeCheck):
    """Tells which process it runs in."""

    id = "fake-where"

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        yield self.passed(f"pid {os.getpid()}")


class FakeProbe(FakeCheck):
    """Asks the model one question per file name in its settings, and passes when it answers."""

    id = "fake-probe"
    needs = Needs.GENERATE

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        questions = [Conversation.of("one"), Conversation.of("two")]
        for reply in context.ask(questions, Sampling(), purpose=self.id):
            yield self.passed(f"answered {reply.text}")

    def cost(self, profile: Profile) -> Cost:
        return Cost(2, 128)


@dataclass
class FakeQuestioner:
    """Answers by a function of the conversation, and remembers what it was asked."""

    answer: Callable[[Conversation], str] = lambda conversation: conversation.messages[-1].content.upper()
    asked: list[tuple[str, tuple[Conversation, ...]]] = field(default_factory=list)

    @property
    def engine(self) -> EngineDescription:
        return EngineDescription("fake", "fake 1", "auto", "cpu", "float32", 8)

    def ask(
        self,
        conversations: Sequence[Conversation],
        sampling: Sampling,
        *,
        purpose: str,
        deadline: float = float("inf"),
    ) -> list[Reply]:
        if time.monotonic() > deadline:
            raise CheckTimeoutError("the time limit has passed")
        self.asked.append((purpose, tuple(conversations)))
        return [
            Reply(self.answer(conversation), FinishReason.STOP, 3, 1, key=f"k{number}")
            for number, conversation in enumerate(conversations)
        ]


@dataclass
class RecordingProgress:
    """Remembers every job it was told of, with what was done of it."""

    jobs: list[RecordingTask] = field(default_factory=list)

    @contextmanager
    def task(self, title: str, total: int, unit: str) -> Iterator[RecordingTask]:
        job = RecordingTask(title, total, unit)
        self.jobs.append(job)
        yield job


@dataclass
class RecordingTask:
    """One job: how large it was said to be, how much was done, what was noted."""

    title: str
    total: int
    unit: str
    done: int = 0
    notes: list[str] = field(default_factory=list)

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def note(self, text: str) -> None:
        self.notes.append(text)
