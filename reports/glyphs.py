r"""Text made safe to show: nothing hidden, nothing that reorders the page, nothing printed as a box.

>>> visible("a\x07b\u202ec")
'a⟨U+0007⟩b⟨U+202E⟩c'
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Container
from functools import lru_cache
from importlib import resources
from typing import Final

FONT_FILES: Final = (
    "NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "NotoSans-Italic.ttf",
    "NotoSansMono-Regular.ttf", "NotoSansCJKsc-Regular.otf",
)  # fmt: skip
_TAB: Final = "    "
# Controls, invisible formatting (bidirectional overrides, tag characters), surrogates, private use,
# unassigned, and line and paragraph separators.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Joiners shape Persian, Indic and emoji text; between Latin letters they only hide something.
_JOINERS: Final = "\u200c\u200d"
# No writing system stacks more marks on one letter; text that does runs over its neighbours.
_MOST_MARKS: Final = 4


def visible(text: str) -> str:
    """`text` with every character that would not be seen, or would reorder others, as an escape.

    Line feeds stay, a carriage return before one goes, tabs become spaces.
    """
    if text.isprintable() and text.isascii():
        return text
    shown: list[str] = []
    marks, before = 0, ""
    for character in text.replace("\r\n", "\n").replace("\t", _TAB):
        marks = marks + 1 if unicodedata.combining(character) else 0
        shown.append(escape(character) if marks > _MOST_MARKS or _is_hidden(character, before) else character)
        before = character
    return "".join(shown)


def printable(text: str) -> str:
    """`visible(text)` with every character that the bundled fonts lack as an escape."""
    if text.isascii() and text.isprintable():
        return text
    covered = coverage()
    return "".join(
        character if character == "\n" or ord(character) in covered else escape(character)
        for character in visible(text)
    )


def escape(character: str) -> str:
    """A character by its number: "⟨U+202E⟩"."""
    return f"⟨U+{ord(character):04X}⟩"


@lru_cache(maxsize=1)
def coverage() -> Container[int]:
    """Every code point that the bundled fonts have a glyph for."""
    return frozenset(code for name in FONT_FILES for code in _characters_of(name))


def font_bytes(name: str) -> bytes:
    """The bundled font file of this name, one of `FONT_FILES`."""
    return (resources.files("reports") / "data" / "fonts" / name).read_bytes()


def _characters_of(name: str) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    return frozenset(TTFont(io.BytesIO(font_bytes(name)), lazy=True).getBestCmap())


def _is_hidden(character: str, before: str) -> bool:
    if character == "\n":
        return False
    if character in _JOINERS:
        return before.isascii() or before in _JOINERS
    return unicodedata.category(character) in _HIDDEN
