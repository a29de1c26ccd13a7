"""Static checks run in a process of their own: a hostile file can hang or crash that, not the scan.

The child streams findings back as they come; it is killed at the time limit, and cannot allocate
without bound. What it sends is JSON that is validated here, never a pickle: a child that a hostile file
has taken over cannot make this process run anything.
"""

from __future__ import annotations

import dataclasses
import enum
import mmap
import multiprocessing
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
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
_LAST: Final = "scanner.preloaded"


class IsolatedCheckError(ScanError):
    """The check raised, or its process died."""


class ChildDiedError(IsolatedCheckError):
    """The process ended without having said that it is done.

    Attributes:
        way: How it ended: "SIGSEGV", "exit code 3".
    """

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"the check's process died with exit code {exit_code}")
        self.way = _way(exit_code)


class SaidKind(enum.Enum):
    """What the child says."""

    FILE = "file"
    FINDING = "finding"
    MEASUREMENT = "measurement"
    DONE = "done"
    NOT_AVAILABLE = "not_available"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    DIED = "died"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Said:
    """One message of the child; the field that its kind calls for is set."""

    kind: SaidKind
    finding: Finding | None = None
    measurement: Measurement | None = None
    number: int = 0
    text: str = ""
    hint: str = ""

    @property
    def item(self) -> Finding | Measurement | None:
        """What the check yielded, if this is such a message."""
        return self.finding or self.measurement


class Child:
    """A process that runs `target(*arguments, sender)` and is killed when the context is left.

    `is_stopped` is asked about twice a second whether to end as at the deadline.
    """

    def __init__(
        self, target: Callable[..., None], *arguments: object, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._is_stopped = is_stopped
        start = process_context()
        self._receiver, sender = start.Pipe(duplex=False)
        self._poll = _poll_of(self._receiver)
        self._process = start.Process(target=target, args=(*arguments, sender), daemon=True)
        self._process.start()
        sender.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._receiver.close()

    def receive(self, deadline: float) -> Said:
        """The next message, waited for until `time.monotonic()` is at `deadline`.

        Raises:
            CheckTimeoutError: when the deadline passes.
            ChildDiedError: when the process is gone.
            IsolatedCheckError: when what it sends is no message.
        """
        try:
            return decode(self.receive_bytes(deadline), Said)
        except OSError as error:
            raise IsolatedCheckError(f"the check's process sent what is not a finding ({error})") from error

    def receive_bytes(self, deadline: float) -> bytes:
        """The next message as it was sent.

        Raises:
            CheckTimeoutError: when the deadline passes.
            ChildDiedError: when the process is gone.
            OSError: when the message is longer than any may be, or breaks off.
        """
        while not self._poll(max(0.0, min(deadline - time.monotonic(), _ASK_SECONDS))):
            if self._is_stopped() or time.monotonic() >= deadline:
                raise CheckTimeoutError("the time limit passed; the check's process was killed")
        try:
            return self._receiver.recv_bytes(MESSAGE_LIMIT_BYTES)
        except EOFError:
            self._process.join()
            raise ChildDiedError(self._process.exitcode) from None


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
    # Deadlines are monotonic times of this process; what is left of them travels.
    seconds_left = context.deadline - time.monotonic()
    with Child(_work, check, bare(context), seconds_left, is_stopped=is_stopped) as child:
        while (said := child.receive(context.deadline)).kind is not SaidKind.DONE:
            yield _content(said)


def bare(context: CheckContext) -> CheckContext:
    """The context without what does not travel to another process."""
    return dataclasses.replace(context, questioner=None, judge=None, progress=SilentProgress(), earlier={})


def _content(said: Said) -> Finding | Measurement:
    if said.item is not None:
        return said.item
    kinds: dict[SaidKind, type[ScanError]] = {
        SaidKind.NOT_AVAILABLE: NotAvailableError,
        SaidKind.TIMED_OUT: CheckTimeoutError,
    }
    raise kinds.get(said.kind, IsolatedCheckError)(said.text, hint=said.hint)


def _work(check: Check, context: CheckContext, seconds_left: float, sender: Connection) -> None:
    limit_memory(DATA_LIMIT_BYTES)
    context = dataclasses.replace(context, deadline=time.monotonic() + seconds_left)
    try:
        for item in check.run(context):
            say(sender, said_of(item))
        say(sender, Said(SaidKind.DONE))
    except NotAvailableError as error:
        say(sender, Said(SaidKind.NOT_AVAILABLE, text=str(error), hint=error.hint))
    except CheckTimeoutError as error:
        say(sender, Said(SaidKind.TIMED_OUT, text=str(error), hint=error.hint))
    except Exception as error:  # noqa: BLE001 - the runner's one broad catch, on this side of the pipe
        hint = error.hint if isinstance(error, ScanError) else ""
        say(sender, Said(SaidKind.FAILED, text=told(error), hint=hint))


def told(error: Exception) -> str:
    """An exception that a check let escape, with the place in its code."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}"
    # A file name may hold bytes that are not text; they must not keep the error from being told.
    return f"{type(error).__name__}: {error} ({where})".encode("utf-8", "backslashreplace").decode()


def said_of(item: object) -> Said:
    """The message for what a check yielded.

    Raises:
        TypeError: when it is neither a finding nor a measurement.
    """
    if isinstance(item, Finding):
        return Said(SaidKind.FINDING, finding=item)
    if isinstance(item, Measurement):
        return Said(SaidKind.MEASUREMENT, measurement=item)
    raise TypeError(f"the check yielded a {type(item).__name__}; expected a Finding or a Measurement")


def say(sender: Connection, said: Said) -> None:
    """Sends a message to the parent.

    Raises:
        SystemExit: when the parent is gone, so that nobody wants to know any more.
    """
    try:
        sender.send_bytes(encode(said))
    except BrokenPipeError:
        raise SystemExit(1) from None


def _poll_of(receiver: Connection) -> Callable[[float], object]:
    """Waits for something to receive; truthy when there is.

    The connection's own poll prepares anew each time, which costs more than the message: a check of files
    sends one for every file. It is used where connections are no sockets or pipes of the system's select.
    """
    if sys.platform == "win32":
        return receiver.poll
    poller = select.poll()
    poller.register(receiver.fileno(), select.POLLIN)
    return lambda seconds: poller.poll(seconds * 1000)


def data_bytes_now() -> int:
    """Memory of its own that this process has now, whether or not it was ever touched; 0 where nobody tells.

    Threads of numeric libraries set hundreds of megabytes aside on large machines, and use none of it.
    """
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    except (OSError, IndexError):
        return 0
    return int(pages) * mmap.PAGESIZE


def limit_memory(data_bytes: int) -> None:
    """Limits this process for good, as far as the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for kind, wanted in ((resource.RLIMIT_AS, MEMORY_LIMIT_BYTES), (resource.RLIMIT_DATA, data_bytes)):
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, hard))


def _way(exit_code: int | None) -> str:
    """How a process ended, in words; multiprocessing gives the signal as a negative number."""
    if exit_code is not None and exit_code < 0:
        try:
            return signal.Signals(-exit_code).name
        except ValueError:
            return f"signal {-exit_code}"
    return f"exit code {exit_code}"


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

        start.set_forkserver_preload(["__main__", __name__, *modules, _LAST])
        forkserver.ensure_running()
