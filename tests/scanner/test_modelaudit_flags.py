# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.check import CheckContext
from scanner.checks.modelaudit_flags import CHECK, ModelauditFlags
from scanner.engines.modelaudit import (
    PYTHON_SETTING,
    Issue,
    Meaning,
    Modelaudit,
    ModelauditError,
    calibration,
    parsed,
)
from scanner.evidence import EvidenceStore
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome, Severity
from scanner.runner import run_check
from tests.assets.file_corpus.pickling import call, hello
from tests.scanner.check_runs import snapshot_of

# Said by modelaudit 0.2.54 of a pickle that calls os.system, and of a state dict by torch.save.
RECORDED_ATTACK = (
    '{"code": 1, "issues": [{"severity": "critical", "rule": "S201", "kind": "pickle_check", "message": '
    '"Found REDUCE opcode invoking dangerous global: os.system", "place": "/m/a.pkl (pos 35)"}]}'
)
RECORDED_STATE = (
    '{"code": 1, "issues": [{"severity": "info", "rule": "S902", "kind": "pytorch_zip_check", "message": '
    '"Pickle serialization format detected: GLOBAL(3), REDUCE(16) opcodes detected", "place": '
    '"/m/model.pt:archive/data.pkl"}, {"severity": "warning", "rule": "NON_ALLOWLISTED_GLOBAL", "kind": '
    '"pickle_check", "message": "Found source-backed allowlisted global without inert import initialization '
    'proof: torch._utils._rebuild_tensor_v2", "place": "/m/model.pt:archive/data.pkl (pos 49)"}]}'
)
# Stands in for modelaudit: does what the first word of the file says.
FAKE_CORE = """
import os, socket, sys, time
from types import SimpleNamespace

def scan_model_directory_or_file(path, **options):
    what = open(path).read().split()[0]
    message, severity = what, "critical"
    if what == "hang":
        time.sleep(600)
    if what == "die":
        os._exit(9)
    if what == "eat":
        bytearray(8 << 30)
    if what == "home":
        message = repr(sorted(os.listdir(os.environ["HOME"]))) + os.environ["PROMPTFOO_DISABLE_TELEMETRY"]
    if what == "network":
        socket.create_connection(("127.0.0.1", 9))
    if what == "escape":
        message = "\\x1b[2J" + "x" * 5000
    if what == "noise":
        print("not an answer", flush=True)
    issue = SimpleNamespace(severity=severity, rule_code="S1", type="fake", message=message, location=path, details={})
    return SimpleNamespace(issues=[] if what in ("clean", "inconclusive", "noise") else [issue], what=what)

def determine_exit_code(result):
    return 2 if result.what == "inconclusive" else int(bool(result.issues))
"""


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the stand-in."""
    root = tmp_path_factory.mktemp("fake")
    (root / "modelaudit").mkdir()
    (root / "modelaudit" / "__init__.py").write_text("")
    (root / "modelaudit" / "core.py").write_text(FAKE_CORE)
    (root / "modelaudit-9.9.dist-info").mkdir()
    (root / "modelaudit-9.9.dist-info" / "METADATA").write_text("Name: modelaudit\nVersion: 9.9\n")
    python = root / "python"
    python.write_text(
        f"#!{sys.executable}\nimport runpy, sys\nsys.path.insert(0, {str(root)!r})\n"
        "sys.argv = [each for each in sys.argv[1:] if each not in ('-I', '-B')]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    python.chmod(0o755)
    return python


def _findings(folder: Path, settings: Mapping[str, str]) -> list[Finding]:
    context = CheckContext(snapshot_of(folder), EvidenceStore(folder.parent / "evidence"), settings=settings)
    return list(run_check(ModelauditFlags(), context).findings)


def _asked(python: Path, folder: Path, word: str) -> str:
    (folder / "file").write_text(word)
    with Modelaudit(python, seconds=1.5) as engine:
        answer = engine.ask(folder / "file")
    return answer.failure or answer.issues[0].message if answer.failure or answer.issues else ""


def test_absent_modelaudit_is_one_not_run_that_says_how_to_install_it_and_condemns_no_file(
    tmp_path: Path,
) -> None:
    if importlib.util.find_spec("modelaudit") is not None:
        pytest.skip("modelaudit is installed beside us")
    folder = tmp_path / "m"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text("clean")
    (finding,) = _findings(folder, {})
    assert finding.outcome is Outcome.NOT_RUN
    assert "pip install 'modelaudit[h5,onnx,sevenzip]" in finding.reason
    assert CHECK.verdict_of(finding) is None


def test_every_answer_becomes_a_finding_about_its_file(tmp_path: Path, fake: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    for word in ("bad", "clean", "die", "hang", "inconclusive", "noise"):
        (folder / word).write_text(word)
    found = _findings(folder, {PYTHON_SETTING: str(fake), "files.seconds": "6.5"})
    said = {finding.subject or finding.locations[0].path: finding for finding in found}
    assert said["bad"].outcome is Outcome.FAIL
    assert CHECK.verdict_of(said["bad"]) is FileVerdict.ATTACK
    for word, reason in (("die", "died"), ("hang", "not done within"), ("inconclusive", "exit code 2")):
        assert said[word].outcome is Outcome.NOT_RUN
        assert reason in said[word].reason
        assert CHECK.verdict_of(said[word]) is None
    (passed,) = (finding for finding in found if finding.outcome is Outcome.PASS)
    assert {place.path for place in passed.locations} == {"clean", "noise"}


def test_it_runs_without_network_telemetry_home_and_boundless_memory(tmp_path: Path, fake: Path) -> None:
    assert _asked(fake, tmp_path, "network") == "OSError: a scan reaches no network"
    assert _asked(fake, tmp_path, "home") == "[]1"
    assert _asked(fake, tmp_path, "eat").startswith("MemoryError")


def test_text_of_a_file_is_bounded_and_steers_no_terminal(tmp_path: Path, fake: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "file").write_text("escape")
    (finding,) = _findings(folder, {PYTHON_SETTING: str(fake)})
    assert "\x1b" not in finding.message
    assert len(finding.message) < 500


def test_an_interpreter_without_modelaudit_is_told_and_not_passed(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "a").write_text("x")
    (missing,) = _findings(folder, {PYTHON_SETTING: str(tmp_path / "nowhere")})
    assert missing.outcome is Outcome.NOT_RUN
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    (finding,) = _findings(folder, {PYTHON_SETTING: str(broken)})
    assert finding.outcome is Outcome.NOT_RUN
    assert "no modelaudit that starts" in finding.reason


def test_recorded_output_is_read_and_calibrated() -> None:
    (attack,) = parsed(RECORDED_ATTACK).issues
    assert calibration().meaning(attack) is Meaning.ATTACK
    assert [calibration().meaning(each) for each in parsed(RECORDED_STATE).issues] == [Meaning.REMARK] * 2
    assert parsed('{"failed": "too long"}').failure == "too long"
    assert parsed(json.dumps({"code": 2, "issues": []})).failure


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"code": 0}', '{"code": 0, "issues": [{}]}', "nonsense"])
def test_what_is_no_answer_is_an_error(line: str) -> None:
    with pytest.raises(ModelauditError):
        parsed(line)


@pytest.mark.parametrize(
    ("issue", "meaning"),
    [
        (Issue("critical", "", "tf_savedmodel_check", "Dangerous TensorFlow operation: RestoreV2"), Meaning.REMARK),
        (Issue("critical", "", "tf_savedmodel_check", "Dangerous TensorFlow operation: ReadFile"), Meaning.ATTACK),
        (Issue("critical", "S601", "pickle_check", "Nested pickle probe candidate limit exceeded"), Meaning.REMARK),
        (Issue("warning", "S810", "keras_zip_check", "Unknown/custom layer class detected: A"), Meaning.REVIEW),
        (Issue("info", "S1", "x", "anything"), Meaning.REMARK),
    ],
)  # fmt: skip
def test_calibration_keeps_what_honest_models_bring_about_from_deciding(
    issue: Issue, meaning: Meaning
) -> None:
    assert calibration().meaning(issue) is meaning


def test_real_modelaudit_finds_an_attack_and_lets_plain_data_be(tmp_path: Path) -> None:
    python = Path("build/file-safety-rivals/modelaudit/bin/python").absolute()
    if not python.exists():
        pytest.skip("no modelaudit: `make bench ONLY=file-safety` installs one under build/")
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "bad.pkl").write_bytes(call("os", "system"))
    (folder / "good.pkl").write_bytes(hello())
    found = _findings(folder, {PYTHON_SETTING: str(python)})
    failed = [finding for finding in found if finding.outcome is Outcome.FAIL]
    assert [(each.locations[0].path, each.severity) for each in failed] == [("bad.pkl", Severity.HIGH)]
