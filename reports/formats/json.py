"""JSON: the whole report for machines, in the versioned shape `weighbridge.report/1`."""

from __future__ import annotations

from reports.contents import contents_of
from reports.format import Format, Report
from scanner.records import encode_pretty


class JsonFormat(Format):
    """Indented UTF-8 JSON, valid against `reports/data/report.schema.json`."""

    name = "json"
    suffix = "json"
    media_type = "application/json"

    def render(self, report: Report) -> bytes:
        """The contents of the report as JSON."""
        return encode_pretty(contents_of(report))


FORMAT = JsonFormat()
