"""Sound models as safetensors, GGUF, ONNX, Keras, TensorFlow and TFLite."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.assets.file_corpus.archive_bytes import zipped
from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.honest_torch import SCARY
from tests.assets.file_corpus.keras_bytes import (
    COMPILED,
    dense,
    keras_h5,
    keras_zip,
    layer,
    old_sequential,
    sequential,
    weights_h5,
)
from tests.assets.file_corpus.proto_bytes import (
    constant,
    external_tensor,
    graph_def,
    numbers,
    onnx_graph,
    onnx_model,
    onnx_node,
    onnx_tensor,
    saved_model,
    tf_function,
    tf_node,
    tf_type,
    variables,
)
from tests.assets.file_corpus.template_texts import HONEST
from tests.assets.file_corpus.tensorflow_files import tflite

_ST: Final = Technique("honest safetensors", "honest-safetensors")
_GGUF: Final = Technique("honest GGUF", "honest-gguf")
_ONNX: Final = Technique("honest ONNX", "honest-onnx")
_KERAS: Final = Technique("honest Keras", "honest-keras")
_TF: Final = Technique("honest TensorFlow and TFLite", "honest-tensorflow")


def safetensors_files(dice: Dice) -> Iterator[Case]:
    """Every dtype, and tensors that only look tampered with."""
    import torch
    from safetensors.torch import save

    torch.manual_seed(11)
    for name in ("float32", "float16", "bfloat16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
                 "complex64", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"):  # fmt: skip
        tensor = (torch.randn(8, 4) * 3).abs().to(getattr(torch, name))
        yield _ST.plain(f"{name}.safetensors", save({"w": tensor}), f"a tensor of {name}")
    weights = {
        "model.embed.weight": torch.randn(16, 8) * 0.02,
        "model.norm.weight": torch.ones(8),
        "model.norm.bias": torch.zeros(8),
        "model.layers.0.proj.weight": torch.randn(8, 8) * 0.05,
    }
    yield _ST.plain(
        "model.safetensors", save(weights, metadata={"format": "pt"}), "norms of ones, biases of zeros"
    )
    lora = {"base_model.model.q_proj.lora_A.weight": torch.randn(4, 64) * 0.02,
            "base_model.model.q_proj.lora_B.weight": torch.zeros(64, 4)}  # fmt: skip
    yield _ST.either("adapter_model.safetensors", save(lora), "a LoRA before training: B is zero")
    mask = {"attn.bias": torch.tril(torch.ones(8, 8)).bool(), "attn.masked_bias": torch.tensor(-10000.0),
            "rotary.inv_freq": 1.0 / (10000 ** (torch.arange(0, 8, 2) / 8))}  # fmt: skip
    yield _ST.plain("buffers.safetensors", save(mask), "masks and frequencies")
    values = {"scalar": torch.tensor(2.5), "empty": torch.empty(0, 4)}
    yield _ST.plain("shapes.safetensors", save(values), "a scalar and a tensor of no elements")
    yield _ST.plain("scary_names.safetensors", save({w: torch.randn(2) for w in SCARY}), "scary names")
    yield _ST.plain(
        "scary_metadata.safetensors", save(weights, metadata=dict(zip(SCARY, SCARY, strict=True))), "metadata"
    )
    many = {f"model.layers.{i}.w": torch.randn(4, 4) * 0.1 for i in range(300)}
    yield _ST.plain("many.safetensors", save(many), "300 tensors")
    padded = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode() + b" " * 70
    yield _ST.plain(
        "padded.safetensors", struct.pack("<Q", len(padded)) + padded + struct.pack("<2f", 1, 2), "spaces"
    )
    head = json.dumps({"w": {"dtype": "F16", "shape": [1 << 20], "data_offsets": [0, 1 << 21]}}).encode()
    large = struct.pack("<Q", len(head)) + head + _halves(1 << 20)
    yield _ST.plain("two_mib.safetensors", large, "a million weights")


def _halves(count: int) -> bytes:
    import numpy

    return numpy.random.default_rng(9).normal(0, 0.02, count).astype("<f2").tobytes()


def gguf_files(dice: Dice) -> Iterator[Case]:
    """Files by the official writer, with real chat templates."""
    for name, template in HONEST.items():
        yield _GGUF.plain(f"template_{name}.gguf", _written(template), f"the chat template of {name}")
    yield _GGUF.plain("no_template.gguf", _written(None), "no chat template")
    yield _GGUF.plain(
        "scary_vocabulary.gguf", _written(None, tokens=list(SCARY) * 20), "scary words as tokens"
    )
    yield _GGUF.plain("vocabulary_only.gguf", _written(HONEST["chatml"], with_tensors=False), "no tensors")
    yield _GGUF.plain("alignment_64.gguf", _written(None, alignment=64), "alignment 64")
    yield _GGUF.plain("quantized.gguf", _written(None, quantized=True), "Q4_0 and Q8_0")
    yield _GGUF.plain("adapter.gguf", _written(None, kind="adapter"), "a LoRA adapter")
    yield _GGUF.plain("mmproj.gguf", _written(None, architecture="clip"), "a projector of pictures")
    yield _GGUF.plain(
        "several_templates.gguf",
        _written(
            [
                {"name": "default", "template": HONEST["chatml"]},
                {"name": "tool_use", "template": HONEST["tools_json"]},
            ]
        ),
        "two",
    )


def _written(
    template: Any, *, tokens: list[str] | None = None, with_tensors: bool = True, alignment: int = 0,
    quantized: bool = False, kind: str = "model", architecture: str = "llama",
) -> bytes:  # fmt: skip
    import gguf
    import numpy

    rng = numpy.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.gguf")
        writer = gguf.GGUFWriter(path, architecture)
        writer.add_type(kind)
        writer.add_name("Acme <eval> model")
        writer.add_context_length(4096)
        writer.add_float32("acme.scale", 0.5)
        writer.add_bool("acme.flag", True)
        if alignment:
            writer.add_custom_alignment(alignment)
        words = tokens or ["<s>", "</s>", "a", "b"]
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list([f"{word}{i}" for i, word in enumerate(words)])
        writer.add_token_scores([0.0] * len(words))
        writer.add_token_types([1] * len(words))
        if template is not None:
            writer.add_chat_template(template)
        if with_tensors:
            writer.add_tensor("token_embd.weight", rng.normal(0, 0.02, (4, 32)).astype("float32"))
            writer.add_tensor("output_norm.weight", numpy.ones(32, "float32"))
            writer.add_tensor("blk.0.attn_q.weight", rng.normal(0, 0.02, (32, 32)).astype("float16"))
        if quantized:
            for name in ("Q4_0", "Q8_0"):
                of = getattr(gguf.GGMLQuantizationType, name)
                packed = gguf.quants.quantize(rng.normal(0, 0.02, (8, 64)).astype("float32"), of)
                writer.add_tensor(f"blk.0.{name}.weight", packed, raw_dtype=of)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def onnx_files(dice: Dice) -> Iterator[Case]:
    """By onnx's own helper where it is installed, else by hand."""
    weights = onnx_tensor("w", dice.values(64))
    add = onnx_node("Add", inputs=("x", "w"))
    yield _ONNX.plain("add.onnx", onnx_model(onnx_graph([add], [weights])), "one addition")
    external = onnx_model(onnx_graph([add], [external_tensor("model.onnx_data", offset="0", length="16")]))
    yield _ONNX.plain(
        "external", {"model.onnx": external, "model.onnx_data": dice.values(16)}, "weights beside it"
    )
    deeper = onnx_model(onnx_graph([add], [external_tensor("weights/w.bin")]))
    yield _ONNX.plain(
        "external_folder", {"m.onnx": deeper, "weights/w.bin": dice.values(16)}, "weights in a folder below"
    )
    fused = onnx_model(
        onnx_graph([onnx_node("FusedMatMul", domain="com.microsoft")]), domains={"com.microsoft": 1}
    )
    yield _ONNX.plain("fused.onnx", fused, "an operation of ONNX Runtime")
    tensor = {"model.onnx": onnx_model(onnx_graph([add], [weights])), "test_data_set_0/input_0.pb": onnx_tensor(
        "x", dice.values(64)), "test_data_set_0/output_0.pb": onnx_tensor("", dice.values(64))}  # fmt: skip
    yield _ONNX.plain("with_test_data", tensor, "with examples of its input and output")
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError:
        dice.left_out.append("7 honest ONNX models: onnx is not installed")
        return
    import numpy

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    rng = numpy.random.default_rng(2)

    def model(nodes: list[Any], tensors: list[Any] = [], **more: Any) -> bytes:  # noqa: B006
        graph = helper.make_graph(nodes, "eval_graph", [x], [y], tensors, doc_string="exec the graph")
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], **more)
        made.metadata_props.add(key="note", value="os.system is not here; __import__ neither")
        data: bytes = made.SerializeToString()
        return data

    matrix = onnx.numpy_helper.from_array(rng.normal(0, 0.1, (4, 4)).astype("float32"), "m")
    multiply = helper.make_node("MatMul", ["x", "m"], ["y"])
    yield _ONNX.plain("matmul.onnx", model([multiply], [matrix]), "a matrix product")
    halves = onnx.numpy_helper.from_array(rng.normal(0, 0.1, (4, 4)).astype("float16"), "m")
    cast = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("MatMul", ["h", "m"], ["y"]),
    ]
    yield _ONNX.plain("float16.onnx", model(cast, [halves]), "float16")
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["b"])], "then", [], [
        helper.make_tensor_value_info("b", TensorProto.FLOAT, None)])  # fmt: skip
    chosen = [helper.make_node("Constant", [], ["c"], value=onnx.numpy_helper.from_array(numpy.array(True))),
              helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]  # fmt: skip
    yield _ONNX.plain("branches.onnx", model(chosen), "two branches")
    body = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [
        helper.make_opsetid("", 21)])  # fmt: skip
    graph = helper.make_graph([helper.make_node("Twice", ["x"], ["y"], domain="local")], "g", [x], [y])
    function = helper.make_model(graph, functions=[body], opset_imports=[
        helper.make_opsetid("", 21), helper.make_opsetid("local", 1)])  # fmt: skip
    yield _ONNX.plain("function.onnx", function.SerializeToString(), "a function of its own")
    words = helper.make_tensor("words", TensorProto.STRING, [len(SCARY)], [w.encode() for w in SCARY])
    yield _ONNX.plain(
        "strings.onnx", model([helper.make_node("Identity", ["x"], ["y"])], [words]), "scary strings"
    )
    scaler = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0])
    yield _ONNX.plain("classic.onnx", model([scaler]), "an operation of classic models")


