"""Parameter counts: shapes before formulas, idle experts left out, nothing guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.errors import NotAvailableError
from scanner.model_files import gguf_metadata
from scanner.origins.architecture import model_size
from tests.scanner.check_runs import snapshot_of
from tests.scanner.model_folders import write_gguf, write_safetensors

# Published counts, in 1e9: total and active. Source: the models' own cards, general knowledge.
QWEN3_8B = {
    "model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936,
    "tie_word_embeddings": False,
}  # fmt: skip
QWEN3_30B_A3B = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32,
    "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768,
    "num_experts": 128, "num_experts_per_tok": 8, "vocab_size": 151936, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.parametrize(("config", "total", "active"), [(QWEN3_8B, 8.2, 8.2), (QWEN3_30B_A3B, 30.5, 3.3)])
def test_formula_gives_published_counts(
    tmp_path: Path, config: dict[str, object], total: float, active: float
) -> None:
    size = model_size(snapshot_of(tmp_path), config, None)
    assert size.total / 1e9 == pytest.approx(total, rel=0.02)
    assert size.active / 1e9 == pytest.approx(active, rel=0.02)
    assert "formula" in size.source


def test_formula_agrees_with_the_shapes_of_a_real_model(tiny_model: Path) -> None:
    import json

    config = json.loads((tiny_model / "config.json").read_text())
    counted = model_size(snapshot_of(tiny_model), config, None)
    empty = tiny_model.parent / "no-weights"
    empty.mkdir(exist_ok=True)
    estimated = model_size(snapshot_of(empty), config, None)
    assert "sum of tensor shapes" in counted.source
    assert estimated.total == pytest.approx(counted.total, rel=0.02)


def test_demo_model_has_its_published_size(demo_model: Path) -> None:
    size = model_size(snapshot_of_file(demo_model), {}, gguf_metadata(demo_model))
    assert size.total == size.active == 134_515_008
    assert size.active_low == size.active  # its embedding is its output head
    assert size.context == 8192


def snapshot_of_file(path: Path):  # noqa: ANN201 - a snapshot of one file without hashing 100 MB
    from scanner.manifest import FileEntry, Snapshot
    from scanner.references import ModelRef

    entry = FileEntry(path.name, path.stat().st_size, "0" * 64)
    return Snapshot(ModelRef.parse("demo"), None, str(path.parent), (entry,))


def test_only_used_experts_are_active_and_shared_ones_always(tmp_path: Path) -> None:
    shapes = {f"layers.0.mlp.experts.{number}.up_proj.weight": [100] for number in range(8)}
    shapes |= {"layers.0.mlp.shared_experts.up_proj.weight": [100], "layers.0.attn.weight": [50]}
    write_safetensors(tmp_path / "model.safetensors", shapes)
    config: dict[str, object] = {"n_routed_experts": 8, "num_experts_per_tok": 2}
    size = model_size(snapshot_of(tmp_path), config, None)
    assert (size.total, size.active) == (950, 350)


def test_experts_of_gguf_are_fused_and_counted_by_its_own_keys(tmp_path: Path) -> None:
    keys = {"llama.expert_count": 4, "llama.expert_used_count": 1}
    path = tmp_path / "m.gguf"
    write_gguf(path, keys, {"blk.0.ffn_up_exps.weight": [10, 4], "blk.0.ffn_up_shexp.weight": [10]})
    size = model_size(snapshot_of(tmp_path), {}, gguf_metadata(path))
    assert (size.total, size.active) == (50, 20)


def test_experts_of_unknown_number_are_not_guessed(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"layers.0.mlp.experts.0.up_proj.weight": [100]})
    with pytest.raises(NotAvailableError, match="how many of them"):
        model_size(snapshot_of(tmp_path), {}, None)


def test_looked_up_embedding_is_outside_the_low_end_only(tmp_path: Path) -> None:
    shapes = {"model.embed_tokens.weight": [30], "lm_head.weight": [30], "model.x.weight": [40]}
    write_safetensors(tmp_path / "model.safetensors", shapes)
    size = model_size(snapshot_of(tmp_path), {}, None)
    assert (size.active, size.active_low) == (100, 70)


@pytest.mark.parametrize("config", [{}, {"model_type": "mamba"}, {"model_type": "llama", "hidden_size": 0}])
def test_unknown_architecture_without_weights_is_not_available(
    tmp_path: Path, config: dict[str, object]
) -> None:
    with pytest.raises(NotAvailableError, match="parameters cannot be counted"):
        model_size(snapshot_of(tmp_path), config, None)


def test_text_part_of_a_multimodal_config_is_read(tmp_path: Path) -> None:
    config: dict[str, object] = {"model_type": "vision", "text_config": QWEN3_8B}
    assert model_size(snapshot_of(tmp_path), config, None).total / 1e9 == pytest.approx(8.2, rel=0.02)
