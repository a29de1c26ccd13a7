"""Static checks run in a process of their own: a hostile file can hang or crash that, not the scan.

The child streams findings back as they come; it is killed at the time limit, and cannot allocate
without bound.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Final

from scanner.check import Check, CheckContext
from scanner.errors import CheckTimeoutError, NotAvailableError, ScanError
from scanner.findings import Finding, Measurement
from scanner.progress import SilentProgress

# Address space a child may take. Memory-mapped weights count too, so it is generous.
MEMORY_LIMIT_BYTES: Final = 64 * 1024**3
_DONE: Final = None


class IsolatedCheckError(ScanError):
    """The check raised, or its process died."""


def run_isolated(check: Check, context: CheckContext) -> Iterator[Finding | Measurement]:
    """Runs `check` in a child process and yields what it yields.

    Raises:
        CheckTimeoutError: when the deadline passes; the child is killed.
        NotAvailableError: when the check raised it.
        IsolatedCheckError: when the check raised anything else or its process died.
    """
    start = _process_context()
    receiver, sender = start.Pipe(duplex=False)
    # Deadlines are monotonic times of this process; what is left of them travels.
    seconds_left = context.deadline - time.monotonic()
    bare = dataclasses.replace(context, questioner=None, progress=SilentProgress(), earlier={})
    child = start.Process(target=_work, args=(check, bare, seconds_left, sender), daemon=True)
    child.start()
    sender.close()
    try:
        yield from _receive(receiver, child, context.deadline)
    finally:
        child.kill()
        child.join()
        receiver.close()


def _receive(
    receiver: Connection, child: multiprocessing.process.BaseProcess, deadline: float
) -> Iterator[Finding | Measurement]:
    while True:
        seconds_left = min(deadline - time.monotonic(), 3600.0)
        if seconds_left <= 0 or not receiver.poll(seconds_left):
            if deadline - time.monotonic() > 0:
                continue
            raise CheckTimeoutError("the time limit passed; the check's process was killed")
        try:
            item = receiver.recv()
        except EOFError:
            child.join()
            raise IsolatedCheckError(f"the check's process died with exit code {child.exitcode}") from None
        if item is _DONE:
            return
        if isinstance(item, Exception):
            raise item
        yield item


def _work(check: Check, context: CheckContext, seconds_left: float, sender: Connection) -> None:
    _limit_memory()
    context = dataclasses.replace(context, deadline=time.monotonic() + seconds_left)
    try:
        for item in check.run(context):
            sender.send(item)
        sender.send(_DONE)
    except (NotAvailableError, CheckTimeoutError) as error:
        sender.send(error)
    except Exception as error:  # noqa: BLE001 - the runner's one broad catch, on this side of the pipe
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}"
        sender.send(IsolatedCheckError(f"{type(error).__name__}: {error} ({where})"))


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_LIMIT_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _process_context() -> ForkServerContext | SpawnContext:
    """A fork server where there is one: the child then inherits no threads, locks or torch."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")
