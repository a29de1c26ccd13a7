"""From a reference to a lock, and from a lock back to its bytes: the real client, a hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from cli.main import run
from scanner.lock.lock_file import read_lock
from tests.e2e.test_scan import findings
from tests.hub_server import HubServer

FILES = {"config.json": b'{"model_type": "llama"}', "README.md": b"# tiny"}
WEIGHTS = {"model.safetensors": b"\x02\0\0\0\0\0\0\0{}"}
POLICY = """
policy: {schema: weighbridge.policy/1, name: gate-only, version: "1"}
packs: []
"""
MODEL = "hf://org/tiny@main"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@dataclass(frozen=True)
class Desk:
    """A working directory with a data folder, before a hub."""

    hub: HubServer
    here: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def lock(self) -> Path:
        return self.here / "model.lock.json"

    def fetch(self, *words: str, endpoint: str = "") -> tuple[int, dict[str, Any]]:
        """Exit code and JSON of a fetch; {} where it printed none."""
        code = self.run("fetch", *words, "--format", "json", endpoint=endpoint)
        printed = self.capsys.readouterr().out
        return code, json.loads(printed) if printed else {}

    def scan(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit code and report of a scan for integrity alone."""
        only = ("--static-only", "--check", "integrity-mismatch", "--report", "json", "--output", "out", "-q")
        (self.here / "out" / "report.json").unlink(missing_ok=True)
        code = self.run("scan", *words, *only)
        self.capsys.readouterr()
        report = self.here / "out" / "report.json"
        return code, json.loads(report.read_bytes()) if report.exists() else {}

    def run(self, *words: str, endpoint: str = "") -> int:
        self.capsys.readouterr()
        return run([*words, "--endpoint", endpoint or self.hub.url, "--data-dir", str(self.here / "data")])


