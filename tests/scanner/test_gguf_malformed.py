"""gguf-malformed: every lie of a header is named, real files pass, and nothing claimed is allocated."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest

from scanner.checks.gguf_malformed import CHECK
from scanner.findings import Outcome, Severity
from tests.assets import make_file_assets as assets
from tests.assets.gguf_cases import gguf_metadata_cases
from tests.scanner.check_runs import findings_of

CASES = assets.gguf_cases() | gguf_metadata_cases()
TOKENS = assets.gguf_array(
    "tokenizer.ggml.tokens", 8, 2, assets.gguf_string(b"\0") + assets.gguf_string(b"\xff")
)
DESCRIPTION = assets.gguf_key(
    "general.description",
    8,
    assets.gguf_string("Knows curl https://example.org, {{ braces }} and eval | sort."),
)
GOOD = assets.gguf_bytes([assets.GGUF_ARCHITECTURE], [assets.gguf_tensor("w", [8], 0)], bytes(32))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the official writer: scalars, arrays, several types, own alignment."""
    import gguf
    import numpy as np

    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_custom_alignment(64)
    writer.add_chat_template("{{ messages[0].content }}")
    writer.add_token_list(["a", "b", "é"])
    writer.add_array("some.floats", [1.0, 2.0])
    writer.add_tensor("f32", np.ones((3, 5), dtype=np.float32))
    writer.add_tensor("f16", np.ones(7, dtype=np.float16))
    writer.add_tensor("q8", np.zeros((2, 34), dtype=np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("name", CASES)
def test_malformed_file_fails_with_its_code(name: str, tmp_path: Path) -> None:
    code, data = CASES[name]
    found = findings_of(CHECK, assets.write_all(tmp_path, {"model.gguf": data}))
    assert {finding.outcome for finding in found} == {Outcome.FAIL}
    assert code in {finding.rule for finding in found}
    assert all(each.remediation and each.tags and each.locations[0].path == "model.gguf" for each in found)


def test_file_of_the_official_writer_passes(written: Path) -> None:
    assert [each.outcome for each in findings_of(CHECK, written.parent)] == [Outcome.PASS]


def test_demo_model_passes(demo_model: Path, tmp_path: Path) -> None:
    (tmp_path / "demo.gguf").symlink_to(demo_model)
    assert [each.outcome for each in findings_of(CHECK, tmp_path)] == [Outcome.PASS]


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        assets.gguf_bytes([assets.GGUF_ARCHITECTURE], [], b""),
        assets.gguf_bytes([], [assets.gguf_tensor("a", [8], 32), assets.gguf_tensor("b", [8], 0)], bytes(64)),
        assets.gguf_bytes([], [assets.gguf_tensor("w" * 63, [1], 0)], bytes(4)),
        assets.gguf_bytes([], [assets.gguf_tensor("w", [32, 2, 1, 1], 0, kind=2)], bytes(36)),
        assets.gguf_bytes([assets.GGUF_ARCHITECTURE, TOKENS], [], b""),
        assets.gguf_bytes([assets.GGUF_ARCHITECTURE, DESCRIPTION], [], b""),
    ],
    ids=[
        "plain",
        "no tensors",
        "any order",
        "longest name",
        "quantised, no padding at the end",
        "any bytes as token",
        "words about curl",
    ],
)
def test_odd_but_valid_file_passes(data: bytes, tmp_path: Path) -> None:
    found = findings_of(CHECK, assets.write_all(tmp_path, {"model.gguf": data}))
    assert [each.outcome for each in found] == [Outcome.PASS]


def test_gguf_of_another_name_is_judged_by_its_magic(tmp_path: Path) -> None:
    files = {
        "weights.bin": CASES["duplicate_tensor"][1],
        "legacy.bin": CASES["legacy_ggjt"][1],
        "notes.txt": b"GGU",
    }
    found = findings_of(CHECK, assets.write_all(tmp_path, files))
    assert sorted((each.locations[0].path, each.rule) for each in found) == [
        ("legacy.bin", "GGUF-LEGACY"),
        ("weights.bin", "GGUF-DUP"),
    ]


def test_part_that_is_not_the_part_its_name_says_fails(tmp_path: Path) -> None:
    keys = [assets.gguf_key("split.no", 2, b"\0\0"), assets.gguf_key("split.count", 2, b"\2\0")]
    data = assets.gguf_bytes([assets.GGUF_ARCHITECTURE, *keys], [], b"")
    files = {"a-00001-of-00002.gguf": data, "a-00002-of-00002.gguf": data}
    failed = [
        each for each in findings_of(CHECK, assets.write_all(tmp_path, files)) if each.outcome is Outcome.FAIL
    ]
    assert [(each.locations[0].path, each.rule) for each in failed] == [
        ("a-00002-of-00002.gguf", "GGUF-SPLIT")
    ]


def test_bytes_behind_the_tensors_are_only_medium(tmp_path: Path) -> None:
    found = findings_of(CHECK, assets.write_all(tmp_path, {"model.gguf": CASES["trailing"][1]}))
    assert [each.severity for each in found] == [Severity.MEDIUM]


@pytest.mark.parametrize("name", ["tensor_count", "key_count", "key_length", "string_length", "array_length"])
def test_claims_are_not_allocated(name: str, tmp_path: Path) -> None:
    folder = assets.write_all(tmp_path, {"model.gguf": CASES[name][1]})
    findings_of(CHECK, folder)  # imports done
    tracemalloc.start()
    findings_of(CHECK, folder)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1024**2


def test_random_changes_never_crash(written: Path, tmp_path: Path) -> None:
    whole = written.read_bytes()
    dice = random.Random(0)
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(700)] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
        (tmp_path / "model.gguf").write_bytes(changed[: dice.randint(0, len(changed))])
        assert findings_of(CHECK, tmp_path)


def test_cut_anywhere_fails(written: Path, tmp_path: Path) -> None:
    whole = written.read_bytes()
    for size in range(0, len(whole) - 64, 97):
        (tmp_path / "model.gguf").write_bytes(whole[:size])
        assert {each.outcome for each in findings_of(CHECK, tmp_path)} == {Outcome.FAIL}


def test_many_faults_are_summed_up(tmp_path: Path) -> None:
    tensors = [assets.gguf_tensor("w", [8], 0) for _ in range(100)]
    found = findings_of(
        CHECK, assets.write_all(tmp_path, {"model.gguf": assets.gguf_bytes([], tensors, bytes(32))})
    )
    assert len(found) == 21


def test_model_without_gguf_is_not_judged(tmp_path: Path) -> None:
    found = findings_of(CHECK, assets.write_all(tmp_path, {"config.json": b"{}"}))
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]
