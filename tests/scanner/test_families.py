"""Families: hypotheses from names, configs and headers, and silence where several would fit."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest

from scanner.model_files import gguf_metadata
from scanner.origins.families import (
    Shape,
    family_owner,
    family_table,
    parse_families,
    shape_of_config,
    shape_of_header,
)
from scanner.origins.publishers import PublisherDataError, publisher_table
from tests.scanner.model_folders import write_gguf

TABLE = family_table()
TEXT = (importlib.resources.files("scanner") / "data" / "model_families.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("shape", "family"),
    [
        (Shape("qwen2", 152064, 1e6), "Qwen2 and Qwen2.5"),
        (Shape("llama", 128256, 5e5), "Llama 3"),
        (Shape("llama", 128256, None), "Llama 3"),
        (Shape("llama", 64000, 5e6), "Yi"),
        (Shape("llama", 131072, 1000042), "Falcon3"),
        (Shape("llama", 131072, 1e4), None),
        (Shape("llama", 32000, 1e4), None),
        (Shape("deepseek_v3", 128256, 1e4), None),  # the architecture alone, with a vocabulary of its own
        (Shape("", 0, None), None),
    ],
)
def test_family_of_a_shape(shape: Shape, family: str | None) -> None:
    found = TABLE.of_shape(shape)
    assert (found.family.name if found.family else None) == family
    assert found.reason


def test_no_two_families_of_different_makers_fit_the_same_values() -> None:
    for row in TABLE.families:
        for kind in row.model_types:
            for size in row.vocabularies:
                for theta in row.thetas or {None}:
                    makers = {each.org for each in TABLE.families if each.fits(Shape(kind, size, theta))}
                    assert makers == {row.org}, (kind, size, theta)


@pytest.mark.parametrize(
    ("name", "org"),
    [
        ("DeepSeek-R1", "deepseek-ai"),
        ("Qwen2.5-Coder-7B-Instruct-AWQ", "Qwen"),
        ("Qwen3-30B-A3B-Thinking-2507", "Qwen"),
        ("Llama-3.1-8B-Instruct", "meta-llama"),
        ("Mistral-7B-Instruct-v0.3", "mistralai"),
        ("gpt-oss-20b-GGUF", "openai"),
        ("Yi-1.5-9B-Chat", "01-ai"),
    ],
)
def test_names_of_known_models_are_told(name: str, org: str) -> None:
    found = TABLE.named_exactly(name)
    assert found is not None
    assert found.org == org


@pytest.mark.parametrize(
    "name",
    ["Qwen3-8B-poetry", "TinyLlama-1.1B", "OpenLLaMA-7B", "trying-hard", "philosopher-7b", "", "-" * 10_000],
)
def test_other_names_are_nobodys(name: str) -> None:
    assert TABLE.named_exactly(name) is None


def test_short_family_names_are_not_found_inside_words() -> None:
    by_name = {row.name: row for row in TABLE.families}
    assert not by_name["Phi-3"].is_mentioned("a philosophical model")
    assert by_name["Phi-3"].is_mentioned("based on Phi-3.5")
    assert not by_name["Yi"].is_mentioned("trying")
    assert by_name["Llama 3"].is_mentioned("made with Llama3.1")


def test_theta_is_read_where_each_version_of_transformers_writes_it() -> None:
    base = {"model_type": "llama", "vocab_size": 7}
    for where in (
        {"rope_theta": 5},
        {"rope_parameters": {"rope_theta": 5}},
        {"rope_scaling": {"rope_theta": 5}},
    ):
        assert shape_of_config({**base, **where}).theta == 5
        assert shape_of_config({"model_type": "vlm", "text_config": {**base, **where}}).theta == 5


def test_header_gives_architecture_and_base(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", {"llama.rope.freq_base": 10000})
    assert shape_of_header(gguf_metadata(tmp_path / "m.gguf")) == Shape("llama", 0, 10000.0)


def test_every_family_has_a_known_developer() -> None:
    for row in TABLE.families:
        assert publisher_table().find(row.org) is not None, row.name
        assert publisher_table().find(family_owner(row)) is not None
        assert row.stem


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("weighbridge.model-families/1", "x"),
        (",qwen-?3\\.5,", ",qwen(,"),
        (",248320,", ",many,"),
        (",no,https", ",maybe,https"),
        ("gpt-oss,openai", "gpt-oss,"),
    ],
)
def test_broken_table_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(PublisherDataError, match="model_families.csv"):
        parse_families(TEXT.replace(old, new, 1))
