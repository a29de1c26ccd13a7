"""Writes the report files of a stored scan."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from cli.workplace import Workplace, write_whole
from policies.assessment import Assessment
from reports.format import Report, load_formats
from scanner.comparison import Comparison
from scanner.progress import Progress
from scanner.scan import Scan


def wanted_formats(names: Sequence[str]) -> list[str]:
    """The formats that `--report` names, each once; "none" is none."""
    return [name for name in dict.fromkeys(names) if name != "none"]


def write_reports(
    scan: Scan,
    assessment: Assessment,
    workplace: Workplace,
    names: Sequence[str],
    folder: Path,
    progress: Progress,
    comparison: Comparison | None = None,
) -> list[Path]:
    """Writes `report.<suffix>` into `folder` for every format named, each whole or not at all.

    With a comparison, the formats that tell what changed since the base tell it.

    Raises:
        WorkplaceError: when a file cannot be written.
        ReportError: when a format cannot be rendered, for instance without its system libraries.
    """
    wanted = wanted_formats(names)
    formats = load_formats()
    now = datetime.datetime.now(datetime.UTC)
    report = Report(scan, assessment, workplace.evidence, now, comparison)
    written = []
    with progress.task("Reports", len(wanted), "files") as task:
        for name in wanted:
            task.note(name)
            path = folder / f"report.{formats[name].suffix}"
            write_whole(path, formats[name].render(report))
            written.append(path)
            task.advance()
    return written
