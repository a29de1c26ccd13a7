"""Claims of origin: read from every place that makes them, and never longer than a line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scanner.model_files import ModelCard, gguf_metadata
from scanner.origins.lineage import declared_bases, header_bases, header_origins, names_of
from scanner.references import ModelRef
from tests.scanner.check_runs import snapshot_of
from tests.scanner.model_folders import write_gguf


@pytest.mark.parametrize(
    ("value", "bases"),
    [
        ("org/base", ("org/base",)),
        (["org/a", "org/b", "org/a"], ("org/a", "org/b")),
        ("https://huggingface.co/org/base", ("org/base",)),
        ("base without org", ()),
        ({"name": "org/base"}, ()),
        (None, ()),
        (["../../etc/passwd", 7], ()),
    ],
)
def test_declared_bases(value: object, bases: tuple[str, ...]) -> None:
    assert declared_bases(ModelCard({"base_model": value}, "", "README.md")) == bases


def test_header_names_bases_by_address_or_by_organisation(tmp_path: Path) -> None:
    write_gguf(
        tmp_path / "m.gguf",
        {
            "general.base_model.0.repo_url": "https://huggingface.co/org/a",
            "general.base_model.1.organization": "Org",
            "general.base_model.1.name": "Some Base",
        },
    )
    assert header_bases(gguf_metadata(tmp_path / "m.gguf")) == ("org/a", "Org/Some-Base")


def test_header_origins_are_one_printable_line_each(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", {"general.author": "a\nb\x07" + "c" * 500})
    (claim,) = header_origins("m.gguf", gguf_metadata(tmp_path / "m.gguf"))
    assert claim.value.isprintable()
    assert len(claim.value) <= 120


def test_names_come_from_header_config_folder_and_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder-name"
    write_gguf(folder / "file-name.gguf", {"general.basename": "base", "general.size_label": "1B"})
    header = gguf_metadata(folder / "file-name.gguf")
    names = names_of(snapshot_of(folder), {"_name_or_path": "config/name"}, header)
    assert names == ("base-1B", "config/name", "folder-name", "file-name")


@pytest.mark.parametrize(
    ("written", "name"),
    [("ollama://deepseek-r1:8b", "deepseek-r1"), ("oci://host/team/qwen3:v1", "host/team/qwen3")],
)
def test_name_in_a_registry_is_one_of_the_names(tmp_path: Path, written: str, name: str) -> None:
    write_gguf(tmp_path / "model.gguf", {})
    snapshot = replace(snapshot_of(tmp_path), ref=ModelRef.parse(written))
    assert names_of(snapshot, {}, None)[0] == name
