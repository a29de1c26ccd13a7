"""A signed model from the command line to the verdict, and the stored scan judged again without the keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import run
from tests.assets.signed_models import key_pair, model_folder, sign_by_key, sign_by_sigstore
from tests.assets.sigstore_world import SigstoreWorld

Report = dict[str, Any]
IDENTITY, ISSUER = "release@example.org", "https://accounts.example.org"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model and a policy that demands a signature by `release.pub`."""
    monkeypatch.chdir(tmp_path)
    model_folder(tmp_path / "model")
    key_pair(tmp_path)
    write_policy(tmp_path, {"key": "release.pub"})
    return tmp_path


def write_policy(folder: Path, *signers: dict[str, str]) -> None:
    policy = {
        "policy": {"name": "mine", "version": "1", "schema": "weighbridge.policy/1"},
        "packs": [],
        "gate": {"rules": [{"id": "any", "verdict": "block", "says": "a failure", "failed": FAILED}]},
        "signers": list(signers),
    }
    (folder / "weighbridge.yaml").write_text(yaml.safe_dump(policy))


FAILED = {"severity_at_least": "high"}


def scan(here: Path, *more: str) -> tuple[int, Report]:
    """Exit code and report.json of a scan for signatures alone."""
    words = [
        "scan",
        "model",
        "--static-only",
        "--check",
        "signature-not-valid",
        "--check",
        "integrity-mismatch",
    ]
    code = run([*words, "--data-dir", "data", "--output", "out", "--report", "json", "-q", *more])
    return code, json.loads((here / "out" / "report.json").read_bytes())


def reasons(report: Report) -> str:
    return " ".join(reason["text"] for reason in report["assessment"]["verdict"]["reasons"])


def test_signed_model_passes_the_gate_now_and_later_without_the_key(here: Path) -> None:
    sign_by_key(here / "model", here / "release.key")
    code, report = scan(here)
    assert code == 0, reasons(report)
    assert "signed by public key" in reasons(report)
    (here / "release.pub").unlink()
    (here / "model" / "model.sig").unlink()
    assert run(["gate", report["scan"]["id"], "--data-dir", "data"]) == 0
    write_policy(here, {"key": "other.pub"}, {"identity": "*@example.org"})
    assert run(["gate", report["scan"]["id"], "--data-dir", "data"]) == 3


def test_unsigned_model_blocks_where_the_policy_demands_a_signer_and_only_there(here: Path) -> None:
    code, report = scan(here)
    assert code == 1
    assert "carries no signature" in reasons(report)
    write_policy(here)
    code, report = scan(here)
    assert code == 3, "only because nothing else was judged in this scan"
    assert "signature" not in reasons(report)


def test_changed_file_blocks_by_name(here: Path) -> None:
    sign_by_key(here / "model", here / "release.key")
    (here / "model" / "config.json").write_text("{}")
    code, report = scan(here)
    assert code == 1
    assert "config.json differs from what was signed" in reasons(report)


def test_options_name_a_sigstore_identity_of_an_own_instance(here: Path) -> None:
    world = SigstoreWorld()
    write_policy(here)
    sign_by_sigstore(here / "model", world)
    trust = ["--trust-config", str(world.trust_file(here / "trust.json"))]
    code, report = scan(here, "--signer-identity", IDENTITY, "--signer-issuer", ISSUER, *trust)
    assert code == 0, reasons(report)
    (here / "model" / "extra.py").write_text("pass")
    code, report = scan(here, "--signer-identity", IDENTITY, *trust)
    assert code == 1
    assert "extra.py was not there" in reasons(report)
    (here / "model" / "extra.py").unlink()
    code, report = scan(here, "--signer-identity", "other@example.org", *trust)
    assert code == 1
    assert IDENTITY in reasons(report)


def test_key_of_the_policy_that_is_not_there_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "release.pub").unlink()
    words = ["scan", "model", "--static-only", "--data-dir", "data", "--report", "none", "-q"]
    assert run([*words, "--check", "signature-not-valid"]) == 2
    assert "release.pub: No such file" in capsys.readouterr().err


def test_issuer_without_an_identity_is_a_usage_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scan", "model", "--static-only", "--data-dir", "data", "--report", "none", "-q"]
    assert run([*words, "--signer-issuer", ISSUER]) == 2
    assert "needs the identity" in capsys.readouterr().err