def keras_models(dice: Dice) -> Iterator[Case]:
    """Layouts of Keras 2 and 3; by Keras itself when thorough."""
    simple = sequential(dense("d1", 3))
    yield _KERAS.plain("simple.keras", keras_zip(simple), "one dense layer")
    yield _KERAS.plain(
        "compiled.keras", keras_zip(simple | {"compile_config": COMPILED}), "with its optimizer"
    )
    yield _KERAS.plain("simple.h5", keras_h5(old_sequential()), "Keras 2")
    yield _KERAS.plain(
        "trained.h5",
        keras_h5(
            old_sequential(),
            training={
                "loss": "mse",
                "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
            },
        ),
        "trained",
    )
    yield _KERAS.plain("new.h5", keras_h5(simple), "Keras 3 in HDF5")
    yield _KERAS.plain("model.weights.h5", weights_h5(), "weights alone")
    yield _KERAS.plain("json/model.json", json.dumps(simple).encode(), "an architecture")
    words = layer(
        "StringLookup",
        name="words",
        max_tokens=None,
        num_oov_indices=1,
        vocabulary=list(SCARY),
        mask_token=None,
    )
    yield _KERAS.plain("lookup.keras", keras_zip(sequential(words)), "a vocabulary of scary words")
    text = layer(
        "TextVectorization", name="t", standardize="lower_and_strip_punctuation", vocabulary=["a", "b"]
    )
    yield _KERAS.plain("text.keras", keras_zip(sequential(text)), "text vectorization")
    asset = sequential(layer("StringLookup", name="w", vocabulary=None))
    yield _KERAS.plain(
        "assets.keras", keras_zip(asset, **{"assets__vocab.txt": b"a\nb\nos.system\n"}), "with an asset"
    )
    own = layer("AcmeLayer", "acme.layers", "Acme>AcmeLayer", units=4)
    yield _KERAS.review("own_layer.keras", keras_zip(sequential(own)), "a layer of a package")
    kinds = [
        layer(kind, name=kind.lower(), trainable=True)
        for kind in (
            "Conv2D",
            "LSTM",
            "Dropout",
            "BatchNormalization",
            "Embedding",
            "Flatten",
            "MultiHeadAttention",
            "ReLU",
        )
    ]
    yield _KERAS.plain("layers.keras", keras_zip(sequential(*kinds)), "layers of many kinds")
    nested = sequential(dense("a", 2), sequential(dense("b", 3)))
    yield _KERAS.plain("nested.keras", keras_zip(nested), "a model in a model")
    if dice.is_thorough:
        yield from _by_keras(dice)


