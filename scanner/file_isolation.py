"""Checks of files run in a process of their own that may take so long, and so much memory, for each file.

The child says which file it is at. When it takes too long, too much memory or dies, the parent records that
about this file and goes on behind it with a fresh child: one hostile file keeps no other from being judged.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Final

from scanner.check import CheckContext
from scanner.errors import CheckTimeoutError, NotAvailableError
from scanner.file_check import FileCheck
from scanner.file_limits import FileLimits, file_limits
from scanner.findings import Finding, Location, Measurement
from scanner.isolation import (
    Child,
    ChildDiedError,
    IsolatedCheckError,
    Said,
    SaidKind,
    bare,
    data_bytes_now,
    limit_memory,
    said_of,
    say,
    told,
)
from scanner.manifest import FileEntry

TOO_LONG: Final = "took-too-long"
TOO_MUCH: Final = "took-too-much-memory"
DIED: Final = "process-died"
NOT_REACHED: Final = "not-reached"
# A check that watches its deadline ends by itself before its process is killed.
_GRACE_SECONDS: Final = 1.0
_Item = Finding | Measurement


def run_files_isolated(
    check: FileCheck, context: CheckContext, is_stopped: Callable[[], bool] = lambda: False
) -> Iterator[_Item]:
    """Examines every file in child processes and concludes here; yields what was found, file by file.

    Args:
        check: To run.
        context: What it may look at.
        is_stopped: Asked about twice a second: whether to kill the child and end as at the deadline.

    Raises:
        CheckTimeoutError: when it is stopped.
        ScanError: when a setting is no limit.
        IsolatedCheckError: when a child dies before it is at a file, or says what it cannot mean.
    """
    limits = file_limits(context.settings, seconds=check.file_seconds)
    yield from check.joined(_Examination(check, context, limits, is_stopped).items())


class _Examination:
    """The parent's side: starts children and follows how far they are."""

    def __init__(
        self, check: FileCheck, context: CheckContext, limits: FileLimits, is_stopped: Callable[[], bool]
    ) -> None:
        self._is_stopped = is_stopped
        self._check, self._context, self._limits = check, context, limits
        self._files: Sequence[FileEntry] = context.snapshot.files
        self._seconds = context.deadline - time.monotonic()

    def items(self) -> Iterator[_Item]:
        """What is said of all files, of each at once when it is done."""
        position = 0
        while position < len(self._files):
            if self._is_stopped():
                raise CheckTimeoutError("nobody waits for this check any more")
            if self._is_time_up():
                yield self._not_reached(position)
                return
            position = yield from self._one_child(position)

    def _one_child(self, first: int) -> Generator[_Item, None, int]:
        """Follows one child from file number `first`; the number of the file that the next one begins at."""
        at, found, deadline = first - 1, list[_Item](), self._context.deadline
        arguments = (self._check, bare(self._context), self._limits, self._seconds_left(), first)
        with Child(_work, *arguments, is_stopped=self._is_stopped) as child:
            while True:
                said = _received(child, deadline)
                if said.item is not None:
                    found.append(said.item)
                    continue
                if said.kind not in (SaidKind.FILE, SaidKind.DONE):
                    return (yield from self._ended(said, first, at, found))
                self._require_next(said, at)
                yield from found
                if said.kind is SaidKind.DONE:
                    return len(self._files)
                at, found = said.number, []
                within = time.monotonic() + self._limits.seconds + _GRACE_SECONDS
                deadline = min(self._context.deadline, within)

    def _ended(self, said: Said, first: int, at: int, found: list[_Item]) -> Generator[_Item, None, int]:
        """Says what a child that ended early was at, and where the next one goes on."""
        if at < first:
            if said.kind is SaidKind.TIMED_OUT:
                return first  # the time of the check is up
            raise IsolatedCheckError(f"the check's process died before it was at a file, with {said.text}")
        if said.kind is not SaidKind.TIMED_OUT and at > first:
            return at  # once more in a fresh process: what earlier files left behind is no fault of this one
        yield from found
        yield self._not_judged(self._files[at], said)
        return at + 1

    def _not_judged(self, entry: FileEntry, said: Said) -> Finding:
        if said.kind is SaidKind.OUT_OF_MEMORY:
            reason, rule = f"took more than {self._limits.data_mb} MB of memory", TOO_MUCH
        elif said.kind is SaidKind.DIED:
            reason, rule = f"its process died with {said.text}", DIED
        elif self._is_time_up():
            reason, rule = f"{self._whole_time()} was up; its process was killed", TOO_LONG
        else:
            reason, rule = f"not judged within {self._limits.seconds:g} s; its process was killed", TOO_LONG
        return _errored(self._check, entry, reason, rule)

    def _not_reached(self, position: int) -> Finding:
        left = self._files[position:]
        reason = f"{self._whole_time()} was up before {len(left)} of {len(self._files)} files were looked at"
        places = tuple(Location(entry.path) for entry in left)
        return self._check.not_run(reason, rule=NOT_REACHED, locations=places)

    def _whole_time(self) -> str:
        return f"the time of this check for all files, {self._seconds:.0f} s,"

    def _seconds_left(self) -> float:
        return self._context.deadline - time.monotonic()

    def _is_time_up(self) -> bool:
        return self._seconds_left() <= 0

    def _require_next(self, said: Said, at: int) -> None:
        """A child that a file has taken over must not skip others."""
        is_done = said.kind is SaidKind.DONE and at + 1 == len(self._files)
        if not is_done and not (said.kind is SaidKind.FILE and said.number == at + 1 < len(self._files)):
            raise IsolatedCheckError(f"the check's process claims to be done with files after number {at}")


