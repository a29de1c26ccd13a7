"""What is seen of the numbers in a pass: the same as numpy says of the whole tensor, however it is cut."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.blocks import BLOCK_BYTES
from scanner.hashing import hash_model
from scanner.tensorfiles.extent import TensorExtent
from scanner.weight_values import ODD_LIMIT, Oddity, OddTensor, WeightValues
from scanner.weights.formats import float_format, scales_of, unit_bytes
from scanner.weights.observing import TensorValues, ValueObserver
from tests.assets.tensor_files import Weights, write_gguf_file, write_safetensors_file, write_torch_file

NUMPY = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
NUMBERS = st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=40)


def seen_of(dtype: str, data: bytes, cuts: tuple[int, ...] = ()) -> TensorValues:
    extent, observer = TensorExtent("w", dtype, (1,), 0, len(data)), ValueObserver()
    observer.begin(extent)
    places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
    for begin, end in zip(places, places[1:], strict=False):
        observer.take(memoryview(data)[begin:end])
    observer.end()
    return observer.values_of(extent)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(NUMPY)), NUMBERS, st.lists(st.integers(0, 400), max_size=4))
def test_floats_are_seen_as_numpy_sees_them(dtype: str, drawn: list[bytes], cuts: list[int]) -> None:
    data = b"".join(drawn)
    numbers = np.frombuffer(data, NUMPY[dtype])
    seen = seen_of(dtype, data, tuple(cuts))
    finite = np.isfinite(numbers)
    assert seen.has_nan == bool(np.isnan(numbers).any())
    if not seen.has_nan:
        assert seen.has_infinity == bool(np.isinf(numbers).any())
    largest = float(np.abs(numbers).max()) if finite.all() else math.inf
    assert seen.largest == largest or seen.largest <= largest < 2
    assert seen.is_constant == (
        len({data[i : i + numbers.itemsize] for i in range(0, len(data), numbers.itemsize)}) == 1
    )
    assert seen.is_zero == bool((numbers == 0).all())


@pytest.mark.parametrize("dtype", ["BF16", "F8_E5M2", "F8_E4M3", "F16"])
def test_every_pattern_of_a_short_format_is_seen_as_torch_sees_it(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    kind = {
        "BF16": torch.bfloat16,
        "F8_E5M2": torch.float8_e5m2,
        "F8_E4M3": torch.float8_e4m3fn,
        "F16": torch.float16,
    }
    number = float_format(dtype)
    assert number is not None
    step = 1 if number.size_bytes == 1 else 37
    patterns = range(0, 1 << (8 * number.size_bytes), step)
    raw = np.array(patterns, dtype=f"<u{number.size_bytes}")
    values = torch.frombuffer(bytearray(raw.tobytes()), dtype=kind[dtype]).to(torch.float64).numpy()
    for pattern, value in zip(raw, values, strict=True):
        seen = seen_of(dtype, pattern.tobytes())
        assert seen.has_nan == bool(np.isnan(value)), hex(pattern)
        assert seen.has_infinity == bool(np.isinf(value)), hex(pattern)
        if np.isfinite(value):
            assert seen.largest == abs(float(value)), hex(pattern)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_scales_of_blocks_are_those_the_library_reads(kind: str) -> None:
    import gguf

    kept = gguf.quants.quantize(
        np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32), gguf.GGMLQuantizationType[kind]
    )
    data = np.frombuffer(kept.tobytes(), np.uint8)
    scales = scales_of(kind, data).view(np.float16)
    assert np.isfinite(scales).all()
    assert scales.any()
    # A block whose scales are zero is zero to the library too.
    blocks = data.reshape(-1, unit_bytes(kind)).copy()
    blocks[:, : 4 if kind.endswith("1") else 2] = 0
    assert not gguf.quants.dequantize(blocks.reshape(-1), gguf.GGMLQuantizationType[kind]).any()
    assert not scales_of(kind, blocks.reshape(-1)).any()


@pytest.mark.parametrize(
    "kind",
    ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "IQ3_S", "IQ2_S", "TQ1_0", "TQ2_0", "IQ4_NL", "IQ1_S"],
)
def test_a_block_without_scales_is_zero_to_the_library(kind: str) -> None:
    import gguf

    size = unit_bytes(kind)
    assert size == gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]][1]
    block = np.random.default_rng(1).integers(1, 255, size, np.uint8)
    assert scales_of(kind, block).any()
    for place in range(size):
        bare = block.copy()
        bare[place] ^= 0xFF
        # Only where a scale stands do other bytes make other scales.
        if (scales_of(kind, bare) != scales_of(kind, block)).any():
            block[place] = 0
    assert not scales_of(kind, block).any()
    assert not gguf.quants.dequantize(block, gguf.GGMLQuantizationType[kind]).any()


def test_a_number_over_the_edge_of_a_block_is_seen(tmp_path: Path) -> None:
    values = np.ones((2, BLOCK_BYTES // 4 + 300), np.float32) * np.float32(0.5)
    values[0, ::2] = 0.25
    # 3 bytes of padding in the header move every number off the edges of the blocks.
    write_safetensors_file(
        tmp_path / "m.safetensors", {"w": Weights("F32", values.shape, values.tobytes())}, pad=3
    )
    place = BLOCK_BYTES // 4 - 12
    for at in range(place, place + 24):
        broken = values.copy()
        broken.ravel()[at] = np.nan
        write_safetensors_file(
            tmp_path / "m.safetensors", {"w": Weights("F32", values.shape, broken.tobytes())}, pad=3
        )
        weights = hash_model(tmp_path, ["m.safetensors"]).weights
        assert weights is not None
        assert [each.oddity for each in weights.odd] == [Oddity.NOT_A_NUMBER]


def layers(largest: float, odd_layer: int = 3) -> dict[str, Weights]:
    rng = np.random.default_rng(5)
    made = {}
    for number in range(8):
        matrix = (rng.normal(size=(24, 24)) * 0.02).astype(np.float32)
        if number == odd_layer:
            matrix[3, 3] = largest
        made[f"model.layers.{number}.mlp.up_proj.weight"] = Weights("F32", (24, 24), matrix.tobytes())
    return made


def read(folder: Path, tensors: dict[str, Weights]) -> WeightValues:
    write_safetensors_file(folder / "m.safetensors", tensors)
    weights = hash_model(folder, ["m.safetensors"]).weights
    assert weights is not None
    return weights


def test_a_number_far_from_those_of_the_other_layers_is_odd(tmp_path: Path) -> None:
    (odd,) = read(tmp_path, layers(-40.0)).odd
    assert (odd.oddity, odd.value, odd.name) == (Oddity.HUGE, 40.0, "model.layers.3.mlp.up_proj.weight")
    assert 0.04 < odd.usual < 0.1
    assert read(tmp_path, layers(1.0)).odd == ()  # 16 times the usual: models have that


def test_a_number_beyond_all_bounds_is_odd_without_other_layers(tmp_path: Path) -> None:
    matrix = np.full((32, 32), 0.5, np.float32)
    matrix[0, 0] = 20_000
    (odd,) = read(tmp_path, {"head.weight": Weights("F32", (32, 32), matrix.tobytes())}).odd
    assert (odd.oddity, odd.usual) == (Oddity.HUGE, 0.0)


def test_what_honest_models_hold_is_not_odd(tmp_path: Path) -> None:
    ones, nothing = np.ones(512, np.float32), np.zeros((32, 32), np.float32)
    mask = np.full((32, 32), -np.inf, np.float32)
    varied = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    integers = np.full((64, 64), 0x88888888, "<u4").astype("<i4")
    honest = {
        "model.norm.weight": Weights("F32", (512,), ones.tobytes()),
        "h.0.attn.bias": Weights("BOOL", (32, 32), bytes([1]) * 1024),
        "h.0.attn.masked_bias": Weights("F32", (32, 32), mask.tobytes()),
        "h.0.bias": Weights("F32", (512,), bytes(2048)),
        "q.lora_B.weight": Weights("F32", (32, 32), nothing.tobytes()),
        "q.qzeros": Weights("I32", (64, 64), integers.tobytes()),
        "position_ids": Weights("I64", (1, 512), np.arange(512).tobytes()),
        "h.0.mlp.weight": Weights("F32", (32, 32), varied.tobytes()),
        "lm_head.weight": Weights("F32", (32, 32), varied.tobytes()),
        "nothing": Weights("F32", (0, 4), b""),
    }
    seen = read(tmp_path, honest)
    assert seen.odd == ()
    assert (seen.tensors, seen.unread) == (len(honest), ())


@pytest.mark.parametrize("container", ["safetensors", "torch", "gguf"])
def test_a_zero_matrix_is_odd_in_every_container(tmp_path: Path, container: str) -> None:
    tensors = {"blk.0.ffn_up.weight": Weights("F16", (32, 32), bytes(2048))}
    name = {"safetensors": "m.safetensors", "torch": "m.bin", "gguf": "m.gguf"}[container]
    write = {"safetensors": write_safetensors_file, "torch": write_torch_file, "gguf": write_gguf_file}
    write[container](tmp_path / name, tensors)  # type: ignore[operator]
    weights = hash_model(tmp_path, [name]).weights
    assert weights is not None
    assert weights.odd == (OddTensor(name, "blk.0.ffn_up.weight", "F16", (32, 32), Oddity.ALL_ZERO),)


def test_formats_nobody_reads_are_counted_not_passed(tmp_path: Path) -> None:
    seen = read(tmp_path, {"w": Weights("F8_E8M0", (64,), bytes(64)), "v": Weights("U8", (4,), b"abcd")})
    assert seen.unread == (("F8_E8M0", 1),)


def test_the_record_stays_short_however_many_are_odd(tmp_path: Path) -> None:
    broken = Weights("F32", (1,), np.float32(math.nan).tobytes())
    zero = Weights("F32", (32, 32), bytes(4096))
    seen = read(tmp_path, {"a.weight": zero, **{f"b{number}": broken for number in range(ODD_LIMIT + 5)}})
    assert (len(seen.odd), seen.odd_count) == (ODD_LIMIT, ODD_LIMIT + 6)
    assert {each.oddity for each in seen.odd} == {Oddity.NOT_A_NUMBER}  # the worst are kept
