"""`weighbridge gate` judges a stored scan again, keeps the judgement and ends with its code."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import run
from cli.workplace import Workplace
from db.store import Store
from scanner.findings import Severity
from scanner.lock.lock_file import encode_lock
from scanner.lock.model_lock import lock_of
from scanner.manifest import FileEntry
from scanner.scan import Scan
from tests.policies.fake_checks import failed, record, scan_of

LENIENT = {"id": "own", "verdict": "block", "says": "ours", "failed": {"severity_at_least": "critical"}}


def keep(folder: Path, scan: Scan) -> None:
    with Store.open(Workplace.at(folder).database_url) as store:
        store.save_scan(scan)


def policy(folder: Path, **parts: Any) -> Path:
    path = folder / "weighbridge.yaml"
    head = {"name": "acme", "version": "1", "schema": "weighbridge.policy/1"}
    path.write_text(yaml.safe_dump({"policy": head, "packs": [], **parts}))
    return path


def gate(folder: Path, *words: str) -> int:
    return run(["gate", "scan-1", "--data-dir", str(folder), *words])


def test_verdict_follows_the_policy_of_the_call_and_is_stored(tmp_path: Path) -> None:
    keep(tmp_path, scan_of(None, record("remote-code", failed("remote-code", Severity.CRITICAL))))
    lenient = {"rules": [{**LENIENT, "failed": {"severity_at_least": "critical", "checks": ["remote-code"]}}]}
    assert gate(tmp_path, "--policy", str(policy(tmp_path, gate=lenient))) == 1
    other = {"rules": [{**LENIENT, "failed": {"severity_at_least": "high", "checks": ["gguf-malformed"]}}]}
    assert gate(tmp_path, "--policy", str(policy(tmp_path, gate=other))) == 0
    with Store.open(Workplace.at(tmp_path).database_url) as store:
        assert store.load_assessment("scan-1").verdict.value.value == "pass"
        assert store.load_assessment("scan-1").as_of == datetime.datetime.now(datetime.UTC).date()


def test_json_is_all_that_is_printed_and_names_the_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, scan_of(None, record("remote-code", failed("remote-code", Severity.CRITICAL))))
    code = gate(tmp_path, "--policy", str(policy(tmp_path, gate={"rules": [LENIENT]})), "--format", "json")
    said = json.loads(capsys.readouterr().out)
    assert (code, said["exit_code"], said["verdict"]) == (1, 1, "block")
    assert said["reasons"][0]["rule"] == "own"


def test_waiver_counts_until_its_day_and_no_longer(tmp_path: Path) -> None:
    scan = scan_of(None, record("remote-code", failed("remote-code", Severity.CRITICAL)))
    keep(tmp_path, scan)
    (mark,) = (finding.fingerprint for finding in scan.findings if finding.check_id == "remote-code")
    waiver = {"finding": mark, "reason": "read by us", "owner": "Jane Roe", "expires": "2026-12-31"}
    own = str(policy(tmp_path, gate={"rules": [LENIENT]}, waivers=[waiver]))
    assert gate(tmp_path, "--policy", own, "--as-of", "2026-12-31") == 0
    assert gate(tmp_path, "--policy", own, "--as-of", "2027-01-01") == 1


def test_reasons_are_told_in_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    keep(tmp_path, scan_of(None, record("remote-code", failed("remote-code", Severity.CRITICAL))))
    gate(tmp_path, "--policy", str(policy(tmp_path, gate={"rules": [LENIENT]})))
    said = capsys.readouterr().out
    assert "BLOCK  (exit code 1)" in said
    assert "remote-code, critical: was wrong" in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 80


def test_unknown_scan_is_an_input_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(tmp_path, "--policy", str(policy(tmp_path, gate={"rules": [LENIENT]}))) == 2
    assert "no scan 'scan-1'" in capsys.readouterr().err


def test_lock_blocks_other_bytes_and_leaves_open_what_was_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = scan_of(None, record("remote-code", failed("remote-code", Severity.LOW)))
    whole, parts = FileEntry("a", 1, "0" * 64), FileEntry("a", 1, "")
    lock = tmp_path / "model.lock.json"
    made = lock_of(
        dataclasses.replace(scan.snapshot, files=(whole,)), fetched_on=datetime.date(2026, 1, 2), tool="x"
    )
    lock.write_bytes(encode_lock(made))
    lenient = policy(tmp_path, gate={"rules": [LENIENT]})
    for number, (entry, code, value) in enumerate(
        [(whole, 0, "pass"), (parts, 3, "incomplete"), (FileEntry("a", 1, "1" * 64), 1, "block")]
    ):
        snapshot = dataclasses.replace(scan.snapshot, files=(entry,))
        keep(tmp_path, dataclasses.replace(scan, id=f"held-{number}", snapshot=snapshot))
        words = ["gate", f"held-{number}", "--lock", str(lock), "--policy", str(lenient), "--format", "json"]
        assert run([*words, "--data-dir", str(tmp_path)]) == code
        reasons = json.loads(capsys.readouterr().out)["reasons"]
        assert [each["value"] for each in reasons if each["rule"] == "lock"] == [value]
