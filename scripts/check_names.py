"""Builds the wheel, installs it with the locked dependencies in a fresh environment, and looks for clashes.

The six folder names are generic on purpose: the check fails when another distribution of that
environment provides one of them, when ours ships `tests`, or when the installed command does not run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOMS = ("scanner", "probes", "policies", "reports", "db", "cli")
_LIST_TOP_LEVELS = """
import importlib.metadata, json
top = {}
for distribution in importlib.metadata.distributions():
    for file in distribution.files or ():
        top.setdefault(file.parts[0], set()).add(distribution.metadata["Name"])
print(json.dumps({name: sorted(owners) for name, owners in top.items()}))
"""


def main() -> int:
    """Says what clashes; 1 when something does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--torch", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = _install(Path(folder), arguments.python, arguments.torch)
        faults = _faults(json.loads(_output(python, "-c", _LIST_TOP_LEVELS)))
        faults += _broken_commands(python.parent / "weighbridge", Path(folder))
    for fault in faults:
        print(f"check-names: {fault}")
    print(f"check-names: {len(faults)} faults")
    return 1 if faults else 0


def _install(folder: Path, interpreter: str, torch: str) -> Path:
    pip = (sys.executable, "-m", "pip")
    _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist"), ".")
    wheel = next((folder / "dist").glob("weighbridge-*.whl"))
    _run(interpreter, "-m", "venv", str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    install = (str(python), "-m", "pip", "install", "--quiet", "--prefer-binary", "-c", "constraints.txt")
    _run(*install, torch)
    _run(*install, str(wheel))
    return python


def _faults(owners: dict[str, list[str]]) -> list[str]:
    faults = [
        f"'{room}' is provided by {', '.join(owners.get(room, ['nobody']))}, expected weighbridge alone"
        for room in ROOMS
        if owners.get(room) != ["weighbridge"]
    ]
    if "weighbridge" in owners.get("tests", []):
        faults.append("the wheel ships 'tests'")
    return faults


def _broken_commands(command: Path, elsewhere: Path) -> list[str]:
    """Runs the installed command away from the checkout: all its data must be in the wheel."""
    faults = []
    for words in (
        ["--version"],
        ["checks"],
        ["controls"],
        ["history", "--data-dir", str(elsewhere / "data")],
    ):
        done = subprocess.run([command, *words], cwd=elsewhere, capture_output=True, text=True, check=False)
        if done.returncode:
            faults.append(
                f"`weighbridge {' '.join(words)}` ended with {done.returncode}: {done.stderr.strip()}"
            )
    return faults


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


def _output(python: Path, *words: str) -> str:
    return subprocess.run([python, *words], check=True, capture_output=True, text=True, cwd="/").stdout


if __name__ == "__main__":
    sys.exit(main())
