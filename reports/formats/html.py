"""HTML: one file that opens anywhere without a network, in light and dark, on paper and by keyboard."""

from __future__ import annotations

from reports.document import document_of
from reports.format import Format, Report
from reports.glyphs import visible
from reports.templating import csp_hash, filled, template_text


class HtmlFormat(Format):
    """A self-contained page; its content security policy names the one script and style by digest."""

    name = "html"
    suffix = "html"
    media_type = "text/html"

    def render(self, report: Report) -> bytes:
        """The page."""
        style = template_text("base.css") + template_text("screen.css")
        script = template_text("filter.js")
        policy = (
            f"default-src 'none'; style-src {csp_hash(style)}; script-src {csp_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        )
        extra = {"style": style, "script": script, "policy": policy}
        return filled("screen.html.j2", document_of(report), visible, extra).encode()


FORMAT = HtmlFormat()
