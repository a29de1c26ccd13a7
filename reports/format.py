"""The interface of report formats and what they render. Stable: one file in `reports/formats/` per format.

>>> sorted(load_formats())
['html', 'json', 'markdown', 'notice', 'pdf', 'sarif']
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeGuard

from policies.assessment import Assessment
from policies.decisions import DecisionRecord
from scanner.comparison import Comparison
from scanner.errors import ScanError
from scanner.evidence import EvidenceStore
from scanner.registry import load_extensions, nearest
from scanner.scan import Scan

FORMATS_PACKAGE = "reports.formats"


class ReportError(ScanError):
    """A report cannot be rendered, or there is no such format."""


@dataclass(frozen=True)
class Report:
    """What every format renders. Rendering recomputes nothing: it shows these values.

    Attributes:
        scan: What was found.
        assessment: What that means by packs and gate.
        evidence: Where the bytes behind both lie; read to verify them and to quote transcripts.
        generated_at: Aware time that the report carries; equal reports render to equal bytes.
        decisions: What people decided about this scan, its model or its bytes, in the order of the record.
        comparison: The scan held against the base of its verdict, None without one.
    """

    scan: Scan
    assessment: Assessment
    evidence: EvidenceStore
    generated_at: datetime.datetime
    decisions: tuple[DecisionRecord, ...] = ()
    comparison: Comparison | None = None

    def __post_init__(self) -> None:
        if self.assessment.scan_id != self.scan.id:
            raise ReportError(
                f"the assessment belongs to scan {self.assessment.scan_id}, the report is of {self.scan.id}"
            )
        if self.generated_at.tzinfo is None:
            raise ReportError("generated_at has no time zone; pass an aware time")


class Format(ABC):
    """Turns a report into the bytes of one file.

    Attributes:
        name: Name of the format, as in `--report`.
        stem: Of its files' names.
        suffix: The same, without the dot.
        media_type: IANA media type of its files.
    """

    name: ClassVar[str]
    stem: ClassVar[str] = "report"
    suffix: ClassVar[str]
    media_type: ClassVar[str]

    @abstractmethod
    def render(self, report: Report) -> bytes:
        """The whole file; equal bytes for equal reports.

        Raises:
            ReportError: when it cannot be rendered, for instance without its system libraries.
        """


def load_formats() -> dict[str, Format]:
    """Every format, by name.

    Raises:
        RegistryError: when a module defines no FORMAT, or two share a name.
    """
    return load_extensions((FORMATS_PACKAGE,), "FORMAT", _is_format, lambda found: found.name)


def _is_format(offered: object) -> TypeGuard[Format]:
    return isinstance(offered, Format)


def render(report: Report, name: str) -> bytes:
    """The report in the format called `name`.

    Raises:
        ReportError: when there is no such format or it cannot be rendered.
    """
    formats = load_formats()
    if name not in formats:
        raise ReportError(
            f"unknown report format '{name}'{nearest(name, formats)}",
            hint=f"known formats: {', '.join(sorted(formats))}",
        )
    return formats[name].render(report)
