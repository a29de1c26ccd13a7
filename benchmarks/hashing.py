"""What hashing a model costs: megabytes per second, against hashlib alone on the same bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from scanner.hashing import hash_files

_FILES: Final = 4
_FILE_BYTES: Final = 64 * 1024**2
_ROUNDS: Final = 3


def measure() -> list[dict[str, float]]:
    """The best of some rounds each, alternating, so that a busy moment hits both."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        names = [f"{number}.bin" for number in range(_FILES)]
        for each in names:
            (folder / each).write_bytes(os.urandom(_FILE_BYTES))
        alone, ours = float("inf"), float("inf")
        for _ in range(_ROUNDS):
            alone = min(alone, _seconds(lambda: _plain(folder)))
            ours = min(ours, _seconds(lambda: hash_files(folder, names)))
    megabytes = _FILES * _FILE_BYTES / 1e6
    figures = {
        "megabytes": round(megabytes, 1),
        "hashlib_megabytes_per_second": round(megabytes / alone),
        "megabytes_per_second": round(megabytes / ours),
        "ratio_to_hashlib": round(alone / ours, 2),
    }
    print("  ".join(f"{name} {value:g}" for name, value in figures.items()))
    return [figures]


def _plain(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
