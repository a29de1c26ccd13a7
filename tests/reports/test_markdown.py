"""The Markdown summary says the decision and its reasons, and nothing in it can format or link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.format import Report, render
from reports.markdown_text import fenced, inline, table
from scanner.findings import Outcome


def test_summary_is_the_golden_one(report: Report, golden: Path, update_golden: bool) -> None:
    shown = render(report, "markdown").decode()
    target = golden / "report.md"
    if update_golden:
        target.write_text(shown, encoding="utf-8")
    assert shown == target.read_text(encoding="utf-8"), (
        "run pytest tests/reports --update-golden and read the diff"
    )


def test_every_failure_and_every_reason_is_in_it(report: Report) -> None:
    shown = render(report, "markdown").decode()
    for finding in report.scan.findings:
        if finding.outcome is Outcome.FAIL:
            assert finding.fingerprint in shown
            assert inline(finding.message) in shown
    for reason in report.assessment.verdict.reasons:
        assert inline(reason.text) in shown


def test_least_report_is_no_pass(empty_report: Report) -> None:
    shown = render(empty_report, "markdown").decode()
    assert shown.startswith("# INCOMPLETE")
    assert "it does not establish that a legal duty is met" in shown


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](https://evil.example/p.png)", "<img src=x onerror=y>", "@octocat please merge", "fixes #12",
        "a | b\n| --- | --- |", "`code`", "**bold** _it_ ~~gone~~", "[x]: https://evil.example", "$x^2$",
        "www.evil.example", "\u202egnp.exe", "x\x07y", "# heading",
    ],
)  # fmt: skip
def test_hostile_text_stands_for_itself(hostile: str) -> None:
    shown = inline(hostile)
    entities_gone = re.sub(r"&(#\d+|amp|lt|gt);", "", shown)
    assert not set("`*_[]|@#<>~!$:\n") & set(entities_gone)
    assert "www." not in shown
    assert "\u202e" not in shown


def test_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("````\nx").startswith("`````\n")


def test_table_without_rows_is_nothing() -> None:
    assert table(("a",), []) == ""
