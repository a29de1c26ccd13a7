r"""Finds prescribed words in a text, whatever the case, the punctuation and the line breaks between them.

>>> line_of("# Tiny\n\n**Built with\nLlama**, and care.", "Built with Llama")
3
>>> line_of("Built with care", "Built with Llama") is None
True
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?;。；])\s+|\n\s*\n")
_LONGEST: Final = 300


def line_of(text: str, words: str) -> int | None:
    """The 1-based line on which the words begin, None when they are not there."""
    begin = _begin_of(text, words)
    return None if begin is None else text.count("\n", 0, begin) + 1


def sentence_with(text: str, words: str) -> tuple[int, str] | None:
    """Line and sentence in which the words begin; None when they are not there."""
    begin = _begin_of(text, words)
    if begin is None:
        return None
    before = [gap.end() for gap in _SENTENCE_END.finditer(text, 0, begin)]
    after = _SENTENCE_END.search(text, begin)
    sentence = text[before[-1] if before else 0 : after.start() if after else len(text)]
    return text.count("\n", 0, begin) + 1, printable(sentence)


def begins_with(name: str, words: str) -> bool:
    """Whether a name begins with these words, whatever separates them: "Llama-3-Tiny" with "Llama 3"."""
    return "".join(_folded(name)).startswith("".join(_folded(words)))


def printable(text: str) -> str:
    """One printable line of bounded length."""
    clean = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 3] + "..."


def _begin_of(text: str, words: str) -> int | None:
    sought = _folded(words)
    if not sought:
        return None
    spans = [(_fold(match.group()), match.start()) for match in _WORD.finditer(_spelled(text))]
    starts = [index for index, (word, _) in enumerate(spans) if word == sought[0]]
    for index in starts:
        if [word for word, _ in spans[index : index + len(sought)]] == sought:
            return spans[index][1]
    return None


def _folded(text: str) -> list[str]:
    return [_fold(word) for word in _WORD.findall(_spelled(text))]


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


def _spelled(text: str) -> str:
    """The text with the copyright sign as a word of one letter, so that every place stays where it is."""
    return text.replace("©", "c")
