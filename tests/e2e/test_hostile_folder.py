"""Whoever stands in the folder of a hostile model and scans it runs nothing that lies there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What Python and we import early; each would shadow the real one if the folder counted.
_NAMES = ("signal", "selectors", "multiprocessing", "msgspec", "yaml", "numpy", "scanner", "probes", "pickle")
# As the installed command starts: without the folder one stands in among the places of modules.
_COMMAND = "import sys; sys.path.pop(0); from cli.main import main; main(sys.argv[1:])"


@pytest.mark.parametrize(
    "words",
    [
        ["inspect-files", ".", "--json"],
        ["scan", ".", "--static-only", "--report", "none", "--data-dir", "../data"],
    ],
    ids=lambda words: words[0],
)
def test_modules_that_lie_in_the_folder_are_not_imported(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for name in _NAMES:
        (folder / f"{name}.py").write_text(
            f"open({str(tmp_path / name)!r}, 'w').close()\nraise SystemExit(9)\n"
        )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONSAFEPATH", None)
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1, 3, 4), done.stderr.decode()
    assert [name for name in _NAMES if (tmp_path / name).exists()] == []
    assert b"process died" not in done.stdout + done.stderr
