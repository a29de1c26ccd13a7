"""From hf:// to a verdict, with the real client against a hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_scan import findings, scan
from tests.hub_server import HubServer

WEIGHTS = "model.safetensors"
ONLY = ("--static-only", "--report", "json", "--check", "integrity-mismatch", "--check", "publisher-unknown")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


def published(hub: HubServer, model: Path) -> str:
    """Puts a model on the hub, its weights as a large file; the commit."""
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    weights = {WEIGHTS: files.pop(WEIGHTS)}
    return hub.add("HuggingFaceTB/tiny", files, weights)


def test_hub_model_is_pinned_to_its_commit_and_every_byte_verified(
    hub: HubServer, tiny_model: Path, tmp_path: Path
) -> None:
    commit = published(hub, tiny_model)
    words = ["--endpoint", hub.url, *ONLY]
    _, report = scan("hf://HuggingFaceTB/tiny@main", tmp_path / "data", tmp_path / "out", *words)
    assert report["model"]["commit"] == commit
    assert findings(report, "integrity-mismatch", "pass")
    assert findings(report, "publisher-unknown", "pass")


def test_flipped_bytes_behind_a_true_etag_block(hub: HubServer, tiny_model: Path, tmp_path: Path) -> None:
    published(hub, tiny_model)
    hub.serve = lambda path, data: bytes(byte ^ 1 for byte in data) if path == WEIGHTS else data
    words = ["--endpoint", hub.url, *ONLY]
    code, report = scan("hf://HuggingFaceTB/tiny", tmp_path / "data", tmp_path / "out", *words)
    assert code == 1
    failed = [each["locations"][0]["path"] for each in findings(report, "integrity-mismatch", "fail")]
    assert failed == [WEIGHTS]


def test_fetched_model_is_scanned_again_offline(hub: HubServer, tiny_model: Path, tmp_path: Path) -> None:
    commit = published(hub, tiny_model)
    model, data = "hf://HuggingFaceTB/tiny@main", tmp_path / "data"
    scan(model, data, tmp_path / "first", "--endpoint", hub.url, *ONLY)
    asked = len(hub.paths())
    _, report = scan(model, data, tmp_path / "second", "--endpoint", hub.url, "--offline", *ONLY)
    assert report["model"]["commit"] == commit
    assert len(hub.paths()) == asked


def test_commit_of_a_pull_request_is_reviewed_though_every_byte_is_right(
    hub: HubServer, tiny_model: Path, tmp_path: Path
) -> None:
    published(hub, tiny_model)
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    proposed = hub.add("HuggingFaceTB/tiny", files | {"README.md": b"# Not theirs\n"}, revision="refs/pr/7")
    words = ["--endpoint", hub.url, *ONLY, "--check", "reference-misleads"]
    model = f"hf://HuggingFaceTB/tiny@{proposed}"
    code, report = scan(model, tmp_path / "data", tmp_path / "out", *words)
    assert code != 0
    assert findings(report, "integrity-mismatch", "pass")
    (finding,) = findings(report, "reference-misleads", "fail")
    assert finding["severity"] == "medium"
    assert "refs/pr/7" in finding["message"]
