"""Object stores by fsspec, over its own store in memory: what comes from there and what is known of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from scanner.checks.integrity_mismatch import CHECK as INTEGRITY
from scanner.fetching import fetch
from scanner.findings import Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError
from scanner.sources import objects
from tests.registry_server import sha256
from tests.scanner.artefacts import CONFIG, GGUF, contents, facts, findings

FILES = {"model.gguf": GGUF, "config.json": CONFIG, "sub/README.md": b"# Card"}


@pytest.fixture
def store() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for path, data in FILES.items():
        memory.pipe_file(f"/bucket/model/{path}", data)
    yield memory
    memory.store.clear()


def get(tmp_path: Path, text: str = "memory://bucket/model", **options: object) -> Snapshot:
    return fetch(ModelRef.parse(text), FetchOptions(tmp_path / "cache", **options))  # type: ignore[arg-type]


def refused(tmp_path: Path, text: str = "memory://bucket/model", **options: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        get(tmp_path, text, **options)
    assert caught.value.hint
    return caught.value


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("text", ["memory://bucket/model", "memory://bucket/model/"])
def test_folder_is_the_model(tmp_path: Path, text: str) -> None:
    snapshot = get(tmp_path, text)
    assert contents(snapshot) == FILES
    assert [f.outcome for f in findings(INTEGRITY, snapshot, tmp_path)] == [Outcome.NOT_RUN]


@pytest.mark.usefixtures("store")
def test_single_file_may_have_a_demanded_digest(tmp_path: Path) -> None:
    text = f"memory://bucket/model/model.gguf#sha256={sha256(GGUF)}"
    assert contents(get(tmp_path, text)) == {"model.gguf": GGUF}
    assert get(tmp_path, text).files[0].matches_source
    wrong = get(tmp_path, f"memory://bucket/model/model.gguf#sha256={'0' * 64}")
    assert wrong.files[0].matches_source is False
    assert "demanded of a folder" in str(refused(tmp_path, f"memory://bucket/model#sha256={'0' * 64}"))


def test_only_changed_files_are_fetched_again(store: Any, tmp_path: Path) -> None:
    first = get(tmp_path)
    unchanged = first.local_path("model.gguf").stat().st_ino
    store.pipe_file("/bucket/model/config.json", b"{}")
    second = get(tmp_path)
    assert contents(second) == {**FILES, "config.json": b"{}"}
    assert second.local_path("model.gguf").stat().st_ino == unchanged


def test_offline_holds_files_against_our_own_record(store: Any, tmp_path: Path) -> None:
    assert "not in the cache" in str(refused(tmp_path, offline=True))
    get(tmp_path)
    store.store.clear()
    snapshot = get(tmp_path, offline=True)
    assert contents(snapshot) == FILES
    assert all(entry.matches_source for entry in snapshot.files)
    snapshot.local_path("model.gguf").write_bytes(bytes(len(GGUF)))
    assert get(tmp_path, offline=True).files[1].matches_source is False


@pytest.mark.usefixtures("store")
def test_patterns_leave_files_out_and_say_so(tmp_path: Path) -> None:
    snapshot = get(tmp_path, ignore=("*.md",))
    assert set(contents(snapshot)) == {"model.gguf", "config.json"}
    assert facts(snapshot, "left_out") == ["sub/README.md"]


@pytest.mark.parametrize("key", ["a\\..\\evil", "C:evil", "a\nb"])
def test_key_that_leads_out_is_refused(store: Any, tmp_path: Path, key: str) -> None:
    store.pipe_file(f"/bucket/model/{key}", b"evil")
    refused(tmp_path)
    assert not list(tmp_path.rglob("*evil*"))


def test_keys_that_differ_by_case_are_refused(store: Any, tmp_path: Path) -> None:
    store.pipe_file("/bucket/model/MODEL.gguf", b"GGUF")
    assert "cannot both exist" in str(refused(tmp_path))


def test_file_that_is_not_as_long_as_listed_is_refused(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = store.find("/bucket/model", detail=True)
    lies = {key: {**info, "size": info["size"] + 1} for key, info in listed.items()}
    monkeypatch.setattr(type(store), "find", lambda *_, **__: lies)
    assert "as the store lists it" in str(refused(tmp_path))


def test_etag_is_a_fact_and_no_digest(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = store.find("/bucket/model", detail=True)
    told = {key: {**info, "ETag": '"0f1e-2"', "VersionId": "v7"} for key, info in listed.items()}
    monkeypatch.setattr(type(store), "find", lambda *_, **__: told)
    snapshot = get(tmp_path)
    assert 'model.gguf "0f1e-2"' in facts(snapshot, "store_etag")
    assert "model.gguf v7" in facts(snapshot, "store_version")
    assert all(entry.source_digest is None for entry in snapshot.files)


@pytest.mark.usefixtures("store")
def test_nothing_and_no_model_are_clear_errors(tmp_path: Path) -> None:
    assert "nothing is there" in str(refused(tmp_path, "memory://bucket/other"))
    assert "not a model" in str(refused(tmp_path, "memory://bucket/model/sub"))


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")])
def test_package_that_is_not_installed_is_named(tmp_path: Path, scheme: str, package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    error = refused(tmp_path, f"{scheme}://bucket/model")
    assert package in str(error)
    assert error.hint == f"pip install {package}"


def test_partial_file_is_taken_up(store: Any, tmp_path: Path) -> None:
    part = get(tmp_path).local_path("model.gguf")
    identity = store.ukey("/bucket/model/model.gguf")[:16]
    part.rename(part.with_name(f"model.gguf.{identity}.part"))
    rest = part.with_name(f"model.gguf.{identity}.part")
    rest.write_bytes(GGUF[:10])
    heard: list[int] = []
    stored = objects._StoredFile("model.gguf", "/bucket/model/model.gguf", len(GGUF), identity, "", "")
    objects._copy(store, stored, part, heard.append)
    assert part.read_bytes() == GGUF
    assert heard == [10, len(GGUF) - 10]
