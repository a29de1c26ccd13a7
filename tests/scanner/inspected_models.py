"""Six made repositories, larger than what an inspection reads of them, each with something to find."""

from __future__ import annotations

import json
import pickle
import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.assets import code_cases, onnx_cases, tensorflow_cases, tflite_cases
from tests.assets.archives import zip_bytes
from tests.assets.gguf_cases import gguf_bytes, gguf_key, gguf_string, gguf_tensor
from tests.assets.pickle_cases import calling, pickle_instances
from tests.assets.protobuf_bytes import field
from tests.assets.safetensors_cases import safetensors_bytes
from tests.scanner.model_folders import licence_text, write_card, write_safetensors

# Numbers of tensors: larger than the stretches that an inspection brings along.
_BULK: Final = 300_000
_CONFIG: Final = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
    "vocab_size": 1000, "intermediate_size": 128, "num_attention_heads": 4, "max_position_embeddings": 2048,
}  # fmt: skip


def sharded_safetensors(folder: Path) -> None:
    """Two sound shards with an index, a card with a personal number, a licence that its tag contradicts."""
    names = ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight"]
    for number, name in enumerate(names, start=1):
        path = folder / f"model-{number:05d}-of-00002.safetensors"
        write_safetensors(path, {name: [1000, 512]})
    index = {name: f"model-{number:05d}-of-00002.safetensors" for number, name in enumerate(names, start=1)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    (folder / "config.json").write_text(json.dumps(_CONFIG))
    text = "# Tiny\n\nTrained on 2 trillion tokens.\n\nWrite to John Roe, SSN 536-90-4399, MRN: 5512345.\n"
    write_card(folder, text, license="mit", base_model="org/base")
    (folder / "LICENSE").write_text(licence_text("click"))


def code_and_templates(folder: Path) -> None:
    """Code that loading asks for, a template that reaches into Python, and JSON that is none."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_bytes(code_cases.auto_map())
    (folder / "modeling_x.py").write_text("import os\n\nos.system('echo harmless')\n\nclass Model: ...\n")
    template = "{{ messages.__class__.__mro__ }}"
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    (folder / "extra_config.json").write_text("{ auto_map")
    (folder / "requirements.txt").write_text("git+https://example.org/x.git\n")
    write_safetensors(folder / "model.safetensors", {"w": [400, 400]})


def checkpoints(folder: Path) -> None:
    """A torch archive that calls something, a sound one, an old pickle, and one whose class is a guess."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(1).randbytes(_BULK)
    (folder / "pytorch_model-00001-of-00002.bin").write_bytes(
        zip_bytes({"archive/data.pkl": calling("os", "system"), "archive/data/0": noise})
    )
    (folder / "pytorch_model-00002-of-00002.bin").write_bytes(
        zip_bytes({"archive/data.pkl": pickle.dumps({"w": 1}), "archive/data/0": noise})
    )
    instance = next(iter(pickle_instances().values()))
    (folder / "optimizer.pt").write_bytes(
        zip_bytes({"optimizer/data/0": noise, "optimizer/data.pkl": instance})
    )
    (folder / "old.ckpt").write_bytes(calling("builtins", "eval") + noise * 3)
    (folder / "config.json").write_text(json.dumps(_CONFIG))


def broken_files(folder: Path) -> None:
    """A header written twice over, a file with an archive behind its tensors, an index to nowhere."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {"w": {"dtype": "U8", "shape": [_BULK], "data_offsets": [0, _BULK]}}
    behind = zip_bytes({"notes/data.pkl": calling("os", "system"), "x": bytes(200_000)})
    data = bytes(_BULK) + behind
    (folder / "model-00001-of-00002.safetensors").write_bytes(safetensors_bytes(header, data))
    entry = b'{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}' % (_BULK, _BULK)
    twice = b'{"w":' + entry + b',"w":' + entry + b"}"
    (folder / "model-00002-of-00002.safetensors").write_bytes(safetensors_bytes(twice, bytes(_BULK)))
    weight_map = {"w": "model-00001-of-00002.safetensors", "v": "../model-00003-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    tensors = [gguf_tensor("w", [8], 0), gguf_tensor("w", [8], 32)]
    key = gguf_key("general.architecture", 8, gguf_string("llama"))
    (folder / "doubled.gguf").write_bytes(gguf_bytes([key], tensors, bytes(_BULK)))
    (folder / "config.json").write_text("{}")


def gguf_with_long_texts(folder: Path) -> None:
    """A GGUF file with a long vocabulary and a template, texts and data beyond what is read whole."""
    folder.mkdir(parents=True, exist_ok=True)
    template = "{% if 'Tuesday' in messages[0]['content'] %}y{% endif %}"
    words = b"".join(gguf_string(f"word{number}") for number in range(20_000))
    keys = [
        gguf_key("general.architecture", 8, gguf_string("llama")),
        gguf_key("general.name", 8, gguf_string("Another Name 7B")),
        gguf_key("general.license", 8, gguf_string("apache-2.0")),
        gguf_key("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 20_000) + words),
        gguf_key("tokenizer.chat_template", 8, gguf_string(template)),
    ]
    tensors = [gguf_tensor("blk.0.ffn_up.weight", [512, 1024], 0)]
    (folder / "tiny-Q4.gguf").write_bytes(gguf_bytes(keys, tensors, bytes(512 * 1024 * 4)))
    row = "the quick brown fox, call 212-555-0187 for John Roe, SSN 536-90-4399\n"
    # Of a long text the beginning is judged up to its last line break, which is the first.
    (folder / "samples.csv").write_text(row + "0," * (9 * 1024**2))
    (folder / "film.mp4").write_bytes(random.Random(2).randbytes(2 * 1024**2))


def graphs(folder: Path) -> None:
    """Graphs of three frameworks with large weights: what they do stands before, between and behind these."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(2).randbytes(4 * _BULK)
    weights = onnx_cases.tensor("w", [_BULK], noise)
    more = onnx_cases.tensor("v", [_BULK], noise)
    parts = [field(5, weights), onnx_cases.node("PythonOp", "x", domain="com.microsoft"), field(5, more)]
    (folder / "model.onnx").write_bytes(onnx_cases.model(onnx_cases.graph(*parts)))
    (folder / "sound.onnx").write_bytes(onnx_cases.model(onnx_cases.graph(field(5, weights))))
    constant = tensorflow_cases.attribute("value", field(8, field(1, 1) + field(4, noise)))
    nodes = tensorflow_cases.node("Const", "c", more=constant) + tensorflow_cases.node("WriteFile", "w", "c")
    (folder / "saved_model.pb").write_bytes(tensorflow_cases.saved_model(tensorflow_cases.COMPUTING + nodes))
    flat = tflite_cases.model(
        [tflite_cases.code(32, "FlexReadFile")],
        [tflite_cases.subgraph([tflite_cases.tensor("x", [_BULK], 1)], [tflite_cases.operator(0, [0], [0])])],
        [{}, {0: noise}],
    )
    (folder / "model.tflite").write_bytes(tflite_cases.tflite_bytes(flat))


MADE: Final[Mapping[str, Callable[[Path], None]]] = {
    "sharded": sharded_safetensors,
    "code": code_and_templates,
    "checkpoints": checkpoints,
    "broken": broken_files,
    "gguf": gguf_with_long_texts,
    "graphs": graphs,
}