def _by_keras(dice: Dice) -> Iterator[Case]:
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    try:
        import keras
    except ImportError:
        dice.left_out.append("8 models by Keras itself: keras is not installed")
        return
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(6, "relu", kernel_regularizer="l2")(inputs)
    joined = keras.layers.Concatenate()([hidden, keras.layers.Dense(2, "gelu")(inputs)])
    functional = keras.Model(inputs, keras.layers.Dense(1, name="eval_out")(joined))
    functional.compile(keras.optimizers.AdamW(1e-3), loss=keras.losses.MeanSquaredError(), metrics=["mae"])
    image = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization(),
                              keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])  # fmt: skip
    text = keras.Sequential(
        [keras.Input((5,)), keras.layers.Embedding(9, 4), keras.layers.LSTM(3), keras.layers.Dropout(0.1)]
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("functional", functional), ("image", image), ("text", text)):
            for suffix in ("keras", "h5", "weights.h5"):
                path = Path(folder, f"{name}.{suffix}")
                save = model.save_weights if suffix == "weights.h5" else model.save
                save(path)
                yield _KERAS.plain(f"real/{path.name}", _undated(path.read_bytes()), f"by Keras: {name}")


def _undated(data: bytes) -> bytes:
    """A .keras file without the moment of saving and the addresses of shared objects."""
    if not data.startswith(b"PK"):
        return data
    import io
    import zipfile

    members = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            text = re.sub(
                rb'"date_saved": "[^"]*"', b'"date_saved": "2026-01-01@00:00:00"', archive.read(name)
            )
            members[name] = re.sub(rb'"shared_object_id": \d+', b'"shared_object_id": 7', text)
    return zipped(members)


