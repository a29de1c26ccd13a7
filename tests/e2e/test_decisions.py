"""From a blocked scan to an approved one: every step a command, every decision stored and reported."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import yaml

from cli.main import run
from db.store import Store
from tests.e2e import variants

GATE = {
    "rules": [
        {"id": "code", "verdict": "block", "says": "no code", "failed": {"severity_at_least": "critical"}}
    ]
}
PAT = ("--by", "Pat Doe", "--by-role", "engineer")
JANE = ("--by", "Jane Roe", "--by-role", "CISO")


def test_blocked_model_is_waived_approved_and_signed_off(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEIGHBRIDGE_PERSON", str(tmp_path / "nobody.yaml"))
    model = variants.with_attack_pickle(tiny_model, tmp_path / "model")
    data = ("--data-dir", str(tmp_path / "data"))

    # A policy file of this fleet, found without being named; its override for this model judges by no pack.
    assert run(["init", "--role", "deployer", "--market", "EU", "--no-ephi"]) == 0
    path = tmp_path / "weighbridge.yaml"
    policy = yaml.safe_load(path.read_text(encoding="utf-8"))
    policy |= {"gate": GATE, "models": {"*/model": {"packs": ["eu-ai-act"]}}}
    path.write_text(yaml.safe_dump(policy), encoding="utf-8")

    words = [
        "scan",
        str(model),
        "--static-only",
        "--check",
        "pickle-runs-code",
        "--check",
        "remote-code",
        *data,
    ]
    assert run([*words, "--report", "json", "--output", "out", "-q", *PAT]) == 1
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert report["assessment"]["overrides"] == ["*/model"]
    assert [pack["id"] for pack in report["assessment"]["packs"]] == ["eu-ai-act"]
    assert report["sign_off"]["preparation"]["name"] == "Pat Doe"
    (print_,) = {one["fingerprint"] for one in report["findings"] if one["outcome"] == "fail"}
    scan = report["scan"]["id"]

    assert run(["approve", scan, "--reason", "fine by me", *PAT, *data]) == 2, "the preparer"
    assert run(["approve", scan, "--reason", "fine by me", *JANE, *data]) == 1, "blocked"
    waiver = ["--owner", "Risk board", "--reason", "read by us", "--compensating-control", "never unpickled"]
    assert run(["waive", scan, "--finding", print_, *waiver, "--expires", "2090-01-01", *JANE, *data]) == 0
    answer = ["--answer", "yes", "--reason", "trained in May", "--expires", "2090-01-01"]
    assert run(["attest", scan, "euaia-art4", *answer, "--every-model", *JANE, *data]) == 0
    assert run(["approve", scan, "--reason", "report read", *JANE, *data]) == 0

    capsys.readouterr()
    assert run(["decisions", scan, "--format", "json", *data]) == 0
    listed = json.loads(capsys.readouterr().out)
    kinds = [one["record"]["decision"]["kind"] for one in listed]
    assert kinds == ["preparation", "waiver", "attestation", "approval"]

    assert run(["report", scan, "--report", "json", "--output", "again", "-q", *data]) == 0
    again = json.loads((tmp_path / "again" / "report.json").read_bytes())
    assert again["assessment"]["verdict"]["value"] == "pass"
    assert again["sign_off"]["review"]["kind"] == "approval"
    assert [one["digest"] for one in again["decisions"]] == [one["record"]["digest"] for one in listed]
    assert {one["about"] for one in again["assessment"]["statements"]} == {
        f"finding {print_}",
        "control euaia-art4",
    }

    # Scanned again the same model is waived, and judged past the waiver's day it is blocked.
    assert run([*words, "--report", "none", "-q", "--fresh", *PAT]) == 0
    assert run([*words, "--report", "none", "-q", "--fresh", "--as-of", "2090-01-02"]) == 1

    assert run(["decisions", "--verify", "--head", listed[-1]["record"]["digest"], *data]) == 0
    with (
        sqlite3.connect(tmp_path / "data" / "weighbridge.db") as connection,
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute("DELETE FROM decisions WHERE number = 2")
    with Store.open(f"sqlite:///{tmp_path / 'data' / 'weighbridge.db'}") as store:
        assert [one.decision.kind.value for one in store.decisions()] == [*kinds, "preparation"]
