"""modelaudit, another scanner, asked from outside: its packages, telemetry and faults stay out of here.

>>> issue = Issue("critical", "", "tf_savedmodel_check", "Dangerous TensorFlow operation: RestoreV2")
>>> calibration().meaning(issue).name
'REMARK'
"""

from __future__ import annotations

import enum
import importlib.util
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from scanner.data_files import data_text, decoded
from scanner.errors import NotAvailableError, ScanError

PYTHON_SETTING: Final = "modelaudit.python"
INSTALL: Final = (
    "install it into an environment of its own (python -m venv audit; "
    "audit/bin/pip install 'modelaudit[h5,onnx,sevenzip]>=0.2.54,<0.3') and name its interpreter: "
    f"--set {PYTHON_SETTING}=audit/bin/python"
)
# Its own packages take 300 MB; a file has the rest.
MEMORY_MB: Final = 2048
_FILE: Final = "modelaudit_calibration.yaml"
_START_SECONDS: Final = 60.0
_ANSWER_LIMIT_BYTES: Final = 4 * 1024**2


class ModelauditError(ScanError):
    """modelaudit did not start, or what it said cannot be read."""


class Meaning(enum.Enum):
    """What an issue of modelaudit says, by our calibration."""

    ATTACK = "attack"
    REVIEW = "review"
    REMARK = "remark"


@dataclass(frozen=True)
class Issue:
    """One thing that modelaudit says of a file.

    Attributes:
        severity: Its own: "critical", "warning", "info" or "debug".
        rule: Its code, "S201"; "" for many.
        kind: Which of its scanners says so.
        message: A sentence.
    """

    severity: str
    rule: str
    kind: str
    message: str


@dataclass(frozen=True)
class Answer:
    """What modelaudit says of one file.

    Attributes:
        issues: Everything, also what is merely informative.
        failure: Why it did not judge the file, or "".
    """

    issues: Sequence[Issue]
    failure: str = ""


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    why: str
    rule: str = ""
    kind: str = ""
    message: str = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    remarks: list[_Row]


@dataclass(frozen=True)
class _Entry:
    """Issues that are no more than remarks, and why."""

    rule: str
    kind: str
    message: re.Pattern[str]
    why: str

    def fits(self, issue: Issue) -> bool:
        is_rule = self.rule in ("", issue.rule) and self.kind in ("", issue.kind)
        return is_rule and self.message.search(issue.message) is not None


@dataclass(frozen=True)
class Calibration:
    """Which of its findings honest models bring about."""

    entries: Sequence[_Entry]

    def meaning(self, issue: Issue) -> Meaning:
        """What this issue says of its file."""
        if issue.severity not in ("critical", "warning") or any(entry.fits(issue) for entry in self.entries):
            return Meaning.REMARK
        return Meaning.ATTACK if issue.severity == "critical" else Meaning.REVIEW


@cache
def calibration() -> Calibration:
    """The table of findings that are remarks.

    Raises:
        ModelauditError: when it is broken.
    """
    rows = decoded(data_text(_FILE), _FILE, _Table, ModelauditError).remarks
    return Calibration(tuple(_Entry(row.rule, row.kind, re.compile(row.message), row.why) for row in rows))


def interpreter(settings: Mapping[str, str]) -> Path:
    """The Python that has modelaudit: the one that a setting names, else ours.

    Raises:
        NotAvailableError: when neither has it.
    """
    named = settings.get(PYTHON_SETTING)
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise NotAvailableError(f"{PYTHON_SETTING} names '{named}', and no file is there", hint=INSTALL)
        return path
    if importlib.util.find_spec("modelaudit") is None:
        raise NotAvailableError("modelaudit is not installed", hint=INSTALL)
    return Path(sys.executable)


def parsed(line: str) -> Answer:
    """What one line of the child says.

    Raises:
        ModelauditError: when it is not what the child writes.
    """
    try:
        said = json.loads(line)
        if "failed" in said:
            return Answer((), str(said["failed"]))
        issues = tuple(
            Issue(each["severity"], each["rule"], each["kind"], each["message"]) for each in said["issues"]
        )
        failure = "" if said["code"] in (0, 1) else "it calls its own analysis inconclusive (exit code 2)"
        return Answer(issues, failure)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelauditError(f"modelaudit's process said what is no answer: {line[:80]!r}") from error


class Modelaudit:
    """A process that is asked about one file after the other; a context manager."""

    def __init__(self, python: Path, *, seconds: float, memory_mb: int = MEMORY_MB) -> None:
        """Starts it.

        Raises:
            ModelauditError: when it does not start.
        """
        self._seconds = seconds
        self._home = tempfile.TemporaryDirectory(prefix="weighbridge-modelaudit-")
        program = resources.files("scanner") / "engines" / "modelaudit_child.py"
        self._process = subprocess.Popen(
            [str(python), "-I", "-B", str(program), str(seconds), str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_bare(self._home.name),
            cwd=self._home.name,
            text=True,
            start_new_session=True,
            preexec_fn=_unlimited,
        )
        try:
            json.loads(self._line(_START_SECONDS))
        except ValueError as error:
            self.close()
            raise ModelauditError(f"'{python}' has no modelaudit that starts", hint=INSTALL) from error

    def ask(self, path: Path) -> Answer:
        """What it says of the file.

        Raises:
            ModelauditError: when the process is gone.
        """
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(str(path)) + "\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise ModelauditError("modelaudit's process is gone") from error
        return parsed(self._line(self._seconds + 5.0))

    def close(self) -> None:
        """Ends it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._home.cleanup()

    def __enter__(self) -> Modelaudit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, seconds: float) -> str:
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(stdout, selectors.EVENT_READ)
            line = stdout.readline(_ANSWER_LIMIT_BYTES) if ready.select(seconds) else ""
        return line


def _bare(home: str) -> dict[str, Any]:
    """An environment with an empty home, no telemetry, no hub and no proxy to reach one by."""
    return {
        "PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "HOME": home, "TMPDIR": home,
        "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home, "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "NO_ANALYTICS": "1", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip


def _unlimited() -> None:
    """Lifts the limits of the check's own process: this one has its own, set before each file."""
    import resource

    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))
