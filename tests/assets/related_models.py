"""Models that were made from one base in every way that is told apart: small, seeded, of numpy alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.assets.tensor_files import Weights, write_safetensors_file

Matrix = npt.NDArray[np.float32]
LAYERS, WIDTH, INNER, TOKENS = 6, 64, 160, 200
_PARTS = {
    "self_attn.q_proj": (WIDTH, WIDTH), "self_attn.v_proj": (WIDTH, WIDTH),
    "self_attn.o_proj": (WIDTH, WIDTH), "mlp.up_proj": (INNER, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
}  # fmt: skip


def base_tensors(seed: int = 0) -> dict[str, Matrix]:
    """The tensors of a decoder: an embedding, six layers, norms that are nearly one."""
    rng = np.random.default_rng(seed)
    made = {"model.embed_tokens.weight": _normal(rng, (TOKENS, WIDTH))}
    for layer in range(LAYERS):
        for part, shape in _PARTS.items():
            made[f"model.layers.{layer}.{part}.weight"] = _normal(rng, shape)
        made[f"model.layers.{layer}.input_layernorm.weight"] = 1 + _normal(rng, (WIDTH,))
    return made


def with_adapter(
    tensors: Mapping[str, Matrix], rank: int, size: float = 0.02, seed: int = 1
) -> dict[str, Matrix]:
    """Query and value matrices with a product of two narrow matrices added."""
    rng = np.random.default_rng(seed)

    def merged(weight: Matrix) -> Matrix:
        rows, columns = weight.shape
        low = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
        return (weight + size / np.sqrt(rank) * low * 0.3).astype(np.float32)

    return {
        name: merged(each) if "q_proj" in name or "v_proj" in name else each for name, each in tensors.items()
    }


def changed(
    tensors: Mapping[str, Matrix], of: Callable[[str], bool], size: float = 0.002, seed: int = 2
) -> dict[str, Matrix]:
    """The chosen tensors moved in all directions, as training of all weights moves them."""
    rng = np.random.default_rng(seed)
    return {
        name: each + size * _unit(rng, each.shape) if of(name) else each for name, each in tensors.items()
    }


def as_floats(tensors: Mapping[str, Matrix]) -> dict[str, Weights]:
    """In 32-bit floats."""
    return {name: Weights("F32", each.shape, each.tobytes()) for name, each in tensors.items()}


def as_bfloats(tensors: Mapping[str, Matrix]) -> dict[str, Weights]:
    """In bfloat16, rounded to the nearest."""

    def rounded(each: Matrix) -> bytes:
        bits = each.astype("<f4").view("<u4").astype(np.uint64)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()

    return {name: Weights("BF16", each.shape, rounded(each)) for name, each in tensors.items()}


def as_int8(tensors: Mapping[str, Matrix]) -> dict[str, Weights]:
    """Matrices as 8-bit integers with a scale for each row beside them."""
    made: dict[str, Weights] = {}
    for name, each in tensors.items():
        if each.ndim < 2:
            made[name] = Weights("F32", each.shape, each.tobytes())
            continue
        scales = (np.abs(each).max(axis=1, keepdims=True) / 127).astype(np.float32)
        made[name] = Weights("I8", each.shape, np.round(each / scales).astype(np.int8).tobytes())
        made[f"{name}_scale"] = Weights("F32", scales.shape, scales.tobytes())
    return made


def write_model(folder: Path, tensors: Mapping[str, Weights], card: str = "", template: str = "") -> Path:
    """A folder with these weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors_file(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": LAYERS}))
    if card:
        (folder / "README.md").write_text(f"---\n{card}\n---\n")
    if template:
        (folder / "chat_template.jinja").write_text(template)
    return folder


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Matrix:
    return (0.02 * rng.normal(size=shape)).astype(np.float32)


def _unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Matrix:
    return rng.normal(size=shape).astype(np.float32)
