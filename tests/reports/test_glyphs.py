from __future__ import annotations

from importlib import resources

import pytest

from reports.glyphs import FONT_FILES, coverage, printable, visible


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00", "\x07", "\x1b", "\r", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066",
        "\ufeff", "\u2028", "\ue000", "\U000e0041", "\u0378", "\ud800",
    ],
)  # fmt: skip
def test_what_cannot_be_seen_becomes_an_escape(hidden: str) -> None:
    assert visible(f"a{hidden}b") == f"a⟨U+{ord(hidden):04X}⟩b"


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "two\nlines",
        "中文，日本語 Ελλ Кир",
        "a\u00a0b",
        "naïve",
        "نعم",
        "\U0001f600",
        "می\u200cخواهم",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_joiners_between_latin_letters_are_shown() -> None:
    assert visible("pass\u200dword\u200c\u200d") == "pass⟨U+200D⟩word⟨U+200C⟩⟨U+200D⟩"


def test_line_ends_and_tabs_are_made_equal() -> None:
    assert visible("a\r\nb\tc") == "a\nb    c"


def test_towers_of_marks_are_cut() -> None:
    assert visible("Z" + "\u0301" * 6) == "Z" + "\u0301" * 4 + "⟨U+0301⟩" * 2


def test_every_printable_character_has_a_glyph() -> None:
    everything = "".join(chr(code) for code in range(0x20, 0x30000) if not 0xD800 <= code < 0xE000)
    assert {ord(character) for character in printable(everything)} <= set(coverage())  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "text",
    [
        "Ünïcödé",
        "Ж и я",
        "Ωμέγα",
        "汉字與漢字",
        "朱镕基",
        "カタカナ",
        "→ ≤ ≈ − × ■▲●◆○△◇□",
        "│─└",
        "⟨U+1F600⟩",
    ],
)
def test_scripts_of_the_scan_languages_are_covered(text: str) -> None:
    assert printable(text) == text


def test_emoji_is_printed_as_an_escape() -> None:
    assert printable("ok \U0001f600") == "ok ⟨U+1F600⟩"


def test_fonts_come_with_licence_and_source() -> None:
    folder = resources.files("reports") / "data" / "fonts"
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(name in readme for name in FONT_FILES)


def test_fonts_are_those_of_the_readme() -> None:
    import hashlib

    folder = resources.files("reports") / "data" / "fonts"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for name in FONT_FILES:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in readme, name
    assert sum(len((folder / name).read_bytes()) for name in FONT_FILES) < 6_000_000
