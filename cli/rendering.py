"""Writes the report files of a stored scan."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from cli.workplace import Workplace, write_whole
from db.store import Store
from policies.assessment import Assessment
from policies.decided import about
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
    """Writes the file of every format named into `folder`, each whole or not at all.

    With a comparison, the formats that tell what changed since the base tell it.

    Raises:
        WorkplaceError: when a file cannot be written.
        BrokenChainError: when the record of decisions is damaged.
        ReportError: when a format cannot be rendered, for instance without its system libraries.
    """
    wanted = wanted_formats(names)
    formats = load_formats()
    with Store.open(workplace.database_url) as store:
        decisions = tuple(about(store.decisions(), scan))
    now = datetime.datetime.now(datetime.UTC)
    report = Report(scan, assessment, workplace.evidence, now, decisions, comparison)
    written = []
    with progress.task("Reports", len(wanted), "files") as task:
        for name in wanted:
            task.note(name)
            path = folder / f"{formats[name].stem}.{formats[name].suffix}"
            write_whole(path, formats[name].render(report))
            written.append(path)
            task.advance()
    return written