def _received(child: Child, deadline: float) -> Said:
    """The next message; that there is none any more is one too."""
    try:
        return child.receive(deadline)
    except CheckTimeoutError:
        return Said(SaidKind.TIMED_OUT)
    except ChildDiedError as error:
        return Said(SaidKind.DIED, text=error.way)


def _errored(check: FileCheck, entry: FileEntry, reason: str, rule: str) -> Finding:
    return check.errored(f"{entry.path}: {reason}", rule=rule, locations=(Location(entry.path),))


def _work(
    check: FileCheck,
    context: CheckContext,
    limits: FileLimits,
    seconds_left: float,
    first: int,
    sender: Connection,
) -> None:
    """The child's side: examines the files from number `first` on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends this process
    # Each thread of a numeric library sets memory of its own aside; one is enough for what checks compute.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    limit_memory(data_bytes_now() + limits.data_mb * 1024**2)
    ends_at = time.monotonic() + seconds_left
    for number, entry in enumerate(context.snapshot.files[first:], first):
        say(sender, Said(SaidKind.FILE, number=number))
        within = dataclasses.replace(context, deadline=min(ends_at, time.monotonic() + limits.seconds))
        try:
            for item in check.examine_safely(within, entry):
                say(sender, said_of(item))
        except MemoryError:
            say(sender, Said(SaidKind.OUT_OF_MEMORY))
            return
        except Exception as error:  # noqa: BLE001 - the runner's one broad catch, on this side of the pipe
            say(sender, said_of(_escaped(check, entry, error, limits)))
    say(sender, Said(SaidKind.DONE))


def _escaped(check: FileCheck, entry: FileEntry, error: Exception, limits: FileLimits) -> Finding:
    """What an exception says about the file at which it escaped."""
    if isinstance(error, NotAvailableError):
        return check.not_run(
            f"{entry.path}: {error}", rule="not-available", locations=(Location(entry.path),)
        )
    if isinstance(error, CheckTimeoutError):
        return _errored(check, entry, f"not judged within {limits.seconds:g} s", TOO_LONG)
    return _errored(check, entry, told(error), "check-failed")
