"""The other scanners: each in an environment of its own, each file with a hard time limit."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import rival_environments
from benchmarks.rival_environments import last_line

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
# modelscan allows no 3.13, and none of them 3.14.
_PYTHONS: Final = ("python3.11", "python3.12")


@dataclass(frozen=True)
class Answer:
    """What a tool says of one file or folder.

    Attributes:
        said: "flagged", "clean", "not judged", or "killed" when it took too long.
        cpu_seconds: Of the tool, without its start.
    """

    said: str
    cpu_seconds: float


def environment(tool: str) -> Path | None:
    """The interpreter of the tool's environment; None, with the reason printed, when it cannot be had."""
    if not _REQUIRED[tool]:
        return Path(sys.executable)
    pythons = () if sys.version_info < (3, 13) else _PYTHONS
    return rival_environments.environment((_FOLDER / tool).absolute(), _REQUIRED[tool], pythons=pythons)


@dataclass(frozen=True)
class Answers:
    """What a tool says of many files.

    Attributes:
        by_path: One for each that was asked about.
        start_cpu_seconds: What its start costs, once for all files.
    """

    by_path: Mapping[Path, Answer]
    start_cpu_seconds: float

    @property
    def cpu_seconds(self) -> float:
        """Over all files, with one start."""
        return self.start_cpu_seconds + sum(answer.cpu_seconds for answer in self.by_path.values())


def judged(tool: str, python: Path, paths: Sequence[Path], *, is_afresh: bool = False) -> Answers:
    """What the tool says of each path; a file that it hangs on is killed after a minute.

    Answers are kept beside the tool's environment, by the content and the name of what was judged: the
    slowest needs a quarter of an hour for all. `is_afresh` asks again all the same, to compare costs.

    Raises:
        RuntimeError: when the tool ends early.
    """
    store = (_FOLDER / f"{tool.replace(' ', '-')}.answers.json").absolute()
    kept = json.loads(store.read_text(encoding="utf-8")) if store.exists() and not is_afresh else {}
    keys = {path: f"{' '.join(_REQUIRED[tool])} {_digest(path)}" for path in paths}
    missing = [path for path in paths if keys[path] not in kept]
    lines = _fresh(tool, python, missing)
    kept |= {keys[path]: line for path, line in zip(missing, lines[1:], strict=True)}
    kept["start"] = lines[0]["start_cpu_seconds"]
    if not is_afresh:
        store.parent.mkdir(parents=True, exist_ok=True)
        store.write_text(json.dumps(kept), encoding="utf-8")
    answers = {path: kept[keys[path]] for path in paths}
    return Answers(
        {path: Answer(row["said"], row["cpu_seconds"]) for path, row in answers.items()},
        kept["start"],
    )


def _fresh(tool: str, python: Path, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """What the tool's process writes: its start, and a row for each path."""
    asked = "".join(f"{path.resolve()}\n" for path in paths)
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [str(python), str(_JUDGE), tool], input=asked, capture_output=True, text=True, check=False,
            env=_bare(Path(home)), cwd=home,
        )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if len(lines) != len(paths) + 1:
        said = last_line(done.stderr)
        raise RuntimeError(f"{tool} ended after {len(lines) - 1} of {len(paths)} files: {said}")
    return lines


def _digest(path: Path) -> str:
    """Of a file with its name, or of a folder with all names and bytes in it."""
    digest = hashlib.sha256(path.name.encode())
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    for each in files:
        digest.update(str(each.relative_to(path.parent)).encode() + b"\0")
        digest.update(hashlib.sha256(each.read_bytes()).digest())
    return digest.hexdigest()


def _bare(home: Path) -> dict[str, str]:
    """An environment without a home, telemetry, a hub or a network."""
    return {
        "PATH": os.environ.get("PATH", ""), "HOME": str(home), "XDG_CACHE_HOME": str(home),
        "XDG_CONFIG_HOME": str(home), "PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1",
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
