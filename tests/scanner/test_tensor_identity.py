"""The identity of weights: the same whatever files they lie in, another one after any change of a tensor."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.fetching import fetch
from scanner.hashing import hash_model
from scanner.manifest import TensorIdentity
from scanner.references import ModelRef
from scanner.source import FetchOptions
from tests.assets.tensor_files import (
    Weights,
    numbers,
    write_gguf_file,
    write_safetensors_file,
    write_torch_file,
)
from tests.hub_server import HubServer

WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I8": 1}
NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=15)
WEIGHTS = {
    "embed.weight": Weights("F32", (2, 3), numbers(1, 2, 3, 4, 5, 6)),
    "layers.0.norm.weight": Weights("F32", (3,), numbers(1, 1, 1)),
    "layers.1.norm.weight": Weights("F32", (3,), numbers(1, 1, 1)),
}


@st.composite
def weights(draw: st.DrawFn) -> Weights:
    dtype = draw(st.sampled_from(sorted(WIDTHS)))
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    count = WIDTHS[dtype]
    for size in shape:
        count *= size
    return Weights(dtype, shape, draw(st.binary(min_size=count, max_size=count)))


MODELS = st.dictionaries(NAMES, weights(), min_size=1, max_size=6)


def identity(folder: Path) -> TensorIdentity:
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    found = hash_model(folder, paths).tensors
    assert found is not None
    return found


def identity_in(write: object, *args: object, **options: object) -> TensorIdentity:
    """The identity of one file that `write` makes."""
    with tempfile.TemporaryDirectory() as made:
        name = {write_gguf_file: "m.gguf", write_torch_file: "m.bin"}.get(write, "m.safetensors")  # type: ignore[call-overload]
        write(Path(made) / name, *args, **options)  # type: ignore[operator]
        return identity(Path(made))


def test_known_answers() -> None:
    """Fixed for ever: stored scans and locks hold digests of this algorithm. b3sum gives the same."""
    found = identity_in(write_safetensors_file, WEIGHTS)
    assert found == TensorIdentity(
        "weighbridge-tensors/1",
        "63e4573c0a6fb40733e55648f512f06b2d6d3576cf5db794390c70e1d4548584",
        count=3,
        size_bytes=48,
        values_digest="3e8358e88092711fed8db07f698367fef08ed21bf51b878e6dffc993c4ca7cc6",
    )


@given(MODELS, st.randoms(use_true_random=False), st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_order_shards_padding_and_metadata_do_not_matter(
    model: Mapping[str, Weights], random: object, pad: int
) -> None:
    names = list(model)
    random.shuffle(names)  # type: ignore[attr-defined]
    middle = len(names) // 2
    with tempfile.TemporaryDirectory() as made:
        for number, part in enumerate((names[:middle], names[middle:])):
            tensors = {name: model[name] for name in part}
            target = Path(made) / f"model-{number}.safetensors"
            write_safetensors_file(target, tensors, metadata={"format": "x" * pad}, pad=pad)
        assert identity(Path(made)) == identity_in(write_safetensors_file, model)


@given(MODELS)
@settings(max_examples=10, deadline=None)
def test_containers_do_not_matter(model: Mapping[str, Weights]) -> None:
    expected = identity_in(write_safetensors_file, model)
    assert identity_in(write_torch_file, model) == expected
    assert identity_in(write_gguf_file, model) == expected


@given(MODELS, st.data())
@settings(max_examples=30, deadline=None)
def test_any_change_of_one_tensor_changes_the_digest(
    model: Mapping[str, Weights], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(model)))
    old = model[name]
    kind = data.draw(st.sampled_from(["byte", "shape", "dtype", "name", "added"]))
    changed = dict(model)
    if kind == "byte":
        at = data.draw(st.integers(0, len(old.values) - 1))
        mask = data.draw(st.integers(1, 255))
        values = bytearray(old.values)
        values[at] ^= mask
        changed[name] = dataclasses.replace(old, values=bytes(values))
    elif kind == "shape":
        changed[name] = dataclasses.replace(old, shape=(1, *old.shape))
    elif kind == "dtype":
        other = {"F32": "I32", "F16": "BF16", "BF16": "F16", "I64": "F64", "I8": "U8"}[old.dtype]
        changed[name] = dataclasses.replace(old, dtype=other)
    elif kind == "name":
        changed[name + "x" * 16] = changed.pop(name)  # longer than any that was drawn
    else:
        changed["x" * 16] = Weights("I8", (1,), b"x")
    before, after = (identity_in(write_safetensors_file, each) for each in (model, changed))
    assert before.digest != after.digest
    if kind == "name":
        assert before.values_digest == after.values_digest


def test_swapped_layers_are_seen_by_the_digest_and_not_by_the_one_of_values() -> None:
    one, two = Weights("I8", (1,), b"a"), Weights("I8", (1,), b"b")
    before = identity_in(write_safetensors_file, {"layers.0": one, "layers.1": two})
    after = identity_in(write_safetensors_file, {"layers.0": two, "layers.1": one})
    assert before.digest != after.digest
    assert before.values_digest == after.values_digest


@pytest.mark.parametrize("second", ["lm_head.weight", "output.weight", "decoder.embed_tokens.weight"])
def test_second_name_of_tied_weights_does_not_matter(second: str) -> None:
    tied = {**WEIGHTS, second: WEIGHTS["embed.weight"]}
    assert identity_in(write_torch_file, tied) == identity_in(write_safetensors_file, WEIGHTS)


def test_output_head_of_its_own_matters() -> None:
    untied = {**WEIGHTS, "lm_head.weight": Weights("F32", (2, 3), numbers(6, 5, 4, 3, 2, 1))}
    assert identity_in(write_safetensors_file, untied).count == 4


def test_equal_tensors_that_are_not_tied_are_both_counted() -> None:
    fewer = {name: each for name, each in WEIGHTS.items() if name != "layers.1.norm.weight"}
    assert (
        identity_in(write_safetensors_file, WEIGHTS).digest
        != identity_in(write_safetensors_file, fewer).digest
    )


def test_name_cannot_spell_another_tensors_line() -> None:
    one = Weights("I8", (1,), b"a")
    plain = identity_in(write_safetensors_file, {"a": one, "b": one})
    line = 'a"\nI8 [1] ' + "0" * 64 + ' "b'
    assert identity_in(write_safetensors_file, {line: one}).digest != plain.digest


def test_second_copy_in_another_container_does_not_matter(tmp_path: Path) -> None:
    write_safetensors_file(tmp_path / "model.safetensors", WEIGHTS)
    alone = identity(tmp_path)
    write_torch_file(tmp_path / "pytorch_model.bin", WEIGHTS)
    assert identity(tmp_path) == alone


def test_folder_of_all_files_does_not_matter_and_that_of_a_part_does(tmp_path: Path) -> None:
    for parts in (("unet", "vae"), ("vae", "unet"), ("x/unet", "x/vae")):
        for part, content in zip(parts, (b"a", b"b"), strict=True):
            folder = tmp_path / "-".join(parts).replace("/", "") / part
            folder.mkdir(parents=True)
            write_safetensors_file(folder / "m.safetensors", {"conv_in": Weights("I8", (1,), content)})
    plain, swapped, deeper = (identity(tmp_path / name) for name in ("unet-vae", "vae-unet", "xunet-xvae"))
    assert plain == deeper
    assert plain.digest != swapped.digest


def test_split_gguf_is_the_same_as_a_whole_one(tmp_path: Path) -> None:
    for number, name in enumerate(WEIGHTS, start=1):
        write_gguf_file(tmp_path / f"m-{number:05d}-of-00003.gguf", {name: WEIGHTS[name]})
    assert identity(tmp_path) == identity_in(write_gguf_file, WEIGHTS)


def test_file_of_a_model_of_one_file_has_the_digest_of_the_model(tmp_path: Path) -> None:
    write_gguf_file(tmp_path / "m.gguf", WEIGHTS)
    hashed = hash_model(tmp_path, ["m.gguf"])
    assert hashed.tensors is not None
    assert hashed.files[0].tensor_digest == hashed.tensors.digest


def test_files_without_weights_have_no_identity(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    hashed = hash_model(tmp_path, ["config.json"])
    assert hashed.tensors is None
    assert hashed.files[0].tensor_digest is None


def test_weights_that_cannot_be_told_apart_have_a_reason_and_no_digest(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    found = identity(tmp_path)
    assert (found.digest, found.count, found.is_whole) == ("", 0, False)
    assert [(each.path, each.reason) for each in found.left_out] == [
        ("model.onnx", "the tensors of .onnx files are not told apart")
    ]


def test_quantised_blocks_are_taken_as_they_are(tmp_path: Path) -> None:
    write_gguf_file(tmp_path / "m.gguf", {"w": Weights("Q4_0", (1, 32), bytes(range(18)))})
    assert identity(tmp_path).size_bytes == 18


def test_real_model_has_the_digest_that_the_library_of_its_format_leads_to(tmp_path: Path) -> None:
    """The recipe of docs/integrity.md, followed with gguf's own reader."""
    from gguf import GGUFReader

    snapshot = fetch(ModelRef.parse("demo"), FetchOptions(tmp_path))
    lines = []
    for tensor in GGUFReader(str(snapshot.local_path(snapshot.files[0].path))).tensors:
        shape = ",".join(str(int(size)) for size in tensor.shape[::-1])
        values = blake3(tensor.data.tobytes()).hexdigest()
        lines.append(f"{tensor.tensor_type.name} [{shape}] {values} {json.dumps(tensor.name)}\n")
    expected = blake3(("weighbridge-tensors/1\n" + "".join(sorted(lines))).encode()).hexdigest()
    assert snapshot.tensors is not None
    assert snapshot.tensors.digest == expected
    assert expected == "868f3438b7d0131d1b9d69d15164b0ed51efd3e001eb0ef56b6fc7ea4158f295"


def test_same_weights_have_one_identity_from_every_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, name in enumerate(WEIGHTS):
        write_safetensors_file(folder / f"model-{number}.safetensors", {name: WEIGHTS[name]})
    write_gguf_file(tmp_path / "m.gguf", WEIGHTS)
    write_torch_file(tmp_path / "pytorch_model.bin", WEIGHTS)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    with HubServer() as hub:
        hub.add("org/tiny", {}, {"pytorch_model.bin": (tmp_path / "pytorch_model.bin").read_bytes()})
        options = FetchOptions(tmp_path / "cache", endpoint=hub.url)
        found = {
            fetch(ModelRef.parse(text), options).tensors
            for text in (str(folder), str(tmp_path / "m.gguf"), "hf://org/tiny")
        }
    assert found == {identity_in(write_safetensors_file, WEIGHTS)}
