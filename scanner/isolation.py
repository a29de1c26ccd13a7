"""Static checks run in a process of their own: a hostile file can hang or crash that, not the scan.

The child streams findings back as they come; it is killed at the time limit, and cannot allocate
without bound. What it sends is JSON that is validated here, never a pickle: a child that a hostile file
has taken over cannot make this process run anything.
"""

from __future__ import annotations

import dataclasses
import enum
import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Final

from scanner.check import Check, CheckContext
from scanner.errors import CheckTimeoutError, NotAvailableError, ScanError
from scanner.findings import Finding, Measurement
from scanner.progress import SilentProgress
from scanner.records import decode, encode

# Address space a child may take. Memory-mapped weights count too, so it is generous.
MEMORY_LIMIT_BYTES: Final = 64 * 1024**3
# Memory of its own that a child may take; mapped files do not count. On a system where this limit does
# not reach large allocations (macOS) the one above still holds.
DATA_LIMIT_BYTES: Final = 8 * 1024**3
# One finding is some kilobytes; whatever is longer is not one.
MESSAGE_LIMIT_BYTES: Final = 64 * 1024**2

_ASK_SECONDS: Final = 0.5


class IsolatedCheckError(ScanError):
    """The check raised, or its process died."""


class _Kind(enum.Enum):
    """What the child says."""

    FINDING = "finding"
    MEASUREMENT = "measurement"
    DONE = "done"
    NOT_AVAILABLE = "not_available"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class _Said:
    """One message of the child; the field that its kind calls for is set."""

    kind: _Kind
    finding: Finding | None = None
    measurement: Measurement | None = None
    text: str = ""
    hint: str = ""


def run_isolated(
    check: Check, context: CheckContext, is_stopped: Callable[[], bool] = lambda: False
) -> Iterator[Finding | Measurement]:
    """Runs `check` in a child process and yields what it yields.

    Args:
        check: To run.
        context: What it may look at.
        is_stopped: Asked about twice a second: whether to kill the child and end as at the deadline.

    Raises:
        CheckTimeoutError: when the deadline passes; the child is killed.
        NotAvailableError: when the check raised it.
        IsolatedCheckError: when the check raised anything else or its process died.
    """
    start = process_context()
    receiver, sender = start.Pipe(duplex=False)
    # Deadlines are monotonic times of this process; what is left of them travels.
    seconds_left = context.deadline - time.monotonic()
    bare = dataclasses.replace(context, questioner=None, judge=None, progress=SilentProgress(), earlier={})
    child = start.Process(target=_work, args=(check, bare, seconds_left, sender), daemon=True)
    child.start()
    sender.close()
    try:
        yield from _receive(receiver, child, context.deadline, is_stopped)
    finally:
        child.kill()
        child.join()
        receiver.close()


def _receive(
    receiver: Connection,
    child: multiprocessing.process.BaseProcess,
    deadline: float,
    is_stopped: Callable[[], bool],
) -> Iterator[Finding | Measurement]:
    while True:
        seconds_left = deadline - time.monotonic()
        if is_stopped() or seconds_left <= 0:
            raise CheckTimeoutError("the time limit passed; the check's process was killed")
        if not receiver.poll(min(seconds_left, _ASK_SECONDS)):
            continue
        try:
            said = decode(receiver.recv_bytes(MESSAGE_LIMIT_BYTES), _Said)
        except EOFError:
            child.join()
            raise IsolatedCheckError(f"the check's process died with exit code {child.exitcode}") from None
        except OSError as error:  # longer than MESSAGE_LIMIT_BYTES
            raise IsolatedCheckError(f"the check's process sent what is not a finding ({error})") from error
        if said.kind is _Kind.DONE:
            return
        yield _content(said)


def _content(said: _Said) -> Finding | Measurement:
    item = said.finding or said.measurement
    if item is not None:
        return item
    kinds: dict[_Kind, type[ScanError]] = {
        _Kind.NOT_AVAILABLE: NotAvailableError,
        _Kind.TIMED_OUT: CheckTimeoutError,
    }
    raise kinds.get(said.kind, IsolatedCheckError)(said.text, hint=said.hint)


def _work(check: Check, context: CheckContext, seconds_left: float, sender: Connection) -> None:
    limit_memory()
    context = dataclasses.replace(context, deadline=time.monotonic() + seconds_left)
    try:
        for item in check.run(context):
            _say(sender, _said(item))
        _say(sender, _Said(_Kind.DONE))
    except NotAvailableError as error:
        _say(sender, _Said(_Kind.NOT_AVAILABLE, text=str(error), hint=error.hint))
    except CheckTimeoutError as error:
        _say(sender, _Said(_Kind.TIMED_OUT, text=str(error), hint=error.hint))
    except Exception as error:  # noqa: BLE001 - the runner's one broad catch, on this side of the pipe
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}"
        hint = error.hint if isinstance(error, ScanError) else ""
        # A file name may hold bytes that are not text; they must not keep the error from being told.
        text = f"{type(error).__name__}: {error} ({where})".encode("utf-8", "backslashreplace").decode()
        _say(sender, _Said(_Kind.FAILED, text=text, hint=hint))


def _said(item: object) -> _Said:
    if isinstance(item, Finding):
        return _Said(_Kind.FINDING, finding=item)
    if isinstance(item, Measurement):
        return _Said(_Kind.MEASUREMENT, measurement=item)
    raise TypeError(f"the check yielded a {type(item).__name__}; expected a Finding or a Measurement")


def _say(sender: Connection, said: _Said) -> None:
    sender.send_bytes(encode(said))


def limit_memory() -> None:
    """Bounds what this process, a child, may allocate; without effect where there are no such limits."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for kind, wanted in ((resource.RLIMIT_AS, MEMORY_LIMIT_BYTES), (resource.RLIMIT_DATA, DATA_LIMIT_BYTES)):
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, hard))


def process_context() -> ForkServerContext | SpawnContext:
    """A fork server where there is one: the child then inherits no threads, locks or torch."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def warm_up(modules: Sequence[str]) -> None:
    """Has the fork server import these modules while this process does something else.

    Each child then has them from its start; without this each imports them anew, a third of a second a check.
    Nothing happens where there is no fork server, or when it runs already.
    """
    start = process_context()
    if isinstance(start, ForkServerContext):
        from multiprocessing import forkserver

        start.set_forkserver_preload(["__main__", __name__, *modules])
        forkserver.ensure_running()
