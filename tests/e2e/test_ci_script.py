"""What CI runs: the script end to end on a real model, and what the action and hooks hand to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import COMMANDS
from tests.e2e.stored import Shelf, silent_on_half
from tests.e2e.test_ci_story import POLICY, approve, write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path_with_command(tmp_path: Path) -> str:
    """A PATH on which `weighbridge` is this checkout."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "weighbridge"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cli "$@"\n')
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def weigh(folder: Path, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        ["bash", str(ROOT / "ci" / "weigh.sh")],
        cwd=folder, env={**kept, **variables}, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip


def test_stored_scan_is_judged_reported_and_ends_with_its_code(
    tmp_path: Path, path_with_command: str
) -> None:
    shelf = Shelf(tmp_path)
    approve(shelf, shelf.keep("base"))
    shelf.keep("candidate", silent_on_half)
    write(shelf, POLICY)
    done = weigh(
        tmp_path, path_with_command, SCAN="candidate", BASE="base", POLICY="weighbridge.yaml", OUT="out",
        SUMMARY="summary.md", WEIGHBRIDGE_DATA_DIR="data",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    out = tmp_path / "out"
    assert json.loads((out / "verdict.json").read_text())["verdict"] == "block"
    (run,) = json.loads((out / "report.sarif").read_text())["runs"]
    assert [each["ruleId"] for each in run["results"]] == ["gate/regressed"]
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("# BLOCK")
    assert "Compared with base" in summary
    assert {path.name for path in out.iterdir()} >= {"report.json", "report.html", "report.md"}


def test_model_is_scanned_first_when_no_scan_is_named(
    tmp_path: Path, tiny_model: Path, path_with_command: str
) -> None:
    done = weigh(
        tmp_path, path_with_command, MODEL=str(tiny_model), POLICY=str(ROOT / "examples/files-only.yaml"),
        ARGS="--static-only", OUT="out", WEIGHBRIDGE_DATA_DIR="data",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["verdict"] == "pass"


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, 2), ({"MODEL": "/nowhere"}, 2), ({"SCAN": "unknown"}, 2),
        ({"SCAN": "unknown", "OUT": "/proc/nowhere"}, 3),
    ],
    ids=["nothing named", "no such model", "no such scan", "no place for reports"],

)  # fmt: skip
def test_wrong_call_is_never_a_pass(
    tmp_path: Path, path_with_command: str, variables: dict[str, str], code: int
) -> None:
    done = weigh(tmp_path, path_with_command, WEIGHBRIDGE_DATA_DIR="data", **variables)
    assert done.returncode == code
    assert not (tmp_path / "weighbridge-out" / "report.sarif").exists()


def test_lock_is_demanded_of_scan_and_gate(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "weighbridge"
    command.parent.mkdir()
    command.write_text(f"""#!/bin/sh\necho "$@" >>{tmp_path}/words\necho '{{"scan": "scan-1"}}'\n""")
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    assert weigh(tmp_path, path, MODEL="hf://org/name", LOCK="my lock.json").returncode == 0
    assert weigh(tmp_path, path, MODEL="hf://org/name").returncode == 0
    said = (tmp_path / "words").read_text().splitlines()
    demanding = [words.split()[0] for words in said if "--lock my lock.json" in words]
    assert demanding == ["scan", "gate"]
    assert [words.split()[0] for words in said] == ["scan", "gate", "report"] * 2


def steps() -> list[dict[str, Any]]:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    found = action["runs"]["steps"]
    assert isinstance(found, list)
    return found


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in used), used


def test_every_input_of_the_script_reaches_it() -> None:
    (script,) = [step for step in steps() if step.get("id") == "weigh"]
    read = set(re.findall(r"\$\{([A-Z]+):[-?]", (ROOT / "ci" / "weigh.sh").read_text())) - {"SUMMARY"}
    assert read <= set(script["env"])


def test_no_input_is_written_into_a_script() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_job_ends_with_the_verdict_last() -> None:
    last = steps()[-1]["run"]
    for code, strict, expected in (("0", "true", 0), ("1", "true", 1), ("4", "true", 4), ("4", "false", 0),
                                   ("3", "false", 3), ("", "true", 3)):  # fmt: skip
        done = subprocess.run(["bash", "-c", last], env={"CODE": code, "STRICT": strict}, check=False)
        assert done.returncode == expected, (code, strict)


def test_hooks_call_commands_that_exist() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["entry"].split()[1] for hook in hooks] == ["scan", "gate"]
    assert {hook["entry"].split()[1] for hook in hooks} <= set(COMMANDS)


def test_gitlab_template_runs_the_same_script() -> None:
    template = yaml.safe_load((ROOT / "ci" / "gitlab-template.yml").read_text())
    assert "ci/weigh.sh" in " ".join(template[".weighbridge"]["script"])
