"""Reading configs, cards and licence files that may be hostile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scanner.manifest import Snapshot
from scanner.model_files import (
    ModelFileError,
    gguf_metadata,
    licence_files,
    model_card,
    read_config,
    read_json,
    read_text,
)
from tests.assets.tiny_model import snapshot_of


def folder(tmp_path: Path, **files: bytes | str) -> Snapshot:
    """A snapshot of these files; "__" in a name stands for a dot."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name.replace("__", ".")).write_bytes(data)
    return snapshot_of(tmp_path)


def test_config_is_read(tmp_path: Path) -> None:
    assert read_config(folder(tmp_path, config__json='{"a": [1, 2.5, null]}')) == {"a": [1, 2.5, None]}


def test_no_config_is_none_and_not_an_error(tmp_path: Path) -> None:
    assert read_config(folder(tmp_path, other__json="{}")) is None


def test_infinity_as_transformers_writes_it_is_accepted(tmp_path: Path) -> None:
    config = read_config(folder(tmp_path, config__json='{"time_step_limit": [0.0, Infinity]}'))
    assert config == {"time_step_limit": [0.0, float("inf")]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b"[1]", "is list; expected an object"),
        (b'{"a": 1, "a": 2}', "key 'a' is written twice"),
        (b'{"a": {"\x5cu001b[31m": 1, "\x5cu001b[31m": 2}}', r"key '\\x1b\[31m' is written twice"),
        (b"\xff\xfe{\x00}\x00", "not valid JSON"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b" " * (5 * 1024**2), "longer than"),
    ],
)
def test_broken_config_is_an_error_that_names_the_file(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(ModelFileError, match=problem) as caught:
        read_config(folder(tmp_path, config__json=content))
    assert str(caught.value).startswith("config.json")


def test_text_is_limited_and_never_fails_on_its_bytes(tmp_path: Path) -> None:
    snapshot = folder(tmp_path, LICENSE=b"\xef\xbb\xbfCopyright \xa9 A")
    assert read_text(snapshot, "LICENSE") == "Copyright \ufffd A"
    with pytest.raises(ModelFileError, match="LICENSE: longer than 5 bytes"):
        read_text(snapshot, "LICENSE", 5)
    with pytest.raises(ModelFileError, match="none: No such file"):
        read_text(snapshot, "none")


def test_any_json_value_is_read(tmp_path: Path) -> None:
    assert read_json(folder(tmp_path, a__json="[1]"), "a.json") == [1]


def test_card_is_split_into_front_matter_and_text(tmp_path: Path) -> None:
    card = model_card(
        folder(tmp_path, README__md="---\nlicense: mit\ntags: [a, b]\n1: one\n---\n# Tiny\n\nText.\n")
    )
    assert card is not None
    assert card.front_matter == {"license": "mit", "tags": ["a", "b"], "1": "one"}
    assert card.text == "# Tiny\n\nText."
    assert card.path == "README.md"


@pytest.mark.parametrize("content", ["# Tiny\n", "---\n---\n# Tiny\n", "", "--- not front matter\n"])
def test_card_without_front_matter_has_none(tmp_path: Path, content: str) -> None:
    card = model_card(folder(tmp_path, README__md=content))
    assert card is not None
    assert card.front_matter == {}


def test_no_card_is_none(tmp_path: Path) -> None:
    assert model_card(folder(tmp_path, config__json="{}")) is None


def test_readme_in_a_subfolder_is_not_the_card(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# Docs")
    assert model_card(snapshot_of(tmp_path)) is None


def test_card_is_found_in_any_case(tmp_path: Path) -> None:
    card = model_card(folder(tmp_path, readme__MD="# Tiny"))
    assert card is not None
    assert card.path == "readme.MD"


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: v}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("front_matter", "problem"),
    [
        ("license: [mit", "not readable YAML"),
        ("- a list", "expected a mapping"),
        ("just text", "expected a mapping"),
        ("a: !!python/object/apply:os.system ['echo pwned']", "could not determine a constructor"),
        ("a: 2026-99-99", "not readable YAML"),
        (f"a: {'9' * 10_000}", "not readable YAML"),
        ("a: " + "[" * 5000, "nested more than"),
        (LAUGHS, "aliases are not accepted"),
        (MERGES, "aliases are not accepted"),
    ],
)
def test_broken_or_hostile_front_matter_is_an_error(tmp_path: Path, front_matter: str, problem: str) -> None:
    began = time.process_time()
    with pytest.raises(ModelFileError, match=problem) as caught:
        model_card(folder(tmp_path, README__md=f"---\n{front_matter}\n---\ntext\n"))
    assert str(caught.value).startswith("README.md")
    assert time.process_time() - began < 5


def test_long_evaluation_tables_are_read_in_time(tmp_path: Path) -> None:
    rows = "".join(
        f"    - type: main_score\n      value: {index / 7}\n      name: t{index}\n" for index in range(6000)
    )
    began = time.process_time()
    card = model_card(folder(tmp_path, README__md=f"---\nmodel-index:\n  - metrics:\n{rows}---\n# T\n"))
    assert card is not None
    assert time.process_time() - began < 10


def test_licence_files_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    wanted = [
        "COPYING", "LICENCE.md", "LICENSE", "LICENSE-MODEL", "LICENSE.txt", "MODEL_LICENSE", "NOTICE",
        "Tongyi Qianwen LICENSE AGREEMENT", "USE_POLICY.md", "sub/license-code.txt",
    ]  # fmt: skip
    for name in [*wanted, "licensing.py", "README.md", "license.json", "model.license.bin"]:
        (tmp_path / name).write_text("x")
    assert [entry.path for entry in licence_files(snapshot_of(tmp_path))] == wanted


def test_gguf_header_is_read_by_path(demo_model: Path) -> None:
    assert gguf_metadata(demo_model).text("general.license") == "apache-2.0"
