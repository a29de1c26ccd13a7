"""`--base`: another model is fetched beside the one under test, and the two are compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import run
from tests.assets import related_models as made
from tests.e2e.test_scan import findings, scan

_ONLY = ("--check", "differs-from-base", "--static-only", "--report", "json")


def test_a_named_base_is_compared_and_stands_in_the_report(tmp_path: Path) -> None:
    tensors = made.base_tensors()
    base = made.write_model(tmp_path / "base", made.as_bfloats(tensors))
    tuned = made.write_model(tmp_path / "tuned", made.as_bfloats(made.with_adapter(tensors, 4)))
    _, report = scan(tuned, tmp_path / "data", tmp_path / "out", *_ONLY, "--base", str(base))
    (finding,) = findings(report, "differs-from-base", "pass")
    assert f"against {base} (named with --base)" in finding["message"]
    assert "rank 4 or less in" in finding["message"]
    described = report["scan"]["request"]["settings"]["base.snapshot"]
    assert Path(described).is_file()


def test_a_base_without_the_check_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = made.write_model(tmp_path / "m", made.as_floats(made.base_tensors()))
    given = ["scan", str(model), "--base", str(model), "--data-dir", str(tmp_path / "d"), "--report", "none"]
    assert run([*given, "--check", "weights-implausible", "--static-only"]) == 2
    assert "--base is for the check differs-from-base" in " ".join(capsys.readouterr().err.split())


def test_an_inspection_compares_templates_and_says_that_weights_were_not_read(tmp_path: Path) -> None:
    weights = made.as_floats(made.base_tensors())
    base = made.write_model(tmp_path / "base", weights, template="{{ messages[0].content }}")
    new = made.write_model(tmp_path / "new", weights, template="Hello. {{ messages[0].content }}")
    given = ["inspect", str(new), "--base", str(base), "--data-dir", str(tmp_path / "data"), "-q"]
    run([*given, "--check", "differs-from-base", "--report", "json", "--output", str(tmp_path / "out")])
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    (unread,) = findings(report, "differs-from-base", "not_run")
    assert "the weights were not read" in unread["reason"]
    (template,) = findings(report, "differs-from-base", "fail")
    assert template["rule"] == "BASE-TEMPLATE"
