"""A check of files that does to its process what the name of each file says.

It lives here, not in a test, because it is started in processes of its own, which import it by name.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from scanner.check import CheckContext
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Measurement, Severity
from scanner.manifest import FileEntry

MIB: Final = 1024**2
_kept: list[bytearray] = []


class ObedientFileCheck(FileCheck):
    """Judges `hang.1`, `die.2`, `sound.3` by the word before the number."""

    id = "fake-file"
    title = "A file is fake"
    severity = Severity.HIGH
    kind = "fakes"
    clean = "are sound"
    verdicts: ClassVar = {"bad-instance": FileVerdict.NEEDS_CLASS_INSTANCE}

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields a FAIL that names the process, does what it is told, and says that the file is sound."""
        word = entry.path.partition(".")[0]
        if word == "foreign":
            return
        if word != "sound":
            yield self.failed(f"pid {os.getpid()}", rule="bad", locations=(Location(entry.path),))
        _DEEDS[word](context)
        if word == "sound":
            yield self.sound(entry)


class ImpatientFileCheck(ObedientFileCheck):
    """Gives each file a second, and all files three."""

    id = "fake-file-impatient"
    file_seconds = 1.0
    timeout_seconds = 3.0


def _hang(_context: CheckContext) -> None:
    while True:
        time.sleep(60)


def _watch_the_clock(context: CheckContext) -> None:
    while True:
        context.check_deadline()
        time.sleep(0.02)


def _raise(_context: CheckContext) -> None:
    raise RuntimeError("header of \udcff is nonsense")


def _nothing(_context: CheckContext) -> None:
    """Leaves the process as it is."""


_DEEDS: Final[dict[str, Callable[[CheckContext], object]]] = {
    "bad": _nothing,
    "sound": _nothing,
    "hang": _hang,
    "slow": _watch_the_clock,
    "raise": _raise,
    "exit": lambda _context: os._exit(3),
    "crash": lambda _context: os.kill(os.getpid(), signal.SIGSEGV),
    # Asked for only, never touched.
    "eat": lambda _context: bytearray(1024 * MIB),
    "leak": lambda _context: _kept.append(bytearray(120 * MIB)),
    "need": lambda _context: bytearray(120 * MIB),
}
