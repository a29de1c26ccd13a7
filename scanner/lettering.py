r"""What a text of a hostile file is written with: signs that nobody sees, and letters that look like others.

>>> visible("a\u202eb"), sorted(scripts_alike("p\u0430y"))
('a\\u202eb', ['Cyrillic', 'Latin'])
"""

from __future__ import annotations

import unicodedata
from typing import Final

_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def visible(text: str) -> str:
    """The text in its own script, without what a terminal would obey or nobody would see: that is escaped."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def scripts_alike(word: str) -> set[str]:
    """Which of the scripts with letters that look alike take part in a word: "Latin", "Cyrillic", "Greek"."""
    names = {unicodedata.name(letter, "").split(" ")[0] for letter in word}
    return {name.capitalize() for name in names & _ALIKE}
