"""The real demo model: a verdict within the time promised, its variants told apart. Takes minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import variants
from tests.e2e.test_scan import findings, scan, static
from tests.reports.figures import assert_controls_traced, assert_figures_traced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every variant of the demo model, as scripts/make_demo_variants.py makes them."""
    folder = tmp_path_factory.mktemp("demo") / "variants"
    variants.script.main(folder)
    return folder


def test_demo_is_weighed_from_weights_to_pdf(tmp_path: Path) -> None:
    code, report = scan("demo", tmp_path / "data", tmp_path / "out")
    assert code == 4
    assert findings(report, "model-incoherent", "pass")
    assert findings(report, "name-contradicts-metadata", "fail")
    assert assert_figures_traced((tmp_path / "out" / "report.pdf").read_bytes(), report) > 10
    assert assert_controls_traced(report, tmp_path / "data" / "evidence") > 10


def test_layout_made_from_the_demo_answers_like_it(made: Path, tmp_path: Path) -> None:
    only = ["--check", "model-incoherent", "--report", "json"]
    _, gguf = scan("demo", tmp_path / "data", tmp_path / "gguf", *only)
    _, layout = scan(made / "hf", tmp_path / "data", tmp_path / "hf", *only)

    def said(report: dict) -> list[float]:  # type: ignore[type-arg]
        return [measured["value"] for measured in report["measurements"]]

    assert said(gguf) == said(layout)


def test_random_weights_of_the_same_shape_are_incomplete(made: Path, tmp_path: Path) -> None:
    code, report = scan(made / "random", tmp_path / "data", tmp_path / "out", "--report", "json")
    assert code == 3
    assert findings(report, "model-incoherent", "fail")


@pytest.mark.parametrize(
    ("name", "check_id", "expected"),
    [
        ("flipped", "integrity-mismatch", 1),
        ("pickle", "pickle-runs-code", 1),
        ("remote-code", "remote-code", 1),
    ],
)
def test_variant_is_blocked_by_its_check(
    made: Path, tmp_path: Path, name: str, check_id: str, expected: int
) -> None:
    code, report = static(made / name, tmp_path)
    assert findings(report, check_id, "fail")
    assert code == expected
