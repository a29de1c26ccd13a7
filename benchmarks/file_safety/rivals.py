"""The other scanners: each in an environment of its own, each file with a hard time limit."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path("build/file-safety-rivals")
_JUDGE: Final = Path(__file__).parent / "rival_judge.py"
# What each tool is installed from; picklescan is ours already.
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "picklescan": (),
    "picklescan strict": (),
    "modelscan": ("modelscan[h5py]==0.8.8",),
    "modelaudit": ("modelaudit[h5,onnx,sevenzip]==0.2.54",),
}
RIVALS: Final = tuple(_REQUIRED)
_FILE_SECONDS: Final = 60.0
# modelscan allows no 3.13, and none of them 3.14.
_PYTHONS: Final = ("python3.11", "python3.12")


@dataclass(frozen=True)
class Answer:
    """What a tool says of one file or folder.

    Attributes:
        said: "flagged", "clean", "not judged", or "killed" when it took too long.
        detail: The worst severity, or why it was not judged.
        cpu_seconds: Of the tool, without its start.
    """

    said: str
    detail: str
    cpu_seconds: float


def environment(tool: str) -> Path | None:
    """The interpreter of the tool's environment; None, with the reason printed, when it cannot be had."""
    if not _REQUIRED[tool]:
        return Path(sys.executable)
    folder = (_FOLDER / tool).absolute()
    python = folder / "bin" / "python"
    done = folder / "installed"
    if done.exists():
        return python
    print(f"installing {', '.join(_REQUIRED[tool])} into {folder}", flush=True)
    _make(folder)
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *_REQUIRED[tool],
    ]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        print(f"{tool}: left out, it could not be installed: {_last_line(installed.stderr)}")
        return None
    done.touch()
    return python


def _make(folder: Path) -> None:
    if sys.version_info < (3, 13):
        venv.create(folder, with_pip=True, clear=True)
        return
    for name in _PYTHONS:
        if subprocess.run([name, "-m", "venv", "--clear", str(folder)], check=False).returncode == 0:
            return
    venv.create(folder, with_pip=True, clear=True)


def judged(tool: str, python: Path, paths: Sequence[Path]) -> dict[Path, Answer]:
    """What the tool says of each path; a file that it hangs on is killed after a minute."""
    answers: dict[Path, Answer] = {}
    with tempfile.TemporaryDirectory() as home:
        left = list(paths)
        while left:
            done = dict(_until_killed(tool, python, left, Path(home)))
            answers |= done
            left = left[len(done) :]
    return answers


def _until_killed(
    tool: str, python: Path, paths: Sequence[Path], home: Path
) -> Iterator[tuple[Path, Answer]]:
    """The answers of one process, in order; the last one may be that it was killed."""
    worker = subprocess.Popen(
        [str(python), str(_JUDGE), tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=_bare(home), cwd=home, text=True, bufsize=1,
    )  # fmt: skip
    assert worker.stdout is not None
    ready = selectors.DefaultSelector()
    ready.register(worker.stdout, selectors.EVENT_READ)
    try:
        for number, path in enumerate(paths):
            _ask(worker, path)
            # The first answer waits for the tool's import, which takes seconds on a busy machine.
            if not ready.select(_FILE_SECONDS + (30 if number == 0 else 0)):
                yield path, Answer("killed", f"more than {_FILE_SECONDS:.0f} s", _FILE_SECONDS)
                return
            line = worker.stdout.readline()
            if not line:
                yield path, Answer("killed", "it died", 0.0)
                return
            answer = json.loads(line)
            yield path, Answer(answer["said"], answer["detail"], answer["cpu_seconds"])
    finally:
        worker.kill()
        worker.wait()


def _ask(worker: subprocess.Popen[str], path: Path) -> None:
    assert worker.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has died, and its output ends: told there
        worker.stdin.write(f"{path.resolve()}\n")
        worker.stdin.flush()


def _bare(home: Path) -> dict[str, str]:
    """An environment without a home, telemetry, a hub or a network."""
    return {
        "PATH": os.environ.get("PATH", ""), "HOME": str(home), "XDG_CACHE_HOME": str(home),
        "XDG_CONFIG_HOME": str(home), "PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1",
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it said nothing"])[-1]
