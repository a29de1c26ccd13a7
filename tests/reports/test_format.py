from __future__ import annotations

import dataclasses
import datetime

import pytest

from reports.format import Report, ReportError, load_formats, render


def test_every_format_is_found_by_its_name() -> None:
    formats = load_formats()
    assert all(name == each.name for name, each in formats.items())
    assert {name: (each.suffix, each.media_type) for name, each in formats.items()} == {
        "html": ("html", "text/html"),
        "json": ("json", "application/json"),
        "markdown": ("md", "text/markdown"),
        "notice": ("txt", "text/plain"),
        "pdf": ("pdf", "application/pdf"),
        "sarif": ("sarif", "application/sarif+json"),
    }


def test_unknown_format_is_refused_with_the_nearest_name(report: Report) -> None:
    with pytest.raises(ReportError, match=r"unknown report format 'htmls'; did you mean 'html'\?") as caught:
        render(report, "htmls")
    assert "html, json, markdown, notice, pdf, sarif" in caught.value.hint


def test_assessment_of_another_scan_is_refused(report: Report) -> None:
    foreign = dataclasses.replace(report.assessment, scan_id="another")
    with pytest.raises(ReportError, match="belongs to scan another"):
        dataclasses.replace(report, assessment=foreign)


def test_time_without_zone_is_refused(report: Report) -> None:
    with pytest.raises(ReportError, match="no time zone"):
        dataclasses.replace(report, generated_at=datetime.datetime(2026, 11, 22))