@pytest.fixture
def desk(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.chdir(tmp_path)
    # The gate alone: no pack has anything to say about a lock.
    (tmp_path / "weighbridge.yaml").write_text(POLICY)
    hub.add("org/tiny", FILES, WEIGHTS)
    return Desk(hub, tmp_path, capsys)


def move_main(hub: HubServer) -> str:
    """A new commit on main: a file changed, one added, one gone."""
    return hub.add("org/tiny", {"config.json": b"{}", "modeling.py": b"import os"}, WEIGHTS)


def test_fetch_pins_the_commit_hashes_every_byte_and_writes_what_it_got(desk: Desk) -> None:
    commit = desk.hub.repositories["org/tiny"].revisions["main"]
    code, said = desk.fetch(MODEL)
    lock = read_lock(desk.lock)
    assert (code, said["commit"], lock.commit, lock.requested_revision) == (0, commit, commit, "main")
    assert {file.path: file.size_bytes for file in lock.files} == {
        path: len(data) for path, data in {**FILES, **WEIGHTS}.items()
    }
    assert said["lock"] == {"file": "model.lock.json", "state": "written", "changes": []}
    assert all(file["matches"] for file in said["files"])
    assert Path(said["folder"], "README.md").read_bytes() == FILES["README.md"]


def test_text_names_commit_folder_digest_and_how_it_is_known_in_80_columns(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert desk.run("fetch", MODEL, "-q") == 0
    printed = desk.capsys.readouterr().out
    lock = read_lock(desk.lock)
    assert lock.commit in printed
    assert lock.digest in printed
    assert "hub tree at the commit (git-sha1): 2 files" in printed
    assert "written: model.lock.json" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_wrong_bytes_are_named_end_with_one_and_are_not_locked(desk: Desk) -> None:
    desk.hub.serve = lambda path, data: bytes(byte ^ 1 for byte in data) if path == "README.md" else data
    code, said = desk.fetch(MODEL)
    assert code == said["exit_code"] == 1
    (problem,) = said["problems"]
    assert problem.startswith("README.md: git-sha1 is ")
    assert said["lock"]["state"] == "not_written"
    assert not desk.lock.exists()


def test_fetching_again_changes_nothing_in_the_lock(desk: Desk) -> None:
    desk.fetch(MODEL)
    before = desk.lock.read_bytes()
    code, said = desk.fetch(MODEL)
    assert (code, said["lock"]["state"]) == (0, "unchanged")
    assert desk.lock.read_bytes() == before


def test_update_says_what_changed_against_the_old_lock(desk: Desk) -> None:
    desk.fetch(MODEL)
    commit = move_main(desk.hub)
    code, said = desk.fetch(MODEL)
    assert (code, said["lock"]["state"], read_lock(desk.lock).commit) == (0, "updated", commit)
    changes = " | ".join(said["lock"]["changes"])
    for named in (commit, "config.json: sha256 is", "modeling.py: there and not before", "README.md"):
        assert named in changes


def test_locked_fetch_gets_the_old_commit_when_the_branch_has_moved(desk: Desk) -> None:
    desk.fetch(MODEL)
    before = desk.lock.read_bytes()
    move_main(desk.hub)
    code, said = desk.fetch(MODEL, "--locked")
    assert (code, said["lock"]["state"]) == (0, "held")
    assert said["commit"] == read_lock(desk.lock).commit
    assert ["requested_revision", "main"] in said["source"]
    assert desk.lock.read_bytes() == before


def test_locked_fetch_refuses_a_hub_that_tells_the_same_lie_in_tree_and_bytes(desk: Desk) -> None:
    """A commit whose files were exchanged, digests and all: only the lock can tell."""
    desk.fetch(MODEL)
    repository = desk.hub.repositories["org/tiny"]
    commit = repository.revisions["main"]
    forged = desk.hub.add("org/tiny", {"config.json": FILES["config.json"], "evil.py": b"x"}, WEIGHTS)
    repository.commits[commit] = type(repository.commits[commit])(
        commit, repository.commits[forged].files, repository.commits[forged].large
    )
    code, said = desk.fetch(MODEL, "--locked")
    assert code == 1
    assert said["lock"]["state"] == "refused"
    assert {problem.partition(";")[0] for problem in said["problems"]} >= {
        "README.md: on record and not there",
        "evil.py: there and not in the lock",
    }


def test_lock_itself_can_be_fetched_and_scanned(desk: Desk) -> None:
    desk.fetch(MODEL)
    move_main(desk.hub)
    code, said = desk.fetch("model.lock.json")
    assert (code, said["lock"]["state"], said["model"]) == (0, "held", MODEL)
    code, report = desk.scan("model.lock.json")
    assert report["model"]["commit"] == said["commit"]
    assert findings(report, "integrity-mismatch", "pass")


def test_locked_fetch_works_offline_and_offline_alone_has_nothing_else(desk: Desk) -> None:
    desk.fetch(MODEL)
    move_main(desk.hub)
    asked = len(desk.hub.paths())
    assert desk.fetch(MODEL, "--locked", "--offline")[0] == 0
    assert desk.fetch("model.lock.json", "--offline")[1]["lock"]["state"] == "held"
    assert len(desk.hub.paths()) == asked


def test_offline_with_an_older_snapshot_in_the_cache_is_an_error_not_that_snapshot(desk: Desk) -> None:
    desk.fetch(MODEL, "--lock", "old.lock.json")
    move_main(desk.hub)
    other = desk.here / "other"
    words = ["fetch", MODEL, "--lock", "new.lock.json", "-q", "--endpoint", desk.hub.url]
    assert run([*words, "--data-dir", str(other)]) == 0
    code, said = desk.fetch("new.lock.json", "--offline")
    assert (code, said) == (2, {})


def test_locked_without_a_lock_and_a_lock_of_another_model_are_usage_errors(desk: Desk) -> None:
    assert desk.fetch(MODEL, "--locked")[0] == 2
    desk.fetch(MODEL)
    before = desk.lock.read_bytes()
    desk.hub.add("org/other", FILES, WEIGHTS)
    assert desk.fetch("hf://org/other")[0] == 2
    assert desk.fetch("hf://org/other", "--locked")[0] == 2
    assert desk.fetch("hf://org/tiny@v2", "--locked")[0] == 2
    assert desk.lock.read_bytes() == before


def test_hub_that_answers_another_commit_than_the_locked_one_is_refused(desk: Desk) -> None:
    desk.fetch(MODEL)
    repository = desk.hub.repositories["org/tiny"]
    locked = repository.revisions["main"]
    newest = move_main(desk.hub)
    repository.revisions[locked] = newest
    code, said = desk.fetch(MODEL, "--locked")
    assert code in (1, 2)
    assert said.get("lock", {}).get("state") in (None, "refused")


def test_patterns_leave_files_on_the_hub_and_are_kept_by_the_lock(desk: Desk) -> None:
    code, said = desk.fetch(MODEL, "--ignore", "*.md")
    lock = read_lock(desk.lock)
    assert (code, lock.ignore, lock.left_out) == (0, ("*.md",), ("README.md",))
    assert not [path for path in desk.hub.paths() if path.endswith("README.md")]
    assert desk.fetch(MODEL)[1]["lock"]["state"] == "unchanged"
    assert desk.fetch(MODEL, "--locked", "--allow", "*")[0] == 2
    code, said = desk.fetch(MODEL, "--allow", "*.json", "--allow", "model.*")
    assert "ignore: none, and *.md before" in said["lock"]["changes"]
    assert desk.scan(MODEL, "--lock", "model.lock.json", "--ignore", "*.py") == (2, {})
    _, report = desk.scan(MODEL, "--lock", "model.lock.json")
    (left_out,) = [
        each
        for each in findings(report, "integrity-mismatch", "not_run")
        if each["subject"] == "files left out"
    ]
    assert "README.md" in left_out["reason"]
    assert findings(report, "integrity-mismatch", "pass")


def test_patterns_choose_files_of_a_folder_too(desk: Desk) -> None:
    folder = desk.here / "copy"
    folder.mkdir()
    for path, data in {**FILES, **WEIGHTS}.items():
        (folder / path).write_bytes(data)
    assert desk.fetch("copy", "--ignore", "*.md")[0] == 0
    assert [file.path for file in read_lock(desk.lock).files] == ["config.json", "model.safetensors"]
    assert desk.fetch("copy", "--allow", "nothing", "--no-lock")[0] == 2


def test_no_lock_writes_none(desk: Desk) -> None:
    code, said = desk.fetch(MODEL, "--no-lock")
    assert (code, said["lock"]["state"]) == (0, "none")
    assert not desk.lock.exists()


def test_token_and_password_reach_no_lock_and_no_output(desk: Desk) -> None:
    endpoint = desk.hub.url.replace("http://", "http://me:mirror-password@")
    code, said = desk.fetch(MODEL, "--token", "hf_secret_token", endpoint=endpoint)
    written = desk.lock.read_text() + json.dumps(said)
    assert code == 0
    assert "hf_secret_token" not in written
    assert "mirror-password" not in written
    assert desk.hub.url in written


def test_scan_with_a_lock_scans_its_commit_not_the_newest(desk: Desk) -> None:
    desk.fetch(MODEL)
    move_main(desk.hub)
    _, report = desk.scan(MODEL, "--lock", "model.lock.json")
    assert report["model"]["commit"] == read_lock(desk.lock).commit
    assert report["scan"]["request"]["lock"] == read_lock(desk.lock).sha256
    assert [each["rule"] for each in findings(report, "integrity-mismatch", "pass")] == ["", "LOCK"]
    assert " --lock model.lock.json " in report["reperformance"]["scan"]


def test_scan_of_a_folder_names_every_file_that_is_not_as_locked(desk: Desk) -> None:
    desk.fetch(MODEL)
    folder = desk.here / "copy"
    folder.mkdir()
    for path, data in {**FILES, **WEIGHTS}.items():
        (folder / path).write_bytes(data)
    _, report = desk.scan("copy", "--lock", "model.lock.json")
    assert {each["rule"] for each in findings(report, "integrity-mismatch", "pass")} == {"", "LOCK"}
    (folder / "config.json").write_bytes(b"{}")
    (folder / "README.md").unlink()
    (folder / "modeling.py").write_bytes(b"import os")
    code, report = desk.scan("copy", "--lock", "model.lock.json")
    failed = findings(report, "integrity-mismatch", "fail")
    assert code == 1
    assert {(each["rule"], each["locations"][0]["path"]) for each in failed} == {
        ("DIFFERS", "config.json"),
        ("MISSING", "README.md"),
        ("EXTRA", "modeling.py"),
    }


def test_same_tensors_in_other_shards_are_told_beside_the_failure(desk: Desk) -> None:
    tensors = {name: np.arange(6, dtype=np.float32).reshape(2, 3) + len(name) for name in ("a", "bb", "ccc")}
    shards = {"one": [("model", tensors)], "two": [(name, {name: tensors[name]}) for name in tensors]}
    for folder, files in shards.items():
        (desk.here / folder).mkdir()
        (desk.here / folder / "config.json").write_bytes(b"{}")
        for name, part in files:
            save_file(part, desk.here / folder / f"{name}.safetensors")
    assert desk.fetch("one")[0] == 0
    code, report = desk.scan("two", "--lock", "model.lock.json")
    assert code == 1
    assert {each["rule"] for each in findings(report, "integrity-mismatch", "fail")} == {"EXTRA", "MISSING"}
    assert [each["rule"] for each in findings(report, "integrity-mismatch", "pass")] == ["LOCK-TENSORS"]


def test_lock_that_could_not_be_written_stops_before_anything_is_fetched(desk: Desk) -> None:
    assert desk.fetch(MODEL, "--lock", "weighbridge.yaml/model.lock.json")[0] == 2
    assert desk.hub.paths() == []


def test_lock_is_not_put_among_the_files_that_it_is_about(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.here / "copy"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    monkeypatch.chdir(folder)
    assert desk.fetch(".")[0] == 2
    assert [path.name for path in folder.iterdir()] == ["config.json"]
    assert desk.fetch(".", "--lock", "../copy.lock.json")[0] == 0
    assert desk.fetch(".", "--lock", "../copy.lock.json", "--locked")[0] == 0


def test_lock_that_is_not_there_is_named_as_model_and_as_scan(desk: Desk) -> None:
    for words in (["fetch"], ["scan"], ["gate"], ["compare", "gone.lock.json"]):
        assert run([*words, "gone.lock.json", "--data-dir", str(desk.here / "data")]) == 2
        assert "gone.lock.json: No such file" in desk.capsys.readouterr().err


def test_scan_with_a_damaged_lock_scans_nothing(desk: Desk) -> None:
    desk.fetch(MODEL)
    desk.lock.write_bytes(desk.lock.read_bytes()[:-20])
    assert desk.scan(MODEL, "--lock", "model.lock.json") == (2, {})


def test_gate_and_compare_take_and_demand_locks(desk: Desk) -> None:
    desk.fetch(MODEL)
    _, old = desk.scan(MODEL)
    move_main(desk.hub)
    _, new = desk.scan(MODEL)
    data = ["--data-dir", str(desk.here / "data")]
    lock = ["--lock", "model.lock.json"]
    assert run(["gate", new["scan"]["id"], *lock, *data, "--format", "json"]) == 1
    reasons = json.loads(desk.capsys.readouterr().out)["reasons"]
    assert ("lock", "block") in [(each["rule"], each["value"]) for each in reasons]
    run(["gate", "model.lock.json", *lock, *data, "--format", "json"])
    said = json.loads(desk.capsys.readouterr().out)
    assert said["scan"] == old["scan"]["id"]
    assert ("lock", "pass") in [(each["rule"], each["value"]) for each in said["reasons"]]
    assert run(["compare", "model.lock.json", new["scan"]["id"], *data]) in (3, 4)
    assert run(["compare", "model.lock.json", new["scan"]["id"], *lock, *data]) == 1
    assert "modeling.py" in desk.capsys.readouterr().err


def test_policy_can_demand_that_every_scan_is_held_to_a_lock(desk: Desk) -> None:
    rule = "{id: own, verdict: block, says: every model is locked, unlocked: true}"
    (desk.here / "weighbridge.yaml").write_text(f"{POLICY}gate: {{rules: [{rule}]}}\n")
    desk.fetch(MODEL)
    code, report = desk.scan(MODEL)
    assert code == 1
    assert [each["rule"] for each in report["assessment"]["verdict"]["reasons"]] == ["own"]
    data = ["--data-dir", str(desk.here / "data")]
    assert run(["gate", report["scan"]["id"], "--lock", "model.lock.json", *data]) == 0
    assert run(["gate", report["scan"]["id"], *data]) == 1
    assert desk.scan("model.lock.json")[0] == 0


def test_lock_whose_bytes_were_never_scanned_names_the_scan_to_make(desk: Desk) -> None:
    desk.fetch(MODEL)
    code = run(["gate", "model.lock.json", "--data-dir", str(desk.here / "data")])
    assert code == 2
    assert "weighbridge scan model.lock.json" in desk.capsys.readouterr().err
