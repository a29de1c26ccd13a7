"""Makes `reports/data/fonts/`: the Noto fonts, reduced to the characters that reports print.

The fonts come from three Debian packages, so that anybody can fetch the same bytes:

    apt-get download fonts-noto-core fonts-noto-mono fonts-noto-cjk
    for package in *.deb; do dpkg-deb -x "$package" unpacked; done
    python scripts/make_fonts.py unpacked

Two runs over the same packages write the same bytes: no time of day enters the files.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "reports" / "data" / "fonts"
PACKAGES: Final = (
    "fonts-noto-core 20201225-1",
    "fonts-noto-mono 20201225-1",
    "fonts-noto-cjk 1:20220127+repack1-1",
)
RETRIEVED: Final = "2026-11-22"

# Latin, Greek, Cyrillic, combining marks; then Latin and Greek extended, punctuation, super- and
# subscripts, currency, letter-like, number forms, arrows, operators, technical, box drawing, shapes.
LETTERS: Final = (range(0x20, 0x600), range(0x1E00, 0x2C00), range(0xFB00, 0xFB07), range(0xFFFD, 0xFFFE))
# CJK punctuation, kana, and full-width forms. The ideographs come from GBK, not from GB 2312 alone,
# which lacks characters of well-known names (U+9555), and from Big5 level 1.
# ASCII and spaces are there too, because a space between two ideographs is set in their font.
KANA: Final = (
    range(0x20, 0x7F),
    range(0xA0, 0xA1),
    range(0x3000, 0x3100),
    range(0x31F0, 0x3200),
    range(0xFE30, 0xFE50),
    range(0xFF00, 0xFFEF),
)


@dataclass(frozen=True)
class FontSource:
    """One font file to reduce: where it lies in the packages, and which of its faces is meant."""

    name: str
    path: str
    is_cjk: bool = False


FONTS: Final = (
    FontSource("NotoSans-Regular.ttf", "usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
    FontSource("NotoSans-Bold.ttf", "usr/share/fonts/truetype/noto/NotoSans-Bold.ttf"),
    FontSource("NotoSans-Italic.ttf", "usr/share/fonts/truetype/noto/NotoSans-Italic.ttf"),
    FontSource("NotoSansMono-Regular.ttf", "usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf"),
    FontSource(
        "NotoSansCJKsc-Regular.otf", "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", is_cjk=True
    ),
)
SIMPLIFIED_FACE: Final = "Noto Sans CJK SC"


def main() -> None:
    """Reads the unpacked Debian packages named on the command line and writes the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("unpacked", type=Path, help="folder that the Debian packages were unpacked to")
    unpacked = parser.parse_args().unpacked
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in FONTS:
        reduce(source, unpacked)
    (FOLDER / "OFL.txt").write_text(licence(unpacked), encoding="utf-8")
    (FOLDER / "README.md").write_text(readme(), encoding="utf-8")


def reduce(source: FontSource, unpacked: Path) -> None:
    """Writes the reduced font of `source`."""
    font = open_face(unpacked / source.path, source.is_cjk)
    options = subset.Options()
    options.layout_features = ["ccmp", "kern", "mark", "mkmk", "tnum"]
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=cjk_characters() if source.is_cjk else spread(LETTERS))
    subsetter.subset(font)
    target = FOLDER / source.name
    font.save(target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes, {len(font.getBestCmap())} characters")


def open_face(path: Path, is_cjk: bool) -> TTFont:
    """The font at `path`; of a collection the Simplified Chinese face."""
    if not is_cjk:
        return TTFont(path, recalcTimestamp=False)
    for number in range(16):
        font = TTFont(path, fontNumber=number, recalcTimestamp=False)
        if font["name"].getDebugName(4) == SIMPLIFIED_FACE:
            return font
    raise SystemExit(f"{path}: no face is called {SIMPLIFIED_FACE}")


def cjk_characters() -> set[int]:
    """Every character of GBK and of Big5 level 1 that is not Latin, Greek or Cyrillic, and kana."""
    rows = [(0x81, 0xFF, "gbk"), (0xA4, 0xC7, "big5")]
    found = {ord(each) for first, last, codec in rows for each in encoded(first, last, codec)}
    return {code for code in found if code >= 0x2E80} | spread(KANA)


def encoded(first: int, last: int, codec: str) -> Iterator[str]:
    """The characters that `codec` gives the two-byte codes with leading bytes first to last - 1."""
    for lead in range(first, last):
        for trail in range(0x40, 0xFF):
            character = bytes((lead, trail)).decode(codec, errors="ignore")
            if len(character) == 1:
                yield character


def spread(ranges: tuple[range, ...]) -> set[int]:
    """Every code point of these ranges."""
    return {code for each in ranges for code in each}


def licence(unpacked: Path) -> str:
    """The SIL Open Font License 1.1 with the copyright notices of these fonts."""
    notices = [
        TTFont(unpacked / source.path, fontNumber=0, lazy=True)["name"].getDebugName(0) for source in FONTS
    ]
    text = (unpacked / "usr/share/doc/fonts-noto-core/copyright").read_text(encoding="utf-8")
    body = text.split("License: OFL-1.1\n PREAMBLE", 1)[1].split("\n\n", 1)[0]
    paragraphs = "\n".join(
        line[1:] if line != " ." else "" for line in ("\n PREAMBLE" + body).splitlines()[1:]
    )
    head = "\n".join(dict.fromkeys(notices))
    return (
        f"{head}\n\nThis Font Software is licensed under the SIL Open Font License, Version 1.1,\n"
        "also available with a FAQ at https://openfontlicense.org\n\n"
        f"SIL OPEN FONT LICENSE Version 1.1 - 26 February 2007\n\n{paragraphs}\n"
    )


def readme() -> str:
    """What the folder holds, where it comes from, and its digests."""
    rows = "\n".join(
        f"| {source.name} | {(FOLDER / source.name).stat().st_size} | "
        f"{hashlib.sha256((FOLDER / source.name).read_bytes()).hexdigest()} |"
        for source in FONTS
    )
    return (
        "# Fonts of the PDF report\n\n"
        "Noto Sans, Noto Sans Mono and Noto Sans CJK SC, from the Debian packages\n"
        f"{', '.join(PACKAGES)}\n"
        f"(bookworm, retrieved {RETRIEVED}), reduced by `scripts/make_fonts.py`: hinting and unused\n"
        "layout tables dropped; Latin, Greek, Cyrillic, punctuation, arrows, operators, box drawing and\n"
        "shapes kept; of East Asian writing GBK, Big5 level 1, kana and full-width forms. A character\n"
        "outside this coverage is printed as an escape such as \u27e8U+1F600\u27e9.\n\n"
        "Licence: SIL Open Font License 1.1, see OFL.txt. The glyphs are unchanged.\n\n"
        f"| file | bytes | sha256 |\n|---|---|---|\n{rows}\n"
    )


if __name__ == "__main__":
    main()
