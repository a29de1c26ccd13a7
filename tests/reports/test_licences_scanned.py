"""From a folder to the NOTICE: what the check keeps is what the notice needs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from reports.format import render
from scanner.check import CheckRecord
from scanner.checks.licence_duties import CHECK
from scanner.findings import Finding, Measurement
from tests.reports import sample
from tests.scanner.check_runs import context_of
from tests.scanner.model_folders import licence_text, write_card

_NOTICE = "Some Model\nCopyright 2026 Example Lab SA\nThis product holds parts of Other Model.\n"


def test_notice_file_of_the_model_and_copyright_lines_reach_the_notice(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_card(folder, "# Model\n", license="mit")
    (folder / "LICENSE").write_text(licence_text("alembic"), encoding="utf-8")
    (folder / "NOTICE").write_text(_NOTICE, encoding="utf-8")
    context = context_of(folder)
    settings = {"licence.distributes": "yes", "licence.commercial": "yes"}
    said = list(CHECK.run(dataclasses.replace(context, settings=settings)))
    findings = tuple(each for each in said if isinstance(each, Finding))
    measured = tuple(each for each in said if isinstance(each, Measurement))
    base = sample.empty_report(tmp_path)
    record = CheckRecord(CHECK.id, findings, measured, sample.STARTED, 0.0)
    scan = dataclasses.replace(base.scan, snapshot=context.snapshot, records=(record,))
    report = dataclasses.replace(base, scan=scan, evidence=context.evidence)
    passed_on = render(report, "notice").decode().partition("\nPart 2: ")[0]
    for line in _NOTICE.splitlines():
        assert f"    {line}\n" in passed_on
    first = licence_text("alembic").splitlines()[0]
    assert first.startswith("Copyright ")
    assert f"    {first}\n" in passed_on
    assert "not kept" not in passed_on
    assert "data-state" in render(report, "html").decode()
