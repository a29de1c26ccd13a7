"""What the fork server has at hand before checks start: their modules, and little to collect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.isolation import process_context

_SCRIPT = """
import gc, json, sys
from scanner.isolation import warm_up
from scanner.isolated_value import working_out

def seen() -> tuple[bool, int]:
    return "scanner.checks.onnx_unsafe" in sys.modules, gc.get_freeze_count()

if __name__ == "__main__":
    warm_up(["scanner.checks.onnx_unsafe"])
    with working_out(seen, kind=tuple[bool, int]) as value:
        print(json.dumps(value()))
"""


@pytest.mark.skipif(process_context().get_start_method() != "forkserver", reason="no fork server here")
def test_children_begin_with_the_modules_and_with_little_to_collect(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    is_there, frozen = json.loads(done.stdout)
    assert is_there
    assert frozen > 10_000
