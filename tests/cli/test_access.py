"""What sources beside the hub need reaches them from the command line, and the hub's token does not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.access import access
from cli.main import weighbridge
from scanner.source import Access
from tests.registry_server import FileServer, RegistryServer
from tests.scanner.artefacts import GGUF, raw, write_store


def fetch(tmp_path: Path, *arguments: str, **env: str) -> Result:
    line = ["fetch", *arguments, "--no-lock", "--format", "json", "--data-dir", str(tmp_path / "data")]
    return CliRunner(env={"HF_TOKEN": "hf_secret", "HOME": str(tmp_path), **env}).invoke(weighbridge, line)


def test_credential_reaches_the_registry_and_no_output(tmp_path: Path) -> None:
    with RegistryServer(secret="user:topsecret") as server:
        server.push("team/model", "v1", [raw("model.gguf", GGUF)])
        result = fetch(tmp_path, f"oci://{server.host}/team/model:v1", "--credential", "user:topsecret")
    assert json.loads(result.output)["exit_code"] == 0
    assert "topsecret" not in result.output
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"topsecret" in path.read_bytes()]


def test_token_of_the_hub_goes_nowhere_else(tmp_path: Path) -> None:
    with FileServer({"/tiny.gguf": GGUF}) as server:
        assert json.loads(fetch(tmp_path, f"{server.url}/tiny.gguf").output)["exit_code"] == 0
        assert [given for _, _, given in server.requests] == [""]


@pytest.mark.parametrize("is_named", [True, False])
def test_store_of_ollama_is_found(tmp_path: Path, is_named: bool) -> None:
    store = tmp_path / ("elsewhere" if is_named else ".ollama/models")
    from tests.registry_server import Layer

    layers = [Layer("application/vnd.ollama.image.model", GGUF)]
    write_store(store, "registry.ollama.ai/library/tiny/latest", layers)
    env = {"OLLAMA_MODELS": str(store)} if is_named else {}
    result = fetch(tmp_path, "ollama://tiny", "--offline", **env)
    document = json.loads(result.output)
    assert (document["model"], document["exit_code"]) == ("ollama://tiny", 0)
    assert [each["path"] for each in document["files"]] == ["model.gguf", "ollama-config.json"]


def test_store_of_the_service_that_is_closed_to_us_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    look = os.stat

    def closed(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith(".ollama/models"):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, **options)

    monkeypatch.setattr(os, "stat", closed)
    assert access().ollama_store is None


def test_credential_is_not_shown_by_accident() -> None:
    assert "topsecret" not in repr(Access("user:topsecret"))
