"""The garak process as its scan sees it: started, asked, restarted after a crash, and always ended."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from probes.garak.confinement import private_environment
from probes.garak.messages import Answer, Minted, MintOrder, Order, ReplyOrder, Scored
from probes.garak.surface import UnsupportedGarakError, report_paths
from scanner.errors import CheckTimeoutError, InvalidValueError, ScanError
from scanner.records import decode, encode

MODULE: Final = "probes.garak.child"
# garak's slowest offline probe takes some seconds to make its prompts; a cold start, with every
# module compiled afresh, takes longer than any.
ORDER_SECONDS: Final = 180.0
_KEPT_LOG_BYTES: Final = 1_000_000


class GarakCrashError(ScanError):
    """The garak process died, hung or talked nonsense over one order; the next order gets a new one."""


@dataclass(frozen=True)
class SessionLog:
    """What garak did on its own account.

    Attributes:
        printed: Its standard output and error.
        logged: Its log file.
        blocked: Network addresses and programs that were turned down, each once.
        starts: How many processes it took.
    """

    printed: str
    logged: str
    blocked: tuple[str, ...]
    starts: int


class GarakSession:
    """One garak process at a time, and its private folder; use as a context manager.

    Args:
        deadline: `time.monotonic()` value after which nothing is waited for.
        order_seconds: How long one order may take.
        command: The program, for tests; it is given the private folder and `models` as arguments.
        models: Settings of garak that name local copies of hub models; see `local_models`.
    """

    def __init__(
        self,
        *,
        deadline: float = float("inf"),
        order_seconds: float = ORDER_SECONDS,
        command: Callable[[], list[str]] = lambda: [sys.executable, "-m", MODULE],
        models: Mapping[str, str] | None = None,
    ) -> None:
        self._deadline = deadline
        self._order_seconds = order_seconds
        self._command = command
        self._models = json.dumps(dict(models or {}))
        self._holder = tempfile.TemporaryDirectory(prefix="weighbridge-garak-", ignore_cleanup_errors=True)
        self.folder = Path(self._holder.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._blocked: dict[str, None] = {}
        self._starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def mint(self, order: MintOrder) -> Minted:
        """The prompts of one probe.

        Raises:
            GarakCrashError: when the process did not survive it.
            CheckTimeoutError: when the deadline passed; the process is gone.
            UnsupportedGarakError: when the installed garak is not the supported one.
        """
        answer = self._ask(Order(mint=order))
        if answer.minted is None:
            raise self._given_up("answered something else than prompts")
        return answer.minted

    def reply(self, order: ReplyOrder) -> Minted | Scored:
        """The probe's next prompts, or what garak's detectors say at its end; raises as `mint` does."""
        answer = self._ask(Order(reply=order))
        said = answer.minted or answer.scored
        if said is None:
            raise self._given_up("answered something else than prompts or scores")
        return said

    def report(self) -> bytes:
        """The report that garak writes itself, by process, in their order; closed if that works."""
        if self._process is not None:
            with contextlib.suppress(GarakCrashError, CheckTimeoutError):
                self._ask(Order())
        return b"".join(path.read_bytes() for path in report_paths(self.folder))

    def log(self) -> SessionLog:
        """What garak printed, logged and tried so far."""
        return SessionLog(
            self._read("printed.txt"), self._read("garak.log"), tuple(self._blocked), self._starts
        )

    def close(self) -> None:
        """Ends the process and removes its folder; may be called twice."""
        self._stop()
        self._holder.cleanup()

    def _ask(self, order: Order) -> Answer:
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(encode(order) + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise self._given_up("does not take orders any more") from error
        return self._next_answer()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._stop()
        self._process = self._started()
        greeting = self._next_answer()
        if greeting.refusal:
            self._stop()
            raise UnsupportedGarakError(greeting.refusal)
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        self._starts += 1
        self._lines = queue.Queue()
        environment = private_environment(self.folder)
        with (self.folder / "printed.txt").open("ab") as printed:
            process = subprocess.Popen(
                [*self._command(), str(self.folder), self._models],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                cwd=self.folder / "tmp",
                env=environment,
            )
        assert process.stdout is not None
        threading.Thread(target=_pump, args=(process.stdout, self._lines), daemon=True).start()
        return process

    def _next_answer(self) -> Answer:
        limit = min(self._order_seconds, self._deadline - time.monotonic())
        try:
            line = self._lines.get(timeout=max(limit, 0.0))
        except queue.Empty:
            if time.monotonic() >= self._deadline:
                self._stop()
                raise CheckTimeoutError("the time limit passed; the garak process was killed") from None
            raise self._given_up(f"did not answer within {self._order_seconds:.0f} s") from None
        if line is None:
            raise self._given_up("died")
        try:
            answer = decode(line, Answer)
        except InvalidValueError as error:
            raise self._given_up(f"gave an answer that cannot be read ({error})") from error
        self._blocked.update(dict.fromkeys(answer.blocked))
        return answer

    def _given_up(self, what: str) -> GarakCrashError:
        exit_code = self._stop(patience_seconds=1.0 if what == "died" else 0.0)
        said = self._read("printed.txt").strip().splitlines()
        last = f"; its last line: {said[-1][:200]!r}" if said else ""
        code = f" with exit code {exit_code}" if what == "died" else ""
        return GarakCrashError(f"the garak process {what}{code}{last}")

    def _stop(self, patience_seconds: float = 0.0) -> int | None:
        """Ends the process if there is one, by force once the patience is over; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            process.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        if process.stdin is not None:
            _close(process.stdin)
        return code

    def _read(self, name: str) -> str:
        path = self.folder / name
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _KEPT_LOG_BYTES))
            return stream.read().decode("utf-8", "replace")


def _pump(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    """Moves lines over until the other side closes; None marks the end."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:  # orders that a process that is gone will never read
        return
