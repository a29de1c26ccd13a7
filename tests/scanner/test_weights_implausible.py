"""weights-implausible: told from what was seen while hashing, once per kind and file."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import pytest

from scanner.check import CheckContext
from scanner.checks.weights_implausible import CHECK
from scanner.evidence import EvidenceStore
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome, Severity
from scanner.hashing import hash_model
from scanner.manifest import FileEntry, Snapshot
from scanner.parts import Parts
from scanner.references import ModelRef
from tests.assets.tensor_files import Weights, write_safetensors_file
from tests.scanner.check_runs import context_of, findings_of


def sound_matrix() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)


def write(folder: Path, matrix: np.ndarray, name: str = "m.safetensors") -> None:
    write_safetensors_file(folder / name, {"up.weight": Weights("F32", matrix.shape, matrix.tobytes())})


def hashed(folder: Path) -> Snapshot:
    paths = [path.name for path in folder.iterdir()]
    model = hash_model(folder, paths)
    return Snapshot(
        ModelRef.parse(str(folder)),
        None,
        str(folder),
        model.files,
        tensors=model.tensors,
        weights=model.weights,
    )


def said(snapshot: Snapshot, evidence: Path) -> list[Finding]:
    found = CHECK.run(CheckContext(snapshot, EvidenceStore(evidence)))
    return [each for each in found if isinstance(each, Finding)]


@pytest.mark.parametrize(
    ("value", "rule", "severity"),
    [
        (math.nan, "WT-NAN", Severity.HIGH),
        (-math.inf, "WT-INF", Severity.HIGH),
        (70_000.0, "WT-HUGE", Severity.MEDIUM),
    ],
)
def test_one_bad_number_is_told_with_its_tensor(
    tmp_path: Path, value: float, rule: str, severity: Severity
) -> None:
    matrix = sound_matrix()
    matrix[31, 31] = value
    write(tmp_path, matrix)
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.outcome, finding.rule, finding.severity) == (Outcome.FAIL, rule, severity)
    assert "up.weight" in finding.message
    assert finding.locations[0].path == "m.safetensors"
    assert CHECK.verdict_of(finding) is FileVerdict.PLAIN_DATA


@pytest.mark.parametrize(("number", "rule"), [(0.0, "WT-ZERO"), (0.125, "WT-CONSTANT")])
def test_a_matrix_of_one_number_is_told(tmp_path: Path, number: float, rule: str) -> None:
    write(tmp_path, np.full((32, 32), number, np.float32))
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.rule, finding.severity) == (rule, Severity.MEDIUM)


def test_usual_weights_pass(tmp_path: Path) -> None:
    write(tmp_path, sound_matrix())
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.outcome, finding.message) == (
        Outcome.PASS,
        "1 of 1 weight files hold numbers such as training leaves behind",
    )


def test_what_hashing_saw_is_told_without_reading_the_numbers_again(tmp_path: Path) -> None:
    write(tmp_path, np.zeros((32, 32), np.float32))
    snapshot = hashed(tmp_path)
    write(tmp_path, sound_matrix())
    (finding,) = said(snapshot, tmp_path / "evidence")
    assert finding.rule == "WT-ZERO"


def test_weights_that_were_not_read_are_not_passed(tmp_path: Path) -> None:
    write(tmp_path, sound_matrix())
    snapshot = hashed(tmp_path)
    bare = FileEntry("m.safetensors", 5000, "", parts=Parts((), "0" * 64, "only its header was read"))
    (finding,) = said(dataclasses.replace(snapshot, files=(bare,), weights=None), tmp_path / "evidence")
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "not-fetched")


def test_a_malformed_file_is_not_run_and_the_other_is_judged(tmp_path: Path) -> None:
    write(tmp_path, sound_matrix(), "good.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    for findings in (said(hashed(tmp_path), tmp_path / "evidence"), findings_of(CHECK, tmp_path)):
        assert {(each.outcome, each.rule) for each in findings} == {
            (Outcome.NOT_RUN, "not-told-apart"),
            (Outcome.PASS, "sound"),
        }


def test_a_model_without_weights_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    (finding,) = findings_of(CHECK, tmp_path)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "nothing-to-examine")


def test_a_file_too_large_for_its_time_is_not_run_and_not_held_against_it(tmp_path: Path) -> None:
    write(tmp_path, np.zeros((32, 32), np.float32))
    context = dataclasses.replace(context_of(tmp_path), deadline=time.monotonic() - 1)
    (finding,) = CHECK.examine(context, context.snapshot.files[0])
    assert isinstance(finding, Finding)
    assert finding.outcome is Outcome.NOT_RUN
    assert "only 0 bytes of it could be read" in finding.reason
    assert CHECK.verdict_of(finding) is None
