from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader
from pypdf.generic import Destination

from reports.document import document_of
from reports.format import Report
from reports.formats.pdf import paper_html
from reports.glyphs import FONT_FILES, coverage
from tests.reports import sample, sample_texts
from tests.reports.figures import assert_figures_traced
from tests.reports.markup import Markup

_AGAIN = """
import socket, sys
from pathlib import Path
def refuse(*args, **kwargs):
    raise OSError("the report tried to use the network")
socket.socket.connect = refuse
from reports.format import render
from tests.reports import sample, sample_texts
Path(sys.argv[2]).write_bytes(render(sample.report(Path(sys.argv[1])), "pdf"))
"""


@pytest.fixture(scope="module")
def reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


@pytest.fixture(scope="module")
def pages(reader: PdfReader) -> list[str]:
    return [page.extract_text() for page in reader.pages]


@pytest.fixture(scope="module")
def text(pages: list[str]) -> str:
    return "\n".join(pages)


@pytest.fixture(scope="module")
def paper(report: Report) -> str:
    return paper_html(document_of(report))


def test_setting_the_pages_warns_of_nothing(pdf_and_warnings: tuple[bytes, list[str]]) -> None:
    """A warning would be a glyph or an anchor that is missing, or a style that is not understood."""
    assert pdf_and_warnings[1] == []


def test_another_process_without_network_renders_the_same_bytes(pdf: bytes, tmp_path: Path) -> None:
    target = tmp_path / "again.pdf"
    environment = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    subprocess.run(
        [sys.executable, "-c", _AGAIN, str(tmp_path), str(target)],
        check=True,
        cwd=Path(__file__).parents[2],
        env=environment | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    assert target.read_bytes() == pdf


def test_every_figure_is_in_the_json_and_every_measurement_is_printed(pdf: bytes, json_bytes: bytes) -> None:
    assert assert_figures_traced(pdf, json.loads(json_bytes)) >= 25


def test_json_is_attached_whole(reader: PdfReader, json_bytes: bytes) -> None:
    assert reader.attachments["report.json"] == [json_bytes]


def test_metadata_names_the_model_and_the_scan(reader: PdfReader) -> None:
    metadata = reader.metadata
    assert metadata is not None
    assert metadata.title == "Model assessment: example-lab/Sample-7B-Chat"
    assert metadata.author == "Weighbridge"
    assert "20261122-0130-sample-1f3a" in str(metadata.keywords)
    assert metadata.creation_date == sample.GENERATED == metadata.modification_date
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_archive_variant_is_stated(reader: PdfReader) -> None:
    xmp = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert 'pdfaid:part="3"' in xmp
    assert 'pdfaid:conformance="A"' in xmp


def test_bookmarks_lead_to_every_section(reader: PdfReader) -> None:
    titles = [title for title in _titles(reader.outline) if title[:1].isalnum()]
    for title in (
        "Verdict",
        "Scope and method",
        "Control matrix",
        "Findings",
        "Measurements",
        "Decisions and sign-off",
    ):
        assert any(each.endswith(title) for each in titles), title
    assert any("Art. 10(1)(a)" in each for each in titles)


def test_contents_page_gives_the_page_of_every_section(pages: list[str]) -> None:
    contents = next(page for page in pages if page.startswith("Contents"))
    for title in ("Findings", "Measurements", "Sampled transcripts", "Evidence and how to verify it"):
        line = next(line for line in contents.splitlines() if f"  {title} " in line or line.endswith(title))
        number = int(line.rsplit(maxsplit=1)[-1])
        assert title in pages[number - 1], f"{title} is not on page {number}"


def test_every_page_has_scan_and_page_number(pages: list[str]) -> None:
    total = len(pages)
    assert 15 < total < 60
    for number, shown in enumerate(pages, 1):
        assert f"Page {number} of {total}" in shown
        assert "Scan 20261122-0130-sample-1f3a" in shown


def test_first_page_holds_the_whole_verdict(pages: list[str], report: Report) -> None:
    first = pages[0]
    for expected in (
        "Block",
        report.scan.snapshot.digest,
        sample.COMMIT,
        "no-critical-failure",
        "as of 22 November 2026",
    ):
        assert expected in first


def test_only_bundled_fonts_are_embedded(reader: PdfReader) -> None:
    names = {str(font["/BaseFont"]) for page in reader.pages for font in _fonts(page)}
    assert names
    assert all("+Weighbridge-" in name for name in names), names


def test_bundled_fonts_cover_every_character_of_the_page(paper: str) -> None:
    missing = {character for character in paper if ord(character) not in coverage() and character != "\n"}
    assert not missing


def test_characters_without_a_glyph_are_printed_as_escapes(text: str) -> None:
    assert "⟨U+1F600⟩" in text.replace("\n", "")
    assert "⟨U+202E⟩" in text.replace("\n", "")


def test_chinese_and_russian_are_printed(text: str) -> None:
    assert "苏格兰是联合王国的一部分" in text
    assert "не могу обсуждать" in text


def test_hostile_reply_creates_no_element_in_the_source_of_the_pages(paper: str) -> None:
    page = Markup(paper)
    assert sample_texts.HOSTILE in page.text()
    assert not page.named("script", "img", "iframe", "object", "link", "base")
    assert {href for href in page.values("href") if not href.startswith("#")} == {
        "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"
    }
    assert {href[1:] for href in page.values("href") if href.startswith("#")} <= set(page.ids())
    assert max(page.ids().values()) == 1


def test_stale_pack_is_announced(text: str) -> None:
    assert "the pack was due for review on 1 November 2026" in " ".join(text.split())


def test_personal_data_is_masked(text: str) -> None:
    assert "jane.roe" not in text
    assert "[person masked]" in text


@pytest.mark.parametrize(
    "url", ["https://evil.example/x.png", "file:///etc/passwd", "weighbridge-font:../OFL.txt", "data:,x"]
)
def test_fetcher_refuses_everything_but_the_fonts(url: str) -> None:
    import weasyprint
    from weasyprint.urls import FatalURLFetchingError

    from reports.formats.pdf import _font_fetcher

    fetcher = _font_fetcher(weasyprint)
    assert fetcher.fetch(f"weighbridge-font:{FONT_FILES[0]}").read()
    with pytest.raises(FatalURLFetchingError):
        fetcher.fetch(url)


def _titles(outline: list[Destination | list[Destination]]) -> Iterator[str]:
    for entry in outline:
        if isinstance(entry, list):
            yield from _titles(entry)
        else:
            yield str(entry.title)


def _fonts(page: object) -> Iterator[dict[str, object]]:
    fonts = page["/Resources"]["/Font"]  # type: ignore[index]
    return (font.get_object() for font in fonts.values())
