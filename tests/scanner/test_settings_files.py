"""Settings that are neither JSON nor YAML by their name: what they ask loaders for is found as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.file_check import FileVerdict
from tests.scanner.test_loader_keys import verdicts

HANDLER = "[handler_h]\n"
PLAIN = f"{HANDLER}class=StreamHandler\n"
TAG = "a: !!python/object/apply:os.system ['echo']\n"
ATTACKS = {
    "logging_class": ("logging.ini", f"{HANDLER}class=__import__('os').system\nargs=('x',)\n"),
    "logging_args": ("alembic.cfg", f"{PLAIN}args=(__import__('os').system('x'),)\n"),
    "logging_put_together": ("l.ini", f"{PLAIN}a=__import__\nargs=(%(a)s('os').system('x'),)\n"),
    "hydra_toml": ("config.toml", '[model]\n"_target_" = "os.popen"\n'),
    "spacy_reader": ("config.cfg", '[a.b]\n@readers = "srsly.read_json.v1"\npath = "/etc/passwd"\n'),
    "triton": ("m/config.pbtxt", 'name: "x"\nruntime: "../../tmp/x.so"\n'),
    "triton_split": ("m/config.pbtxt", 'default_model_filename: "../" "..\\057etc"\n'),
    "caffe": ("deploy.prototxt", 'layer { type: "Python" python_param { module: "os" layer: "system" } }\n'),
    "modelfile": ("Modelfile", "FROM /etc/passwd\n"),
    "adapter": ("Modelfile", "FROM llama3\nadapter ../../../x\n"),
    "tag_in_text": ("labels.txt", TAG),
    "tag_without_suffix": ("hparams", TAG),
    "tag_before_a_fault": ("hparams.bak", f"{TAG}]]: {{\n"),
    "tag_by_directive": ("hparams", "%TAG ! tag:yaml.org,2002:python/\n---\nx: !name:os.system\n"),
    "include": ("hyperparams.yaml", "x: !include:../../../etc/passwd\n"),
    "php": ("config.yaml", "x: !php/object 'O:1'\n"),
    "gadget": ("config.yaml", "_target_: nemo.core.classes.common.import_class_by_path\npath: x\n"),
}  # fmt: skip
HONEST = {
    "logging": ("logging.ini", f"{HANDLER}class=handlers.FileHandler\nargs=('x.log', 'a', sys.maxsize)\n"),
    "spacy": ("config.cfg", '[nlp]\ntokenizer = {"@tokenizers":"spacy.Tokenizer.v1"}\n'
              '[corpora.train]\n@readers = "spacy.Corpus.v1"\npath = "/home/me/train.spacy"\n'),
    "pyproject": ("pyproject.toml", '[project]\nname = "x"\n[tool.x]\ntype = "a.b"\n'),
    "triton": ("config.pbtxt", 'runtime: "libx.so"\nparameters: {key: "a", value {string_value: "/a"}}\n'),
    "caffe": ("deploy.prototxt", 'layer { type: "Convolution" }\n'),
    "modelfile": ("Modelfile", "FROM ../model.gguf\nTEMPLATE x\n"),
    "told_of_tags": ("notes.txt", "It runs tags such as !!python/object/apply:os.system when they load.\n"),
    "told_of_tags_in_markdown": ("security.md", TAG),
    "include": ("hyperparams.yaml", "x: !include:other.yaml\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_danger_in_settings_is_an_attack(name: str, tmp_path: Path) -> None:
    path, text = ATTACKS[name]
    assert FileVerdict.ATTACK in verdicts(tmp_path, {path: text.encode()})


@pytest.mark.parametrize("name", HONEST)
def test_honest_settings_pass(name: str, tmp_path: Path) -> None:
    path, text = HONEST[name]
    assert verdicts(tmp_path, {"config.json": b"{}", path: text.encode()}) == set()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("config.cfg", '[nlp]\nbefore_creation = {"@callbacks":"other.run.v1"}\n'),
        ("deploy.prototxt", "layer { python_param { module: 'other.layers' layer: 'X' } }\n"),
    ],
)
def test_code_of_others_needs_a_reader(path: str, text: str, tmp_path: Path) -> None:
    assert verdicts(tmp_path, {path: text.encode()}) == {FileVerdict.NEEDS_CLASS_INSTANCE}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_yaml_in_other_encodings_is_read(encoding: str, tmp_path: Path) -> None:
    assert FileVerdict.ATTACK in verdicts(tmp_path, {"config.yaml": TAG.encode(encoding)})
