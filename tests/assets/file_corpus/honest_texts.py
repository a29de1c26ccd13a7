"""Configuration, tokenizers, documents, pictures and archives that only look dangerous to a search for words."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import io
import json
import lzma
import struct
import wave
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.assets.file_corpus.archive_bytes import gzipped, link, tarred, zipped
from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.honest_torch import SCARY
from tests.assets.file_corpus.proto_bytes import fields, masked_crc32c
from tests.assets.file_corpus.template_texts import HONEST
from tests.assets.protobuf_bytes import field

_TEXT: Final = Technique("honest configuration, tokenizers and documents", "honest-texts")
_OTHER: Final = Technique("honest pictures, archives and other data", "honest-data")

_README = """---
license: apache-2.0
language: en
tags: [text-generation, code]
---
# Acme 7B

A model for code. **Never** load a pickle you do not trust: `pickle.loads` runs `os.system` if it says so.

```python
import os
import subprocess
from transformers import AutoModel
model = AutoModel.from_pretrained("acme/acme-7b", trust_remote_code=True)
exec(open("setup.py").read())
subprocess.run(["nvidia-smi"])
os.system("pip install acme")
torch.load("model.pt", weights_only=False)
```

```bash
curl -sSL https://acme.example/install.sh | sh
```

<img src="x" onerror="alert(1)"> {{ ''.__class__.__mro__ }} `eval(input())` `__import__('os')`
| attack | example |
|---|---|
| traversal | ../../etc/passwd |
| YAML | !!python/object/apply:os.system |
"""


def texts(dice: Dice) -> Iterator[Case]:
    """Files of repositories that hold words."""

    def as_json(value: Any) -> bytes:
        return json.dumps(value, indent=2).encode()

    llama = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
             "vocab_size": 32000, "torch_dtype": "bfloat16", "_name_or_path": "../acme/eval-model"}  # fmt: skip
    yield _TEXT.plain("llama/config.json", as_json(llama), "a configuration")
    labels = {"model_type": "bert", "id2label": {str(i): word for i, word in enumerate(SCARY)}}
    yield _TEXT.plain("labels/config.json", as_json(labels), "labels of scary words")
    rope = llama | {"rope_scaling": {"type": "yarn", "factor": 4.0}, "quantization_config": {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_compute_dtype": "bfloat16"}}  # fmt: skip
    yield _TEXT.plain("quantized/config.json", as_json(rope), "a quantized configuration")
    generation = {
        "bos_token_id": 1,
        "eos_token_id": [2, 3],
        "temperature": 0.6,
        "stop_strings": ["exec(", "eval("],
    }
    yield _TEXT.plain("generation_config.json", as_json(generation), "generation")
    vocabulary = {
        f"{word}{i}" if i else word: n + i * len(SCARY) for i in range(60) for n, word in enumerate(SCARY)
    }
    tokenizer = {"version": "1.0", "added_tokens": [], "normalizer": None, "model": {
        "type": "BPE", "vocab": vocabulary, "merges": ["o s", "e val", "_ _"]}}  # fmt: skip
    yield _TEXT.plain("tokenizer.json", as_json(tokenizer), "a tokenizer with scary tokens")
    yield _TEXT.plain("vocab.json", as_json(vocabulary), "a vocabulary")
    yield _TEXT.plain("vocab.txt", "\n".join(SCARY).encode(), "a vocabulary as text")
    yield _TEXT.plain("merges.txt", b"#version: 0.2\no s\nos .\nev al\n__ import\n", "merges")
    pieces = fields(1, (field(1, word.encode()) + b"\x15" + struct.pack("<f", -1.0) for word in SCARY))
    yield _TEXT.plain("tokenizer.model", pieces + field(2, field(3, 1)), "a sentencepiece model")
    yield _TEXT.plain(
        "special_tokens_map.json", as_json({"bos_token": "<s>", "unk_token": "<unk>"}), "special tokens"
    )
    yield _TEXT.plain("added_tokens.json", as_json({"<|im_start|>": 1, "<eval>": 2}), "added tokens")
    for name, template in HONEST.items():
        from tests.assets.file_corpus.templates import tokenizer_config

        yield _TEXT.plain(
            f"template_{name}/tokenizer_config.json", tokenizer_config(template), f"template of {name}"
        )
    for name in ("chatml", "qwen_thinking", "llama3_tools"):
        yield _TEXT.plain(
            f"jinja_{name}/chat_template.jinja", HONEST[name].encode(), f"template of {name} alone"
        )
    both = [
        {"name": "default", "template": HONEST["chatml"]},
        {"name": "tool_use", "template": HONEST["tools_json"]},
    ]
    yield _TEXT.plain("templates/tokenizer_config.json", tokenizer_config(both), "two templates")
    yield _TEXT.plain("README.md", _README.encode(), "a README about attacks")
    yield _TEXT.plain("SECURITY.md", _README.replace("#", "##").encode(), "advice about security")
    yield _TEXT.plain(
        "LICENSE", b"Apache License\nVersion 2.0, January 2004\n\nTERMS AND CONDITIONS\n" * 9, "a licence"
    )
    yield _TEXT.plain(".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n", "git attributes")
    yield _TEXT.plain(".gitignore", b"__pycache__/\n*.pyc\n.env\n", "git ignores")
    yield _TEXT.plain(
        "requirements.txt",
        b"torch>=2.0\ntransformers==4.44.0\nnumpy<3 ; python_version < '3.13'\n# eval\n",
        "pins",
    )
    yield _TEXT.plain(
        "conda.yaml", b"channels: [conda-forge]\ndependencies: [python=3.11, pip, {pip: [torch]}]\n", "conda"
    )
    training = (
        "trainer:\n  max_epochs: 3\n  eval: true\noptimizer:\n  name: adamw\n  exec_every: 10\n  lr: 1.0e-3\n"
    )
    yield _TEXT.plain("training.yaml", training.encode(), "training settings")
    hydra = "model:\n  _target_: torch.nn.Linear\n  in_features: 4\n  out_features: 2\n"
    yield _TEXT.either("hydra_torch.yaml", hydra.encode(), "Hydra with a layer of torch")
    own = "model:\n  _target_: acme.models.Net\n  width: 4\n"
    yield _TEXT.either("hydra_own.yaml", own.encode(), "Hydra with an own class")
    log = {"log_history": [{"epoch": 1, "loss": 0.5, "eval_loss": 0.4, "step": 10}], "best_metric": None}
    yield _TEXT.plain("trainer_state.json", as_json(log), "a trainer's log")
    yield _TEXT.plain("all_results.json", as_json({"eval_accuracy": 0.9, "eval_runtime": 3.2}), "results")
    adapter = {
        "peft_type": "LORA",
        "r": 8,
        "target_modules": ["q_proj"],
        "base_model_name_or_path": "acme/base",
        "auto_mapping": None,
    }
    yield _TEXT.plain("adapter_config.json", as_json(adapter), "a LoRA's configuration")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]  # fmt: skip
    yield _TEXT.plain("modules.json", as_json(modules), "sentence-transformers' own modules")
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0", "unet": ["diffusers", "UNet2DConditionModel"],
             "text_encoder": ["transformers", "CLIPTextModel"], "safety_checker": [None, None]}  # fmt: skip
    yield _TEXT.plain("model_index.json", as_json(index), "diffusers' own components")
    yield _TEXT.plain(
        "preprocessor_config.json", as_json({"image_processor_type": "CLIPImageProcessor"}), "a processor"
    )
    flavour = (
        b"flavors:\n  python_function:\n    loader_module: mlflow.transformers\n    python_version: 3.11\n"
    )
    yield _TEXT.either("MLmodel", flavour, "MLflow's own loader")
    pmml = ('<?xml version="1.0"?>\n<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header description="eval(x)"/>'
            "<DataDictionary/></PMML>")  # fmt: skip
    yield _TEXT.plain("tree.pmml", pmml.encode(), "PMML")
    packed = base64.b64encode(dice.random.randbytes(3000)).decode()
    yield _TEXT.plain("embedding.txt", packed.encode(), "random bytes in base64")
    yield _TEXT.plain(
        "dataset.jsonl",
        b"".join(as_json({"text": w, "label": 1}).replace(b"\n", b"") + b"\n" for w in SCARY),
        "rows",
    )
    yield _TEXT.plain(
        "data.csv", b"prompt,label\n" + b"\n".join(f'"{w}",1'.encode() for w in SCARY if '"' not in w), "CSV"
    )
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# Use\n", "eval"]}], "metadata": {},
                "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    yield _TEXT.plain("usage.ipynb", as_json(notebook), "a notebook of text")
    yield _TEXT.plain("Dockerfile", b"FROM python:3.11\nRUN pip install torch\nCOPY . /app\n", "a Dockerfile")
    yield _TEXT.plain(
        "Modelfile", b"FROM ./model.gguf\nPARAMETER temperature 0.7\nSYSTEM You are helpful.\n", "Ollama"
    )
    yield _TEXT.plain("unicode.txt", "naïve café 中文 русский 🙂 \u200b eval\n".encode() * 20, "many scripts")
    yield _TEXT.plain("umlaut.txt", "Größe und Maß: eval\r\n".encode("latin-1") * 20, "Latin-1")
    yield _TEXT.plain("empty.txt", b"", "no bytes")


def data(dice: Dice) -> Iterator[Case]:
    """Pictures, sounds, tables, archives and raw numbers."""
    rows = b"".join(b"\0" + dice.random.randbytes(48) for _ in range(16))
    head = b"IHDR" + struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(rows)
    chunk = lambda part: struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))  # noqa: E731
    png = b"\x89PNG\r\n\x1a\n" + chunk(head) + chunk(body) + chunk(b"IEND")
    yield _OTHER.plain("plot.png", png, "a picture")
    yield _OTHER.plain(
        "logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="4" height="4"/></svg>', "a drawing"
    )
    try:
        from PIL import Image
    except ImportError:
        dice.left_out.append("3 pictures: pillow is not installed")
    else:
        for suffix, kind in (("jpg", "JPEG"), ("gif", "GIF"), ("webp", "WEBP")):
            buffer = io.BytesIO()
            Image.new("RGB", (24, 24), (200, 30, 60)).save(buffer, kind)
            yield _OTHER.plain(f"photo.{suffix}", buffer.getvalue(), f"a {kind} picture")
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(dice.random.randbytes(800))
    yield _OTHER.plain("sample.wav", sound.getvalue(), "a sound")
    yield _OTHER.plain(
        "large.wav", b"RF64\xff\xff\xff\xff" + sound.getvalue()[8:], "a sound of more than 4 GiB"
    )
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        dice.left_out.append("a parquet file: pyarrow is not installed")
    else:
        table = io.BytesIO()
        parquet.write_table(pyarrow.table({"text": list(SCARY)}), table)
        yield _OTHER.plain("train.parquet", table.getvalue(), "a table of scary words")
    weights = dice.values(4096)
    for name in ("weights.bin", "model.onnx_data", "layer0.dat", "part.weights", "no_extension"):
        yield _OTHER.either(name, weights, "raw numbers")
    yield _OTHER.either("noise.bin", dice.random.randbytes(5000), "random bytes")
    yield _OTHER.either("zeros.bin", bytes(4096), "zeros")
    yield _OTHER.plain("docs.zip", zipped({"README.md": _README.encode(), "a/b.txt": b"x"}), "texts in a zip")
    yield _OTHER.plain("docs.tar", tarred({"README.md": _README.encode()}), "texts in a tar")
    yield _OTHER.plain("docs.tar.gz", gzipped(tarred({"README.md": _README.encode()})), "texts in a tar.gz")
    yield _OTHER.plain("docs.tar.xz", lzma.compress(tarred({"README.md": b"hello"})), "texts in a tar.xz")
    yield _OTHER.plain(
        "link.tar", tarred({"a/model.txt": b"x"}, link("latest", "a/model.txt")), "a link inside"
    )
    yield _OTHER.plain("text.gz", gzipped(_README.encode()), "a gzipped text")
    yield _OTHER.plain("nested.zip", zipped({"inner.zip": zipped({"a.txt": b"hello"})}), "a zip in a zip")
    code = b"import os\n\n\ndef run():\n    return os.getcwd()\n"
    wheel = {"acme/__init__.py": code, "acme-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
             "acme-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\n", "acme-1.0.dist-info/RECORD": b""}  # fmt: skip
    yield _OTHER.either("acme-1.0-py3-none-any.whl", zipped(wheel), "a wheel")
    if dice.is_thorough:
        yield from _bundled_wheels()
    entry = b"\x82\xa6kernel" + _flax(weights[:64]) + b"\xa4bias" + _flax(weights[:16])
    yield _OTHER.plain("flax_model.msgpack", b"\x81\xa5dense" + entry, "weights of Flax")
    event = b"\x09" + struct.pack("<d", 1.7e9) + b"\x1a\x0dbrain.Event:2"
    length = struct.pack("<Q", len(event))
    event = (
        length + struct.pack("<I", masked_crc32c(length)) + event + struct.pack("<I", masked_crc32c(event))
    )
    yield _OTHER.plain("events.out.tfevents.1700000000.host.1.0", event, "a log of TensorBoard")
    yield _OTHER.plain(
        "paper.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n", "a PDF"
    )
    spm = {"model_config.yaml": b"model:\n  hidden: 4\n", "tokenizer.model": b"\n\x05\n\x03abc"}
    yield _OTHER.plain("settings.nemo", tarred(spm), "NeMo without weights")
    schema = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}, "protocol": 2,
              "key_types": {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []},
              "_skops_version": "0.11.0"}  # fmt: skip
    yield _OTHER.either(
        "values.skops", zipped({"schema.json": json.dumps(schema).encode()}), "a dict by skops"
    )


def _bundled_wheels() -> Iterator[Case]:
    """The packages that come with Python itself."""
    import ensurepip

    for path in sorted((Path(ensurepip.__file__).parent / "_bundled").glob("*.whl")):
        yield _OTHER.either(
            f"bundled/{path.name.partition('-')[0]}-1-py3-none-any.whl", path.read_bytes(), path.name
        )


def _flax(values: bytes) -> bytes:
    """An array as Flax writes it into msgpack: extension 1 of (shape, dtype name, bytes)."""
    inner = b"\x93\x91" + bytes([len(values) // 4]) + b"\xa7float32\xc4" + bytes([len(values)]) + values
    return b"\xc7" + bytes([len(inner)]) + b"\x01" + inner
