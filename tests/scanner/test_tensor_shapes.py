"""Tensor shapes: one copy of the model is counted, packed numbers are unpacked, the unreadable is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.origins.tensor_shapes import TensorShapesError, tensor_list
from tests.scanner.check_runs import snapshot_of
from tests.scanner.model_folders import write_gguf, write_safetensors


def count(folder: Path, config: dict[str, object] | None = None) -> int | None:
    """Numbers in all tensors, None when there is no whole model."""
    listed = tensor_list(snapshot_of(folder), config or {})
    return None if listed is None else sum(tensor.count for tensor in listed.tensors)


def test_shards_of_the_index_are_added_up_and_other_copies_are_not(tmp_path: Path) -> None:
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    write_safetensors(tmp_path / names[0], {"a": [10, 10]})
    write_safetensors(tmp_path / names[1], {"b": [50]})
    write_safetensors(tmp_path / "consolidated.safetensors", {"c": [10, 15]})
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert count(tmp_path) == 150


def test_one_quantisation_of_many_is_counted(tmp_path: Path) -> None:
    for name in ("m.Q4_0.gguf", "m.Q8_0.gguf", "mmproj-m.gguf"):
        write_gguf(tmp_path / name, {}, {"w": [8, 4]})
    assert count(tmp_path) == 32


def test_shards_of_one_gguf_are_added_up(tmp_path: Path) -> None:
    for number in (1, 2):
        write_gguf(tmp_path / f"m-0000{number}-of-00002.gguf", {}, {f"w{number}": [8]})
    assert count(tmp_path) == 16


def test_adapter_alone_is_no_model(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "adapter_model.safetensors", {"a": [10]})
    assert count(tmp_path) is None


def test_packed_numbers_are_unpacked_and_scales_left_out(tmp_path: Path) -> None:
    shapes = {"l.qweight": [100, 2000], "l.scales": [100], "l.qzeros": [100], "l.g_idx": [100]}
    write_safetensors(tmp_path / "model.safetensors", shapes, dtype="I32")
    assert count(tmp_path, {"quantization_config": {"quant_method": "gptq", "bits": 4}}) == 200_000 * 8


def test_packed_numbers_of_unknown_width_are_refused(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"l.weight": [100, 2000]}, dtype="U8")
    with pytest.raises(TensorShapesError, match="does not say how it is packed"):
        count(tmp_path)


def test_missing_shard_is_refused_not_left_out(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model-1.safetensors", {"a": [10]})
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(TensorShapesError, match=r"model-2\.safetensors, which is not there"):
        count(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf"])
def test_broken_head_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff" * 64)
    with pytest.raises(TensorShapesError, match=name):
        count(tmp_path)
