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
