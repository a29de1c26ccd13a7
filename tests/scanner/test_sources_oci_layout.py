"""OCI layouts on disk: chosen clearly, linked without a copy, held against their digests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scanner.fetching import fetch
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError
from tests.registry_server import Layer, index, manifest, sha256, tar_of
from tests.scanner.artefacts import CONFIG, GGUF, WEIGHT, contents, facts, raw, write_layout

ONE = (raw("model.gguf", GGUF), Layer(f"{WEIGHT}.tar", tar_of({"config.json": CONFIG})))
OTHER = (raw("model.gguf", b"GGUF"),)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    only = manifest(ONE)
    return write_layout(tmp_path / "kit", index((only, "v1")), layers=ONE, manifests=(only,))


def get(text: str | Path, tmp_path: Path) -> Snapshot:
    return fetch(ModelRef.parse(str(text)), FetchOptions(tmp_path / "cache"))


def refused(text: str | Path, tmp_path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        get(text, tmp_path)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("text", ["oci-layout:{}", "oci-layout://{}", "oci-layout:{}@v1", "{}"])
def test_only_artefact_is_read_by_every_way_to_write_it(layout: Path, tmp_path: Path, text: str) -> None:
    snapshot = get(text.format(layout), tmp_path)
    assert contents(snapshot) == {"model.gguf": GGUF, "config.json": CONFIG}
    assert all(entry.matches_source for entry in snapshot.files)
    assert facts(snapshot, "layout") == [str(layout)]
    assert facts(snapshot, "manifest_digest") == [f"sha256:{sha256(manifest(ONE))}"]


def test_weights_are_linked_and_not_copied(layout: Path, tmp_path: Path) -> None:
    snapshot = get(layout, tmp_path)
    blob = layout / "blobs" / "sha256" / sha256(GGUF)
    assert snapshot.local_path("model.gguf").readlink() == blob
    assert blob.read_bytes() == GGUF


def test_layout_is_left_as_it_was(layout: Path, tmp_path: Path) -> None:
    before = {path: path.is_file() and path.read_bytes() for path in layout.rglob("*")}
    get(layout, tmp_path)
    assert {path: path.is_file() and path.read_bytes() for path in layout.rglob("*")} == before


def test_blob_that_is_a_link_out_of_the_layout_is_refused(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    blob = layout / "blobs" / "sha256" / sha256(GGUF)
    blob.unlink()
    blob.symlink_to(tmp_path / "secret")
    assert "leads out of" in refused(layout, tmp_path)


def test_changed_blob_is_named(layout: Path, tmp_path: Path) -> None:
    get(layout, tmp_path)
    (layout / "blobs" / "sha256" / sha256(GGUF)).write_bytes(bytes(len(GGUF)))
    wrong = [entry.path for entry in get(layout, tmp_path).files if entry.matches_source is False]
    assert wrong == ["model.gguf"]


def test_absent_blob_is_missing(layout: Path, tmp_path: Path) -> None:
    for layer in ONE:
        (layout / "blobs" / "sha256" / sha256(layer.data)).unlink()
    assert "none of its 2 layers is there" in refused(layout, tmp_path)
    (layout / "blobs" / "sha256" / sha256(GGUF)).write_bytes(GGUF)
    assert get(layout, tmp_path).missing == (f"layers/{sha256(ONE[1].data)[:12]}.tar",)


def test_changed_manifest_is_refused(layout: Path, tmp_path: Path) -> None:
    (layout / "blobs" / "sha256" / sha256(manifest(ONE))).write_bytes(manifest(OTHER))
    assert f"expected sha256:{sha256(manifest(ONE))}" in refused(layout, tmp_path)


def test_several_artefacts_need_a_choice(tmp_path: Path) -> None:
    both = manifest(ONE), manifest(OTHER)
    listed = index((both[0], "q4"), (both[1], "q8"))
    root = write_layout(tmp_path / "kit", listed, layers=(*ONE, *OTHER), manifests=both)
    said = refused(root, tmp_path)
    assert "q4" in said
    assert "q8" in said
    assert contents(get(f"oci-layout:{root}@q8", tmp_path)) == {"model.gguf": b"GGUF"}
    by_digest = get(f"oci-layout:{root}@sha256:{sha256(both[0])}", tmp_path)
    assert by_digest.find("config.json")
    assert "no manifests named 'q5'" in refused(f"oci-layout:{root}@q5", tmp_path)


def test_index_within_the_index_is_followed(tmp_path: Path) -> None:
    only = manifest(ONE)
    inner = index((only, "v1"))
    root = write_layout(tmp_path / "kit", index((inner, "v1")), layers=ONE, manifests=(only, inner))
    assert get(root, tmp_path).find("model.gguf")


def test_index_that_names_itself_ends(tmp_path: Path) -> None:
    deep = index((manifest(ONE), "v1"))
    levels = [deep]
    for _ in range(5):
        levels.append(index((levels[-1], "v1")))
    root = write_layout(tmp_path / "kit", levels[-1], layers=ONE, manifests=(*levels, manifest(ONE)))
    assert "indexes within indexes" in refused(root, tmp_path)


def test_folder_that_is_no_layout_is_refused(tmp_path: Path) -> None:
    assert "no OCI image layout" in refused(f"oci-layout:{tmp_path}", tmp_path)


def test_layout_that_moved_is_read_again(layout: Path, tmp_path: Path) -> None:
    get(layout, tmp_path)
    shutil.move(layout, tmp_path / "moved")
    assert contents(get(tmp_path / "moved", tmp_path))["model.gguf"] == GGUF
