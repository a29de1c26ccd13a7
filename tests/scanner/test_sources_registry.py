"""Looking a source up by its scheme."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.fetching import fetch, load_sources
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError


def test_every_scheme_a_reference_can_have_is_served() -> None:
    local = {"demo", "directory", "gguf", "oci-layout"}
    stores = {"s3", "gs", "az", "abfs", "memory"}
    assert set(load_sources()) == local | stores | {"hf", "ollama", "oci", "https", "http"}


def test_absent_part_of_a_split_file_is_missing_whatever_the_source(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for number in (1, 3):
        (folder / f"big-0000{number}-of-00003.gguf").write_bytes(b"GGUF")
    (folder / "one-00001-of-00001.gguf").write_bytes(b"GGUF")
    snapshot = fetch(ModelRef.parse(str(folder)), FetchOptions(tmp_path))
    assert snapshot.missing == ("big-00002-of-00003.gguf",)
    (folder / "huge-00001-of-99999.gguf").write_bytes(b"GGUF")
    assert len(fetch(ModelRef.parse(str(folder)), FetchOptions(tmp_path)).missing) == 1 + 999


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("hff://org/name", "did you mean 'hf'", "directory"),
        ("htps://host/model.gguf", "did you mean 'https'", "directory"),
    ],
)
def test_unknown_scheme_names_the_nearest(tmp_path: Path, text: str, problem: str, hint: str) -> None:
    with pytest.raises(SourceError, match=problem) as caught:
        fetch(ModelRef.parse(text), FetchOptions(tmp_path))
    assert hint in caught.value.hint


def test_file_address_is_read_as_the_path_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"GGUF")
    for path in (folder, folder / "model.gguf"):
        plain, address = (
            fetch(ModelRef.parse(text), FetchOptions(tmp_path)) for text in (str(path), path.as_uri())
        )
        assert (address.root, address.files) == (plain.root, plain.files)
