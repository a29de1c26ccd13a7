"""What work costs: by the wall clock, in processor time of all threads, and in memory."""

from __future__ import annotations

import re
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one piece of work cost at best.

    Attributes:
        seconds: By the wall clock.
        cpu_seconds: Of all threads together; unlike the other, it hardly depends on what else runs.
        peak_mb: Highest memory of the process, in megabytes.
    """

    seconds: float = float("inf")
    cpu_seconds: float = float("inf")
    peak_mb: float = 0.0

    def better(self, other: Cost) -> Cost:
        """The better of both times, and the worse of both peaks."""
        return Cost(
            min(self.seconds, other.seconds),
            min(self.cpu_seconds, other.cpu_seconds),
            max(self.peak_mb, other.peak_mb),
        )


def cost_of(command: Sequence[str], folder: Path | None = None) -> tuple[Cost, str]:
    """What a process took from its start to its end, its memory left out, and what it printed."""
    began, cpu_began = time.perf_counter(), cpu_seconds(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - began
    return Cost(seconds, cpu_seconds(resource.RUSAGE_CHILDREN) - cpu_began), told


def cpu_seconds(whose: int) -> float:
    """Processor seconds of this process or of its children, as `resource` names them."""
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def peak_mb() -> float:
    """Highest memory of this process until now, in megabytes."""
    # NOTE: ru_maxrss of a new process begins at what its parent held when it was made; VmHWM does not.
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    kib = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib * 1024 / 1e6
