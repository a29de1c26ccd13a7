"""From arguments to a verdict on metadata alone, with the real client against a hub on loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.hub_server import HubServer
from tests.scanner.inspected_models import MADE

CHECKS = ("integrity-mismatch", "pickle-runs-code", "safetensors-malformed", "publisher-unknown")
ONLY = [word for check in CHECKS for word in ("--check", check)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer() as server:
        for name in ("sharded", "checkpoints"):
            folder = tmp_path_factory.mktemp("made") / name
            MADE[name](folder)
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
            large = {path: files.pop(path) for path in [*files] if len(files[path]) > 100_000}
            server.add(f"org/{name}", files, large)
        yield server


def inspect(hub: HubServer, name: str, data: Path, *more: str) -> int:
    words = ["inspect", f"hf://org/{name}", "--endpoint", hub.url, "--data-dir", str(data), "-q", *ONLY]
    return run([*words, *more])


def inspected(
    hub: HubServer, name: str, data: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, Any]]:
    code = inspect(hub, name, data, "--format", "json", *more)
    return code, json.loads(capsys.readouterr().out)


def test_json_holds_facts_and_what_nobody_looked_at(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = inspected(hub, "sharded", tmp_path, capsys)
    assert (code, found["verdict"], found["exit_code"]) == (3, "incomplete", 3)
    facts = found["facts"]
    assert facts["architecture"] == "llama (LlamaForCausalLM)"
    assert (facts["parameters"], facts["tensors"], facts["dtypes"]) == (2 * 1000 * 512, 2, {"F16": 2})
    assert (facts["licence"], facts["publisher"], facts["bases"]) == ("mit", "org", ["org/base"])
    assert facts["licence_files"] == ["LICENSE"]
    assert found["read"]["files_whole"] == found["read"]["files"] - 2
    assert found["read"]["bytes"] < 100_000 < found["read"]["total_bytes"]
    (omitted,) = found["not_looked_at"]["files"]
    assert (omitted["reason"], omitted["files"]) == ("only its header was read", 2)
    assert omitted["unread_bytes"] == found["read"]["total_bytes"] - found["read"]["bytes"]


def test_text_says_what_was_not_looked_at_within_80_columns(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert inspect(hub, "sharded", tmp_path) == 3
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "INCOMPLETE" in out
    assert "were not read whole" in " ".join(out.split())
    assert "only its header was read" in " ".join(out.split())
    assert "not questioned" in out


def test_attack_in_a_checkpoint_blocks_without_its_weights(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = inspected(hub, "checkpoints", tmp_path, capsys)
    assert (code, found["verdict"]) == (1, "block")


def test_lenient_policy_cannot_let_unread_weights_pass(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "policy: {name: lenient, version: '1', schema: weighbridge.policy/1}\n"
        "packs: []\n"
        "gate:\n  rules:\n  - {id: attack, verdict: block, says: an attack, "
        "failed: {severity_at_least: critical, checks: [remote-code]}}\n"
        "waivers:\n"
        "- {check: pickle-runs-code, reason: known, owner: Jane Roe, expires: 2099-01-01}\n"
        "- {check: integrity-mismatch, reason: known, owner: Jane Roe, expires: 2099-01-01}\n"
    )
    code, found = inspected(hub, "sharded", tmp_path, capsys, "--policy", str(policy))
    assert (code, found["verdict"]) == (3, "incomplete")
    assert "not-whole" in [reason["rule"] for reason in found["reasons"]]


def test_report_marks_the_inspection_and_can_be_verified(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["--report", "json", "--report", "html", "--report", "sarif", "--output", str(out)]
    _, found = inspected(hub, "sharded", tmp_path, capsys, *words)
    report = json.loads((out / "report.json").read_bytes())
    assert report["scan"]["request"]["is_inspection"] is True
    assert report["scan"]["id"] == found["scan"]
    weights = [each for each in report["model"]["files"] if each["path"].endswith(".safetensors")]
    assert [each["sha256"] for each in weights] == ["", ""]
    assert all(each["parts"]["pieces"] for each in weights)
    assert report["reperformance"]["scan"].startswith("weighbridge inspect hf://org/sharded@")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "only its header was read" in page
    assert "Of 2 files only parts were read" in page
    sarif = json.loads((out / "report.sarif").read_bytes())
    hashed = [each for each in sarif["runs"][0]["artifacts"] if "hashes" in each]
    assert len(hashed) == len(report["model"]["files"]) - 2


def test_inspection_is_stored_and_cannot_be_approved(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = inspected(hub, "sharded", tmp_path, capsys)
    words = ["approve", found["scan"], "--reason", "read", "--by", "Jane Roe", "--by-role", "CISO"]
    assert run([*words, "--prepared-by", "John Roe", "--data-dir", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "not approved" in said
    assert "INCOMPLETE" in said


def test_directory_is_inspected_without_copying(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    MADE["sharded"](tmp_path / "model")
    words = ["inspect", str(tmp_path / "model"), "--data-dir", str(tmp_path / "data"), "--format", "json"]
    assert run([*words, *ONLY]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["facts"]["tensors"] == 2
    assert not list((tmp_path / "data").rglob("*.safetensors"))


def test_model_that_is_whole_anyway_is_judged_as_a_scan_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    words = [str(tmp_path / "model"), "--data-dir", str(tmp_path / "data"), "--format", "json", "-q"]
    run(["inspect", *words, *ONLY])
    found = json.loads(capsys.readouterr().out)
    assert "not-whole" not in [reason["rule"] for reason in found["reasons"]]
    assert found["not_looked_at"]["files"] == []


def test_other_kinds_of_sources_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", "nowhere://x/y", "--data-dir", str(tmp_path)]) == 2
    assert "unknown kind of source 'nowhere'" in capsys.readouterr().err


def test_inspection_is_held_to_a_lock_by_what_the_hub_lists_and_proves_nothing_beyond(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["fetch", "hf://org/sharded", "--endpoint", hub.url, "--data-dir", "first", "-q"]
    assert run(words) == 0
    capsys.readouterr()
    lock = ("--lock", "model.lock.json")
    code, found = inspected(hub, "sharded", tmp_path / "second", capsys, *lock)
    assert (code, found["verdict"]) == (3, "incomplete")
    document = json.loads(Path("model.lock.json").read_bytes())
    weights = next(file for file in document["files"] if file["path"].endswith(".safetensors"))
    weights["sha256"] = "0" * 64
    listing = "".join(f"{each['sha256']}  {each['path']}\n" for each in document["files"])
    document["digest"] = hashlib.sha256(listing.encode()).hexdigest()
    Path("model.lock.json").write_text(json.dumps(document))
    code, found = inspected(hub, "sharded", tmp_path / "second", capsys, *lock)
    assert (code, found["verdict"]) == (1, "block")
    assert any(weights["path"] in reason["text"] for reason in found["reasons"])
