"""Keys by which loaders import names, open paths and run texts: each is found, and honest values pass."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.checks.remote_code import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from tests.assets import make_file_assets as assets
from tests.scanner.check_runs import findings_of


def verdicts(folder: Path, files: Mapping[str, bytes]) -> set[FileVerdict]:
    found = findings_of(CHECK, assets.write_all(folder, files))
    said = {CHECK.verdict_of(each) for each in found if each.outcome is not Outcome.PASS}
    return {each for each in said if each is not None}


ATTACKS: dict[str, tuple[str, object]] = {
    "dense": ("1_Dense/config.json", {"activation_function": "IPython.start_ipython"}),
    "cross_encoder": ("config.json", {"sbert_ce_default_activation_function": "os.abort"}),
    "cross_encoder_v4": ("config.json", {"sentence_transformers": {"activation_fn": "os.system"}}),
    "router": ("router_config.json", {"types": {"q": "subprocess.Popen"}, "structure": {"query": ["q"]}}),
    "word_tokenizer": ("0_WordEmbeddings/wordembedding_config.json", {"tokenizer_class": "code.interact"}),
    "megatron": ("adapter_config.json", {"megatron_core": "antigravity"}),
    "rag": ("config.json", {"index_name": "legacy", "index_path": "/tmp/x"}),
    "rag_passages": ("config.json", {"passages_path": "../../x.pkl", "index_name": "custom"}),
    "vocab_file": ("tokenizer_config.json", {"vocab_file": "../../../../etc/passwd"}),
    "tokenizer_file": ("tokenizer_config.json", {"tokenizer_file": "/etc/shadow"}),
    "secret_file": ("tokenizer_config.json", {"merges_file": "/home/u/.ssh/id_rsa"}),
    "other_machine": ("tokenizer_config.json", {"vocab_file": "\\\\10.0.0.1\\share\\vocab.txt"}),
    "logging_factory": ("logging_config.json", {"formatters": {"f": {"()": "builtins.eval"}}}),
    "logging_odd_name": ("log.json", {"handlers": {"f": {"class": "subprocess.Popen"}}}),
    "allennlp": ("config.json", {"model": {"type": "os.system"}}),
    "gluonts": ("predictor.json", {"__kind__": "instance", "class": "subprocess.Popen"}),
    "autogen": ("agent.json", {"provider": "subprocess.Popen", "config": {}}),
    "autogen_source": ("team.json", {"config": {"source_code": "import os\nos.system('x')\n"}}),
    "langchain": ("chain.json", {"lc": 1, "type": "constructor",
                                 "id": ["langchain_experimental", "utilities", "python", "PythonREPL"]}),
    "langchain_path": ("prompt.json", {"_type": "prompt", "template_path": "../../../etc/x.txt"}),
    "haystack_filters": ("p.json", {"init_parameters": {"custom_filters": {"f": "os.system"}}}),
}  # fmt: skip
TO_REVIEW: dict[str, tuple[str, object]] = {
    "megatron": ("adapter_config.json", {"megatron_core": "other_package.core"}),
    "dense": ("2_Dense/config.json", {"activation_function": "other_package.Act"}),
    "timm": ("config.json", {"architecture": "hf-hub:other/model"}),
    "mmengine": ("x.json", {"custom_imports": {"imports": ["other_package"]}}),
    "mxnet": ("model-symbol.json", {"nodes": [{"op": "null"}, {"op": "Custom"}]}),
    "langchain_secret": ("chain.json", {"lc": 1, "type": "secret", "id": ["AWS_SECRET_ACCESS_KEY"]}),
    "langchain_shell": ("chain.json", {"_type": "llm_bash_chain"}),
    "autogen_source": ("team.json", {"config": {"source_code": "def f():\n    return 1\n"}}),
    "haystack_unsafe": ("p.json", {"init_parameters": {"unsafe": True}}),
}
HONEST: dict[str, tuple[str, object]] = {
    "dense": ("2_Dense/config.json", {"activation_function": "torch.nn.modules.activation.Tanh"}),
    "cross_encoder": ("config.json", {"sentence_transformers": {"activation_fn": "torch.nn.Identity"}}),
    "transformers": ("config.json", {"activation_function": "gelu", "type": "llama", "tokenizer_class": "X"}),
    "word_tokenizer": ("a/config.json", {"tokenizer_class":
                                         "sentence_transformers.models.tokenizer.WhitespaceTokenizer"}),
    "router": ("router_config.json", {"types": {"q": "sentence_transformers.models.Transformer"}}),
    "megatron": ("adapter_config.json", {"megatron_core": "megatron.core", "megatron_config": None}),
    "attention": ("config.json", {"_attn_implementation": "flash_attention_2", "attn_implementation": None}),
    "left_path": ("tokenizer_config.json", {"tokenizer_file": "/root/.cache/huggingface/x/tokenizer.json",
                                            "vocab_file": "/dev/shm/vocab.txt", "merges_file": "merges.txt"}),
    "rag": ("config.json", {"index_path": None, "passages_path": "passages"}),
    "schema": ("schema.json", {"type": "object", "items": {"a": {"type": "os.PathLike", "class": "x.Y"}}}),
    "logging": ("logging.json", {"handlers": {"h": {"class": "logging.handlers.RotatingFileHandler"}}}),
    "langchain": ("chain.json", {"lc": 1, "type": "constructor", "id": ["langchain", "chains", "LLMChain"],
                                 "openai_api_key": {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]}}),
    "haystack": ("p.json", {"init_parameters": {"unsafe": False}}),
    "own_path": ("train.json", {"prompt_path": "/home/me/x.txt", "index_path": "/i", "vocab_file": "../v"}),
    "timm": ("config.json", {"architecture": "vit_base_patch16_224"}),
    "gluonts": ("predictor.json", {"__kind__": "type", "class": "gluonts.torch.PyTorchPredictor"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_dangerous_value_is_an_attack(name: str, tmp_path: Path) -> None:
    path, value = ATTACKS[name]
    assert FileVerdict.ATTACK in verdicts(tmp_path, {path: json.dumps(value).encode()})


@pytest.mark.parametrize("name", TO_REVIEW)
def test_unknown_value_needs_a_reader(name: str, tmp_path: Path) -> None:
    path, value = TO_REVIEW[name]
    found = verdicts(tmp_path, {path: json.dumps(value).encode()})
    assert found == {FileVerdict.NEEDS_CLASS_INSTANCE}


@pytest.mark.parametrize("name", HONEST)
def test_honest_value_passes(name: str, tmp_path: Path) -> None:
    path, value = HONEST[name]
    assert verdicts(tmp_path, {path: json.dumps(value).encode()}) == set()


@pytest.mark.parametrize(
    "value", ["other/kernel", "other/kernel@main", "paged|other/kernel:run", {"text_config": "o/k"}]
)
def test_kernel_of_the_hub_is_code_of_another_repository(value: object, tmp_path: Path) -> None:
    data = json.dumps({"model_type": "llama", "attn_implementation": value}).encode()
    assert verdicts(tmp_path, {"config.json": data}) == {FileVerdict.NOT_READABLE}


YAML_ATTACKS = {
    "logging": "handlers:\n  h:\n    '()': subprocess.Popen\n",
    "haystack": "components:\n  a:\n    type: subprocess.Popen\n",
    "haystack_filters": "a:\n  init_parameters: {custom_filters: {f: os.system}}\n",
    "rasa": "pipeline:\n- name: os.system\n",
    "pyannote": "pipeline:\n  name: subprocess.Popen\n",
    "detectron": "_BASE_: ../../../../etc/secret.yaml\n",
    "anchored": "a: &x\n  type: os.system\nb: *x\n",
    "second_document": "a: 1\n---\nm: [{type: os.system}]\n",
}
YAML_HONEST = {
    "logging": "handlers:\n  h:\n    class: logging.StreamHandler\n    stream: ext://sys.stdout\n",
    "pyannote": "pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n",
    "detectron": "_BASE_: ../Base-RCNN-FPN.yaml\nMODEL:\n  WEIGHTS: detectron2://ImageNetPretrained/R-50.pkl\n",
    "version": "pipeline:\n- name: bert.v2\n",
}


@pytest.mark.parametrize("name", YAML_ATTACKS)
def test_dangerous_value_in_yaml_is_an_attack(name: str, tmp_path: Path) -> None:
    assert FileVerdict.ATTACK in verdicts(tmp_path, {"config.yaml": YAML_ATTACKS[name].encode()})


@pytest.mark.parametrize("name", YAML_HONEST)
def test_honest_value_in_yaml_passes(name: str, tmp_path: Path) -> None:
    assert verdicts(tmp_path, {"config.yaml": YAML_HONEST[name].encode()}) == set()


def test_pickle_of_an_unknown_host_needs_a_reader(tmp_path: Path) -> None:
    text = b"MODEL:\n  WEIGHTS: https://x.example.com/w.pkl\n"
    assert verdicts(tmp_path, {"config.yaml": text}) == {FileVerdict.NEEDS_CLASS_INSTANCE}


def test_key_written_twice_does_not_hide_the_danger(tmp_path: Path) -> None:
    data = b'{"type": "x", "type": "os.system"}'
    assert verdicts(tmp_path, {"odd.json": data}) == {FileVerdict.NOT_READABLE}


def test_text_that_is_no_json_and_has_common_keys_is_let_through(tmp_path: Path) -> None:
    lines = b'{"source_code": "x", "type": "a.b"}\n{"source_code": "y"}\n'
    assert verdicts(tmp_path, {"config.json": b"{}", "data.json": lines}) == set()


def test_keys_inside_a_nemo_archive_are_judged(tmp_path: Path) -> None:
    text, data = b"optim:\n  sched: {type: os.system}\n", io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("model_config.yaml")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    assert verdicts(tmp_path, {"m.nemo": data.getvalue()}) == {FileVerdict.ATTACK}


def test_yaml_nested_too_deep_to_be_read_is_said(tmp_path: Path) -> None:
    assert verdicts(tmp_path, {"x.yaml": b"[" * 5000}) == {FileVerdict.NOT_READABLE}
