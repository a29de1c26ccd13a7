"""Our own verdict of every file of a folder, by `weighbridge inspect-files`."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scanner.file_check import FileVerdict

_VERDICTS_REACHED: Final = (0, 1, 3, 4)
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h


@dataclass(frozen=True)
class Verdicts:
    """What we say of a folder of files.

    Attributes:
        by_path: Path in the folder to its verdict.
        why: Path to the worst reason, with check and rule.
        wall_seconds: Of the whole command.
        cpu_seconds: Of the command and every process that it started; 0 where that cannot be told.
    """

    by_path: Mapping[str, str]
    why: Mapping[str, str]
    wall_seconds: float
    cpu_seconds: float

    def of(self, path: str) -> tuple[str, str]:
        """The worst verdict of a file, or of all files of a folder, and why.

        Raises:
            ValueError: when nothing was said of it.
        """
        inside = [each for each in self.by_path if each == path or each.startswith(f"{path}/")]
        worst = max(inside, key=lambda each: FileVerdict(self.by_path[each]).rank)
        return self.by_path[worst], self.why.get(worst, "")


def verdicts_of(folder: Path, *, options: Sequence[str] = (), counts_cpu: bool = False) -> Verdicts:
    """Runs the command over the folder.

    Args:
        folder: What it is to judge.
        options: Of the command.
        counts_cpu: Whether to tell its CPU seconds, for which this process has to wait for all its children:
            only for one that has no others.

    Raises:
        RuntimeError: when it reaches no verdict.
    """
    command = [sys.executable, "-m", "cli", "inspect-files", str(folder), "--json", "--quiet", *options]
    began, used = time.monotonic(), _cpu_seconds()
    collects = counts_cpu and _collect_orphans()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if collects:
        _wait_for_orphans()
    wall, cpu = time.monotonic() - began, _cpu_seconds() - used
    if done.returncode not in _VERDICTS_REACHED:
        raise RuntimeError(f"inspect-files ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    by_path = {row["path"]: row["verdict"] for row in rows}
    why = {row["path"]: _first_reason(row["reasons"]) for row in rows}
    return Verdicts(by_path, why, wall, cpu if collects else 0.0)


def _first_reason(reasons: Sequence[Mapping[str, str]]) -> str:
    return f"{reasons[0]['check']}/{reasons[0]['rule']}: {reasons[0]['message']}" if reasons else ""


def _collect_orphans() -> bool:
    """The server that checks are forked from outlives the command for a moment; its time counts too."""
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def _wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
