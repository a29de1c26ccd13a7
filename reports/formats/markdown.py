"""Markdown: the decision on one page, for the summary of a build or the comment under a pull request."""

from __future__ import annotations

from reports.format import Format, Report
from reports.job_summary import job_summary


class MarkdownFormat(Format):
    """GitHub flavoured Markdown; what models and files say in it formats and links nothing."""

    name = "markdown"
    suffix = "md"
    media_type = "text/markdown"

    def render(self, report: Report) -> bytes:
        """Verdict, reasons, failures, controls and, beside a base, what changed."""
        return job_summary(report.scan, report.assessment, report.comparison).encode()


FORMAT = MarkdownFormat()
