from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.contents import ModelRecord, contents_of
from reports.format import Report, render
from reports.reperformance import commands
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from tests.reports import sample


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)


def test_scan_command_pins_commit_engine_and_seed(report: Report) -> None:
    words = shlex.split(commands(report.scan)["scan"])
    assert words[:3] == ["weighbridge", "scan", f"hf://example-lab/Sample-7B-Chat@{sample.COMMIT}"]
    pairs = dict(zip(words[3::2], words[4::2], strict=True))
    assert pairs["--seed"] == "7"
    assert pairs["--device"] == "cpu"
    assert pairs["--dtype"] == "float32"
    assert pairs["--set"] == "garak.probes=dan,encoding"
    assert pairs["--as-of"] == "2026-11-22"
    assert words.count("--check") == len(report.scan.records)


def test_artefact_of_a_registry_is_pinned_by_its_digest(report: Report) -> None:
    ref, digest = ModelRef.parse("oci://host:5000/team/model:v1"), f"sha256:{'0' * 64}"
    request = dataclasses.replace(report.scan.request, ref=ref)
    snapshot = dataclasses.replace(report.scan.snapshot, ref=ref, source=(("manifest_digest", digest),))
    words = shlex.split(
        commands(dataclasses.replace(report.scan, request=request, snapshot=snapshot))["scan"]
    )
    assert words[2] == f"oci://host:5000/team/model@{digest}"


def test_lock_and_patterns_are_asked_for_again(report: Report) -> None:
    request = dataclasses.replace(report.scan.request, allow=("*.json", "a b/"), ignore=("*.bin",))
    words = shlex.split(commands(dataclasses.replace(report.scan, request=request))["scan"])
    asked = [pair for pair in zip(words, words[1:], strict=False) if pair[0] in ("--allow", "--ignore")]
    assert asked == [("--allow", "*.json"), ("--allow", "a b/"), ("--ignore", "*.bin")]
    assert "--lock" not in words
    locked = dataclasses.replace(report.scan.request, lock="0" * 64)
    assert "--lock" in shlex.split(commands(dataclasses.replace(report.scan, request=locked))["scan"])


def test_static_scan_is_repeated_as_one(empty_report: Report) -> None:
    assert "--static-only" in shlex.split(commands(empty_report.scan)["scan"])


def test_model_name_cannot_inject_a_command(report: Report) -> None:
    ref = ModelRef.parse("models/$(touch owned); x.gguf")
    scan = dataclasses.replace(report.scan, request=dataclasses.replace(report.scan.request, ref=ref))
    assert shlex.split(commands(scan)["scan"])[2] == "models/$(touch owned); x.gguf"


def test_evidence_command_accepts_the_evidence_and_notices_damage(tmp_path: Path) -> None:
    report = sample.report(tmp_path)
    command = commands(report.scan)["evidence"]
    assert _run(command, report.evidence.root).stdout == "intact\n"
    sample.damage(report)
    damaged = _run(command, report.evidence.root)
    assert damaged.returncode != 0
    assert "intact" not in damaged.stdout


@pytest.mark.skipif(shutil.which("jq") is None, reason="the printed command needs jq")
def test_listing_command_recomputes_the_digest_of_the_model(report: Report, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(render(report, "json"))
    shown = _run(commands(report.scan)["listing"], tmp_path).stdout
    assert shown.split()[0] == report.scan.snapshot.digest


@pytest.mark.skipif(shutil.which("jq") is None, reason="the printed command needs jq")
def test_files_command_checks_a_copy_of_the_model(report: Report, tmp_path: Path) -> None:
    model = tmp_path / "my model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    snapshot = Snapshot(ModelRef.parse("x"), None, str(model), (FileEntry("config.json", 2, digest),))
    contents = dataclasses.replace(contents_of(report), model=ModelRecord.of(snapshot))
    (tmp_path / "report.json").write_bytes(
        json.dumps({"model": {"files": [{"sha256": digest, "path": "config.json"}]}}).encode()
    )
    command = contents.reperformance["files"].replace("MODEL_FOLDER", f"'{model}'")
    assert _run(command, tmp_path).stdout == "intact\n"
    (model / "config.json").write_text("[]")
    assert _run(command, tmp_path).returncode != 0
