"""Templates: neither number, depth nor length hides one, and those that are not read are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from scanner.checks.chat_template_unsafe import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_ESCAPE: Final = "{{ lipsum.__globals__ }}"
_MEBIBYTE: Final = 1024**2
_VOCABULARY: Final = {"model": {"vocab": {"template": 1, "{{": 2, "a" * 5 * _MEBIBYTE: 3}}}


def _deep(value: object, levels: int) -> object:
    for _ in range(levels):
        value = [value]
    return value


def _yaml(count: int) -> bytes:
    values = "".join(f"k{number}: '{{{{ x{number} }}}}'\n" for number in range(count))
    return f"{values}z: '{_ESCAPE}'\n".encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.yaml", _yaml(1)),
        ("a.yaml", _yaml(300)),
        ("a.yaml", b"k: '{{ x }}'\nl:\n" + b"- 1\n" * 300_000 + f"z: '{_ESCAPE}'\n".encode()),
        ("a.json", json.dumps({"a_template": [_ESCAPE, *["{{ x }}"] * 300]}).encode()),
        ("a.json", json.dumps({"a_template": [_ESCAPE, *(f"{{{{ {n} }}}}" for n in range(300))]}).encode()),
        ("a.json", json.dumps({"a_template": _deep(_ESCAPE, 60)}).encode()),
        ("a.json", json.dumps({"a": "a" * 5 * _MEBIBYTE, "chat_template": _ESCAPE}).encode()),
        ("tokenizer_config.json", json.dumps([{"chat_template": _ESCAPE}]).encode()),
        ("tokenizer_config.json", json.dumps({"chat_template": {"a": _ESCAPE, "b": 1}}).encode()),
    ],
    ids=["few", "many", "long", "repeated", "many in JSON", "deep", "large JSON", "list", "before a fault"],
)
def test_template_is_found(name: str, data: bytes, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {name: data}))
    assert "TPL-ESCAPE" in {each.rule for each in found if CHECK.verdict_of(each) is FileVerdict.ATTACK}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.yaml", _yaml(3000)),
        ("a.prompt", b"a" * 5 * _MEBIBYTE + _ESCAPE.encode()),
        ("a.tmpl", b"a" * (_MEBIBYTE - 1) + _ESCAPE.encode() + b"a" * 5 * _MEBIBYTE),
    ],
    ids=["very many", "long", "between pieces"],
)
def test_templates_that_are_not_read_are_told(name: str, data: bytes, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {name: data}))
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.ERROR, "unreadable")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("prompts.txt", b"a question\n" * 500_000),
        (
            "tokenizer.json",
            json.dumps(_VOCABULARY).encode(),
        ),
    ],
    ids=["text", "vocabulary"],
)
def test_long_file_without_templates_is_let_through(name: str, data: bytes, tmp_path: Path) -> None:
    found = findings_of(CHECK, write_all(tmp_path, {name: data}))
    assert [each.outcome for each in found] == [Outcome.NOT_RUN]
    assert found[0].rule == "nothing-to-examine"
