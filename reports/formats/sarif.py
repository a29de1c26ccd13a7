"""SARIF 2.1.0: failures for code scanning, with waivers as suppressions and, beside a base, what is new.

A finding about behaviour has no line in a file. Code scanning shows nothing without one, so such a finding
points to the model's configuration or card, and says so in its properties.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) 2.1.0 plus Errata 01, sections named below.
"""

from __future__ import annotations

import json

from reports.format import Format, Report
from reports.sarif_log import sarif_log


class SarifFormat(Format):
    """One run per scan, valid against the schema of Errata 01."""

    name = "sarif"
    suffix = "sarif"
    media_type = "application/sarif+json"

    def render(self, report: Report) -> bytes:
        """The log as indented JSON."""
        return json.dumps(sarif_log(report), indent=2, ensure_ascii=False).encode() + b"\n"


FORMAT = SarifFormat()
