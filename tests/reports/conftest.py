"""Shared renderings of the report tests; a PDF takes seconds, so each is set once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from reports.format import Report, render
from tests.reports import sample


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sample.report(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def empty_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sample.empty_report(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def json_bytes(report: Report) -> bytes:
    return render(report, "json")


@pytest.fixture(scope="session")
def html(report: Report) -> str:
    return render(report, "html").decode()


@pytest.fixture(scope="session")
def pdf_and_warnings(report: Report, empty_report: Report) -> tuple[bytes, list[str]]:
    """The PDF of the sample, and what WeasyPrint warned of while it set that and the least report."""
    warnings: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("weasyprint")
    logger.addHandler(handler)
    try:
        render(empty_report, "pdf")
        return render(report, "pdf"), warnings
    finally:
        logger.removeHandler(handler)


@pytest.fixture(scope="session")
def pdf(pdf_and_warnings: tuple[bytes, list[str]]) -> bytes:
    return pdf_and_warnings[0]


@pytest.fixture(scope="session")
def golden() -> Path:
    return Path(__file__).parents[1] / "golden" / "reports"
