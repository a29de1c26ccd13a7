"""Whole repositories that do no harm: without code, and with code that a person has to read."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from tests.assets.file_corpus.files import Case, Dice, Technique
from tests.assets.file_corpus.repositories import WEIGHTS, auto_config, modeling
from tests.assets.file_corpus.safetensors_files import entry, safetensors
from tests.assets.file_corpus.template_texts import HONEST
from tests.assets.file_corpus.templates import tokenizer_config

_PLAIN: Final = Technique("honest repositories without code", "honest-repositories")
_CODE: Final = Technique("honest repositories with code", "honest-code")

_TOP = """import json
import math
import os
import warnings
from typing import Optional

import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from transformers.utils import logging

logger = logging.get_logger(__name__)

try:
    import flash_attn
except ImportError:
    flash_attn = None


def rotate_half(x):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((-x2, x1), dim=-1)


def load_vocab(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Norm(nn.Module):
    def __init__(self, size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
"""
_TOKENIZER = """import os
import re
from shutil import copyfile
from transformers import PreTrainedTokenizer


class AcmeTokenizer(PreTrainedTokenizer):
    def __init__(self, vocab_file, **kwargs):
        self.pattern = re.compile(r"eval|exec|os.system")
        self.vocab_file = vocab_file
        super().__init__(**kwargs)

    def save_vocabulary(self, save_directory, filename_prefix=None):
        out = os.path.join(save_directory, (filename_prefix or "") + "vocab.txt")
        if os.path.abspath(self.vocab_file) != os.path.abspath(out):
            copyfile(self.vocab_file, out)
        return (out,)
"""
_HANDLER = """from typing import Any
import torch
from transformers import pipeline


class EndpointHandler:
    def __init__(self, path=""):
        self.pipe = pipeline("text-generation", model=path, torch_dtype=torch.bfloat16)

    def __call__(self, data: dict[str, Any]):
        self.pipe.model.eval()
        return self.pipe(data.pop("inputs"), **data.get("parameters", {}))
"""
_PIPELINE = """import torch
from diffusers import DiffusionPipeline


class AcmePipeline(DiffusionPipeline):
    def __init__(self, unet, scheduler):
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(self, steps=10):
        return self.unet
"""


def _as_json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def _sharded() -> Mapping[str, bytes]:
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    values = struct.pack("<4f", 0.1, -0.4, 0.2, 0.01)
    return {
        first: safetensors({"a": entry(shape=[2, 2], offsets=[0, 16])}, values),
        second: safetensors({"b": entry(shape=[4], offsets=[0, 16])}, values),
        "model.safetensors.index.json": _as_json(
            {"metadata": {"total_size": 32}, "weight_map": {"a": first, "b": second}}
        ),
    }


def plain(dice: Dice) -> Iterator[Case]:
    """No code of their own."""
    llama = _as_json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4})
    common = {"config.json": llama, "README.md": b"---\nlicense: mit\n---\n# Acme\nRun `eval`.\n", ".gitattributes": b"*.bin lfs\n",
              "tokenizer_config.json": tokenizer_config(HONEST["chatml"]),
              "generation_config.json": b'{"temperature": 0.7}'}  # fmt: skip
    yield _PLAIN.plain("language_model", {**common, "model.safetensors": WEIGHTS}, "a language model")
    yield _PLAIN.plain("sharded", {**common, **_sharded()}, "in two shards")
    folder = {"modules.json": _as_json([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                                        {"idx": 1, "name": "1", "path": "1_Pooling",
                                         "type": "sentence_transformers.models.Pooling"}]),
              "1_Pooling/config.json": b'{"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true}',
              "config_sentence_transformers.json": b'{"__version__": {"sentence_transformers": "3.0.0"}}',
              "sentence_bert_config.json": b'{"max_seq_length": 512}', "model.safetensors": WEIGHTS,
              "config.json": llama}  # fmt: skip
    yield _PLAIN.plain("sentence_transformer", folder, "sentence-transformers")
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0", "unet": ["diffusers", "UNet2DConditionModel"],
             "scheduler": ["diffusers", "DDIMScheduler"], "tokenizer": ["transformers", "CLIPTokenizer"]}  # fmt: skip
    picture = {"model_index.json": _as_json(index), "unet/config.json": b'{"_class_name": "UNet2DConditionModel"}',
               "unet/diffusion_pytorch_model.safetensors": WEIGHTS, "tokenizer/vocab.json": b'{"eval": 1}',
               "scheduler/scheduler_config.json": b'{"_class_name": "DDIMScheduler"}'}  # fmt: skip
    yield _PLAIN.plain("diffusion", picture, "a diffusion model")
    adapter = {"adapter_config.json": _as_json({"peft_type": "LORA", "base_model_name_or_path": "acme/base", "r": 4}),
               "adapter_model.safetensors": WEIGHTS, "README.md": b"# LoRA\n"}  # fmt: skip
    yield _PLAIN.plain("adapter", adapter, "a LoRA")
    from tests.assets.file_corpus.gguf_files import with_template

    yield _PLAIN.plain(
        "gguf", {"model-q8_0.gguf": with_template(HONEST["qwen"]), "README.md": b"# GGUF\n"}, "GGUF"
    )
    vision = {
        **common,
        "preprocessor_config.json": b'{"image_processor_type": "ViTImageProcessor"}',
        "model.safetensors": WEIGHTS,
    }
    yield _PLAIN.plain("vision", vision, "a vision model")
    yield _PLAIN.plain(
        "auto_map_of_library",
        {**common, "model.safetensors": WEIGHTS, "requirements.txt": b"torch\n"},
        "pins",
    )
    trained = {**common, "model.safetensors": WEIGHTS, "trainer_state.json": b'{"log_history": [{"eval_loss": 1.0}]}',
               "vocab.txt": b"os.system\neval\n__import__\n", "merges.txt": b"#version: 0.2\no s\n"}  # fmt: skip
    yield _PLAIN.plain("trained", trained, "with what a trainer leaves")


def with_code(dice: Dice) -> Iterator[Case]:
    """Code that only computes: loading runs it, so a person has to have read it."""
    honest = modeling(_TOP)
    base = {"config.json": auto_config(), "modeling_acme.py": honest, "model.safetensors": WEIGHTS}
    yield _CODE.review("modeling", base, "a modeling file")
    split = {**base, "configuration_acme.py": b"from transformers import PretrainedConfig\n\n\nclass AcmeConfig(PretrainedConfig):\n"
             b'    model_type = "acme"\n', "config.json": auto_config(AutoConfig="configuration_acme.AcmeConfig",
                                                                        AutoModelForCausalLM="modeling_acme.AcmeModel")}  # fmt: skip
    yield _CODE.review("split", split, "configuration and model apart")
    helped = {**base, "modeling_acme.py": modeling(_TOP + "\nfrom .attention import attend\n"),
              "attention.py": b"import torch\nimport math\n\n\ndef attend(q, k, v):\n    s = q @ k.mT / math.sqrt(q.size(-1))\n"
              b"    return torch.softmax(s, -1) @ v\n"}  # fmt: skip
    yield _CODE.review("helper", helped, "with a helper")
    tokens = {"tokenizer_config.json": _as_json({"auto_map": {"AutoTokenizer": ["tokenization_acme.AcmeTokenizer", None]}}),
              "tokenization_acme.py": _TOKENIZER.encode(), "vocab.txt": b"a\nb\n", "model.safetensors": WEIGHTS,
              "config.json": b'{"model_type": "llama"}'}  # fmt: skip
    yield _CODE.review("tokenizer", tokens, "a tokenizer")
    handler = {
        "handler.py": _HANDLER.encode(),
        "config.json": b'{"model_type": "llama"}',
        "model.safetensors": WEIGHTS,
    }
    yield _CODE.review("handler", handler, "an endpoint's handler")
    index = {"_class_name": ["pipeline", "AcmePipeline"], "unet": ["diffusers", "UNet2DModel"]}
    pipe = {"model_index.json": _as_json(index), "pipeline.py": _PIPELINE.encode(), "unet/config.json": b"{}"}
    yield _CODE.review("pipeline", pipe, "a diffusers pipeline")
    modules = {"modules.json": _as_json([{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}]),
               "custom_st.py": b"from torch import nn\n\n\nclass Transformer(nn.Module):\n    def forward(self, x):\n        return x\n",
               "model.safetensors": WEIGHTS}  # fmt: skip
    yield _CODE.review("sentence_transformer", modules, "a module for sentence-transformers")
    inference = {**base, "inference.py": b"import argparse\nimport torch\n\nif __name__ == '__main__':\n"
                 b"    p = argparse.ArgumentParser()\n    print(p.parse_args(), torch.cuda.is_available())\n"}  # fmt: skip
    yield _CODE.review("example_script", inference, "with an example")
    package = {**base, "modeling_acme.py": modeling(_TOP + "\nfrom .ops.rotary import rotate\n"), "ops/__init__.py": b"",
               "ops/rotary.py": b"import torch\n\n\ndef rotate(x):\n    return torch.roll(x, 1, -1)\n"}  # fmt: skip
    yield _CODE.review("package", package, "with a package")
    setup = {"setup.py": b"from setuptools import find_packages, setup\n\nsetup(name='acme', version='1.0', packages=find_packages())\n",
             "config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS}  # fmt: skip
    yield _CODE.either("setup", setup, "with a plain setup.py")
    scripts = {"convert.py": b"import sys\nfrom safetensors.torch import load_file\nprint(load_file(sys.argv[1]).keys())\n",
               "config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS}  # fmt: skip
    yield _CODE.either("script_unreferenced", scripts, "a script that nothing loads")
    loads = {**base, "modeling_acme.py": modeling(_TOP + "\n\ndef load_old(path):\n    return torch.load(path, map_location='cpu',"
                                                         " weights_only=True)\n")}  # fmt: skip
    yield _CODE.review("torch_load", loads, "code that loads weights safely")
