"""Markdown: the decision and what the licences ask for, for the summary of a build or a pull request."""

from __future__ import annotations

from reports.contents import contents_of
from reports.format import Format, Report
from reports.job_summary import job_summary
from reports.sections.licences import licences_view


class MarkdownFormat(Format):
    """GitHub flavoured Markdown; what models and files say in it formats and links nothing."""

    name = "markdown"
    suffix = "md"
    media_type = "text/markdown"

    def render(self, report: Report) -> bytes:
        """Verdict, reasons, failures, controls, beside a base what changed, then the licences."""
        licences = licences_view(contents_of(report))
        return job_summary(report.scan, report.assessment, report.comparison, licences).encode()


FORMAT = MarkdownFormat()
