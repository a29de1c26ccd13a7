"""Environments of their own for the tools that we are measured beside; none of them is needed by us."""

from __future__ import annotations

import shutil
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path


def environment(folder: Path, requirements: Sequence[str], *, pythons: Sequence[str] = ()) -> Path | None:
    """The interpreter of the environment in `folder`, which is made when it is not there yet.

    Args:
        folder: Where it lies; it is called as the tool is. What is left of an earlier attempt is thrown away.
        requirements: What is installed into it.
        pythons: Names of interpreters to make it with, the first that is there; else, or without any, ours.

    Returns:
        None, with the reason printed, when the tool cannot be installed.
    """
    python = folder / "bin" / "python"
    done = folder / "installed"
    if done.exists():
        return python
    print(f"installing {', '.join(requirements)} into {folder}", flush=True)
    if not any(_is_made(folder, name) for name in pythons):
        venv.create(folder, with_pip=True, clear=True)
    installed = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if installed.returncode:
        print(f"{folder.name}: left out, it could not be installed: {last_line(installed.stderr)}")
        return None
    done.touch()
    return python


def last_line(said: str) -> str:
    """The last line of what a tool said, where most of them say what is wrong."""
    return (said.strip().splitlines() or ["it said nothing"])[-1]


def _is_made(folder: Path, python: str) -> bool:
    if shutil.which(python) is None:
        return False
    command = [python, "-m", "venv", "--clear", str(folder)]
    return subprocess.run(command, check=False).returncode == 0
