"""The GGUF source: one file, its other parts, and nothing beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scanner.fetching import fetch
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError

DATA = b"GGUF" + (3).to_bytes(4, "little") + bytes(16)


def get(path: Path) -> Snapshot:
    return fetch(ModelRef.parse(str(path)), FetchOptions(path.parent / "cache"))


def test_only_the_named_file_is_the_model(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    (tmp_path / "other.gguf").write_bytes(DATA)
    (tmp_path / "diary.txt").write_text("private")
    snapshot = get(tmp_path / "tiny.gguf")
    assert [entry.path for entry in snapshot.files] == ["tiny.gguf"]
    assert snapshot.root == str(tmp_path)
    assert snapshot.files[0].sha256 == hashlib.sha256(DATA).hexdigest()
    assert snapshot.missing == ()


def test_sums_beside_it_are_held_against_it(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other.gguf\n{'1' * 64}  tiny.gguf\n")
    snapshot = get(tmp_path / "tiny.gguf")
    assert snapshot.files[0].matches_source is False
    assert snapshot.missing == ()


def test_all_parts_of_a_split_model_belong_to_it(tmp_path: Path) -> None:
    for number in (1, 3):
        (tmp_path / f"big-0000{number}-of-00003.gguf").write_bytes(DATA)
    snapshot = get(tmp_path / "big-00001-of-00003.gguf")
    assert len(snapshot.files) == 2
    assert snapshot.missing == ("big-00002-of-00003.gguf",)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "no such file"),
        (b"", "starts with b''"),
        (b"version https://git-lfs.github.com/spec/v1", "starts with b'vers'"),
    ],
)
def test_what_is_not_gguf_is_an_error_with_a_hint(tmp_path: Path, data: bytes | None, problem: str) -> None:
    if data is not None:
        (tmp_path / "tiny.gguf").write_bytes(data)
    with pytest.raises(SourceError, match=problem) as caught:
        get(tmp_path / "tiny.gguf")
    assert caught.value.hint


def test_folder_with_the_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").mkdir()
    with pytest.raises(SourceError, match="not a regular file"):
        get(tmp_path / "tiny.gguf")


def test_named_link_is_followed_and_told(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(DATA)
    (tmp_path / "tiny.gguf").symlink_to("blob")
    snapshot = get(tmp_path / "tiny.gguf")
    assert snapshot.files[0].path == "tiny.gguf"
    assert "blob" in dict(snapshot.source)["link_named"]


def test_link_in_a_hub_cache_is_held_against_its_blob(tmp_path: Path) -> None:
    repository, commit = tmp_path / "models--org--tiny", "0123456789" * 4
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "blobs").mkdir()
    blob = repository / "blobs" / hashlib.sha256(DATA).hexdigest()
    blob.write_bytes(DATA)
    link = repository / "snapshots" / commit / "tiny.gguf"
    link.symlink_to(Path("..", "..", "blobs", blob.name))
    assert (get(link).files[0].matches_source, get(link).commit) == (True, commit)
    blob.write_bytes(DATA + b"more")
    assert get(link).files[0].matches_source is False
