"""PDF: for printing, signing and archiving; tagged, with bundled fonts and report.json attached.

Made with the variant PDF/A-3a of WeasyPrint. Conformance was not verified with an independent
validator, so nothing here or in the file claims more than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reports.document import Document, document_of
from reports.format import Format, Report, ReportError
from reports.formats.json import FORMAT as JSON
from reports.glyphs import FONT_FILES, font_bytes, printable
from reports.templating import filled, template_text

if TYPE_CHECKING:
    import datetime

VARIANT: Final = "pdf/a-3a"
_FONT_SCHEME: Final = "weighbridge-font:"
_NO_LIBRARIES: Final = "install Pango (Debian: libpango-1.0-0 and libpangoft2-1.0-0), or choose --report html"


class PdfFormat(Format):
    """A4 pages; two renderings of equal reports are equal byte for byte."""

    name = "pdf"
    suffix = "pdf"
    media_type = "application/pdf"

    def render(self, report: Report) -> bytes:
        """The pages.

        Raises:
            ReportError: when the system libraries for setting text are not installed.
        """
        page = paper_html(document_of(report))
        return _typeset(page, JSON.render(report), report.generated_at)


def paper_html(document: Document) -> str:
    """The HTML that the pages are set from."""
    style = template_text("base.css") + template_text("paper.css")
    return filled("paper.html.j2", document, printable, {"style": style})


def _typeset(page: str, attachment: bytes, at: datetime.datetime) -> bytes:
    weasyprint = _weasyprint()
    fetcher = _font_fetcher(weasyprint)
    attached = weasyprint.Attachment(
        string=attachment,
        name=f"report.{JSON.suffix}",
        description="The whole report for machines",
        created=at,
        modified=at,
        relationship="Data",
        url_fetcher=fetcher,
    )
    html = weasyprint.HTML(string=page, base_url="weighbridge:/", url_fetcher=fetcher)
    pdf: bytes = html.write_pdf(pdf_variant=VARIANT, attachments=[attached])
    return pdf


def _weasyprint() -> Any:  # noqa: ANN401 - an untyped library, imported late
    try:
        import weasyprint
    except OSError as error:
        raise ReportError(f"the PDF cannot be set: {error}", hint=_NO_LIBRARIES) from error
    return weasyprint


def _font_fetcher(weasyprint: Any) -> Any:  # noqa: ANN401 - see above
    """A fetcher that hands out the bundled fonts and refuses everything else, files included."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcherResponse

    class FontFetcher(weasyprint.urls.URLFetcher):  # type: ignore[misc]  # an untyped base
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:  # noqa: ANN401
            name = url.removeprefix(_FONT_SCHEME)
            if url == name or name not in FONT_FILES:
                raise FatalURLFetchingError(f"the report tried to load {url}")
            return URLFetcherResponse(url, body=font_bytes(name), headers={"Content-Type": "font/sfnt"})

    return FontFetcher()


FORMAT = PdfFormat()
