"""Python sources that do something dangerous on their last line, and one that does not; never run."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json


def auto_map(target: str = "modeling_x.Model") -> bytes:
    """A config.json that asks for code."""
    return json.dumps({"model_type": "x", "auto_map": {"AutoConfig": target, "AutoModel": target}}).encode()


def dangerous_code() -> dict[str, tuple[str, str, str]]:
    """Python sources: name to (kind, call, source); the call stands on the last line."""
    return {
        "plain": ("process", "subprocess.run", "import subprocess\nsubprocess.run(['echo'])"),
        "import_as": ("process", "os.system", "import os as o\no.system('echo')"),
        "from_import_as": ("process", "os.system", "from os import system as s\ns('echo')"),
        "star_import": ("process", "os.system", "from os import *\nsystem('echo')"),
        "getattr_glued": ("process", "os.system", "import os\ngetattr(os, 'sys' + 'tem')('echo')"),
        "dunder_import": ("process", "os.system", "__import__('os').system('echo')"),
        "import_module": ("process", "subprocess.run", "import importlib\nimportlib.import_module('sub' + 'process').run(['echo'])"),
        "reversed_name": ("process", "os.popen", "__import__('so'[::-1]).popen('echo')"),
        "chr_name": ("process", "os.system", "__import__(chr(111) + chr(115)).system('echo')"),
        "joined_name": ("process", "os.system", "__import__(''.join(['o', 's'])).system('echo')"),
        "alias_of_alias": ("process", "os.popen", "import os\na = os.popen\nb = a\nb('echo')"),
        "module_dict": ("process", "os.system", "import os\nos.__dict__['system']('echo')"),
        "vars": ("process", "os.system", "import os\nvars(os)['system']('echo')"),
        "sys_modules": ("process", "os.system", "import sys\nsys.modules['os'].system('echo')"),
        "handed_on": ("process", "os.system", "import os\nlist(map(os.system, ['echo']))"),
        "default_argument": ("process", "os.system", "import os\ndef f(x, run=os.system): return run(x)"),
        "passed_to_lambda": ("process", "os.system", "import os\nf = (lambda g: g)(os.system)"),
        "in_method": ("process", "subprocess.Popen", "import subprocess\nclass M:\n    def forward(self): return subprocess.Popen('echo')"),
        "in_condition": ("process", "os.system", "import os\nif True: os.system('echo')"),
        "eval": ("execution", "eval", "x = eval('1')"),
        "exec": ("execution", "exec", "exec('1')"),
        "builtins_subscript": ("execution", "eval", "__builtins__['eval']('1')"),
        "builtins_dict": ("execution", "exec", "import builtins\nbuiltins.__dict__['ex' + 'ec']('1')"),
        "shadowed": ("execution", "exec", "class E:\n    def exec(self): ...\nexec('1')"),
        "ctypes": ("execution", "ctypes.CDLL", "import ctypes\nctypes.CDLL('x.so')"),
        "cpp_extension": ("execution", "torch.utils.cpp_extension.load", "from torch.utils.cpp_extension import load\nload('x', ['x.cpp'])"),
        "decoded": ("obfuscation", "exec", "import base64\nexec(base64.b64decode('MQ=='))"),
        "hex": ("obfuscation", "exec", "exec(bytes.fromhex('31').decode())"),
        "hidden_attribute": ("obfuscation", "getattr", "import os\ngetattr(os, input())('echo')"),
        "packed": ("obfuscation", "packed data", "blob = '" + "QUJD" * 600 + "'"),
        "computed_import": ("import", "__import__", "__import__(input())"),
        "requests": ("network", "requests.get", "import requests\nrequests.get('http://localhost')"),
        "urllib": ("network", "urllib.request.urlopen", "import urllib.request\nurllib.request.urlopen('http://localhost')"),
        "socket": ("network", "socket.socket", "import socket\nsocket.socket()"),
        "hub": ("network", "huggingface_hub.snapshot_download", "from huggingface_hub import snapshot_download\nsnapshot_download('a/b')"),
        "open_write": ("file", "open", "open('x', 'w')"),
        "open_mode": ("file", "open", "open('x', mode=input())"),
        "write_text": ("file", ".write_text", "from pathlib import Path\n(Path('x') / 'y').write_text('z')"),
        "rmtree": ("file", "shutil.rmtree", "import shutil\nshutil.rmtree('x')"),
        "pickle": ("deserialisation", "pickle.load", "import pickle\npickle.load(open('x', 'rb'))"),
        "torch_load": ("deserialisation", "torch.load", "import torch\ntorch.load('x')"),
        "torch_load_unsafe": ("deserialisation", "torch.load", "import torch\ntorch.load('x', weights_only=False)"),
        "numpy_load": ("deserialisation", "numpy.load", "import numpy as np\nnp.load('x', allow_pickle=True)"),
        "yaml_load": ("deserialisation", "yaml.load", "import yaml\nyaml.load('x', Loader=yaml.Loader)"),
        "environ": ("environment", "os.environ", "import os\nos.environ['HOME']"),
        "getenv": ("environment", "os.getenv", "import os\nos.getenv('HOME')"),
    }  # fmt: skip


HARMLESS_CODE = """import json
import math
import re
from collections import OrderedDict
from typing import Optional

import numpy as np
import torch
import yaml
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

PATTERN = re.compile("a+")


class Model(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([nn.Linear(config.hidden, config.hidden) for _ in range(config.layers)])
        self.act = getattr(nn, config.act)()

    def forward(self, x, run=None):
        for layer in self.layers:
            x = torch.nn.functional.gelu(layer(x)) * math.sqrt(2)
        return x

    def prepare(self, path):
        self.eval()
        torch.compile(self)
        with open(path) as stream, open(path, "rb") as raw:
            settings = json.load(stream)
        state = torch.load(path, weights_only=True)
        array = np.load(path)
        again = yaml.load(raw, Loader=yaml.SafeLoader)
        return settings, state, array, again, re.compile("x"), getattr(self, "name")

    def exec(self, system: Optional[str] = None):
        return self.exec(system)
"""
