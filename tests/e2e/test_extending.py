"""The example of docs/extending.md, published by another distribution, is a check like any other."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
from tests.e2e.test_scan import findings, scan

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution on the path whose entry point names the page's example."""
    found = re.search(r" *```python\n(.*?) *```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    package, metadata = tmp_path / "site" / "my_checks", tmp_path / "site" / "my_checks-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").touch()
    (package / "tokenizer_missing.py").write_text(textwrap.dedent(found[1]), encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-checks\nVersion: 1.0\n")
    points = "[weighbridge.scanner.checks]\ntokenizer-missing = my_checks.tokenizer_missing\n"
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield
    for name in [name for name in sys.modules if name.startswith("my_checks")]:
        del sys.modules[name]


@pytest.mark.usefixtures("plug_in")
def test_example_of_the_page_judges_a_model(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["checks", "tokenizer-missing"]) == 0
    assert "Looks for the tokenizer" in capsys.readouterr().out
    only = ("--check", "tokenizer-missing", "--report", "json")
    _, report = scan(tiny_model, tmp_path / "data", tmp_path / "whole", *only)
    assert findings(report, "tokenizer-missing", "pass")
    assert report["scan"]["versions"]["plug-in my-checks"] == "1.0"

    without = tmp_path / "model"
    without.mkdir()
    for path in tiny_model.iterdir():
        if path.name != "tokenizer.json":
            (without / path.name).write_bytes(path.read_bytes())
    _, report = scan(without, tmp_path / "data", tmp_path / "without", *only)
    assert findings(report, "tokenizer-missing", "fail")