def tensorflow_models(dice: Dice) -> Iterator[Case]:
    """Saved models as TensorFlow writes them, frozen graphs, and TFLite."""
    saving = [constant("prefix", "part"), tf_node("m", "ShardedFilename", "prefix"), tf_node("s", "SaveV2", "m"),
              tf_node("g", "MergeV2Checkpoints", "m"), tf_node("r", "RestoreV2", "prefix"), tf_node("j", "StringJoin", "prefix"),
              tf_node("v", "VarHandleOp", dtype=tf_type()), tf_node("a", "ReadVariableOp", "v"), tf_node(
                  "n", "AssignVariableOp", "v", "r")]  # fmt: skip
    layers = [numbers("w", dice.values(64)), tf_node("x", "Placeholder", dtype=tf_type()),
              tf_node("mm", "MatMul", "x", "w", T=tf_type()), tf_node("y", "Relu", "mm", T=tf_type())]  # fmt: skip
    call = tf_node("c", "StatefulPartitionedCall", "x")
    served = saved_model(graph_def([*saving, call], [tf_function("__inference_call_1", layers)]))
    yield _TF.plain("saved", {"saved_model.pb": served, **variables()}, "a saved model with its variables")
    table = [
        constant("f", "vocab.txt"),
        tf_node("t", "HashTableV2"),
        tf_node("i", "InitializeTableFromTextFileV2", "t", "f"),
    ]
    words = {"saved_model.pb": saved_model(graph_def([*saving, *table]), assets=["vocab.txt"]),
             "assets/vocab.txt": "\n".join(("a", "b", "eval", "os.system")).encode(), **variables(),
             "fingerprint.pb": b"\x09" + bytes(8) + b"\x11" + bytes(8)}  # fmt: skip
    yield _TF.plain("saved_words", words, "a saved model with a vocabulary")
    yield _TF.plain("frozen.pb", graph_def(layers), "a frozen graph")
    yield _TF.plain(
        "frozen_words.pb", graph_def([constant(f"w{i}", w) for i, w in enumerate(SCARY)]), "scary constants"
    )
    text = 'node { name: "x" op: "Placeholder" }\nnode { name: "y" op: "Relu" input: "x" }\nversions { producer: 1286 }\n'
    yield _TF.plain("graph.pbtxt", text.encode(), "a graph in text form")
    try:
        good = tflite([(0, ""), (9, "")])
    except ImportError:
        dice.left_out.append("5 honest TFLite models: flatbuffers is not installed")
        return
    yield _TF.plain("model.tflite", good, "TFLite")
    yield _TF.plain(
        "metadata.tflite", good + zipped({"labels.txt": b"cat\ndog\neval\n"}), "with labels appended as a zip"
    )
    yield _TF.either(
        "detection.tflite",
        tflite([(0, ""), (32, "TFLite_Detection_PostProcess")]),
        "a known custom operation",
    )
    yield _TF.either("flex.tflite", tflite([(0, ""), (32, "FlexErf")]), "a harmless select operation")
    yield _TF.plain("reshaped.tflite", tflite([(22, ""), (25, "")], shape=(1, 2, 2)), "two operations")
