r"""Normalises licence texts to words, without case, quotes, dashes, markup and line breaks.

>>> [word for word, _, _ in words_of("<p>The &quot;Software&quot; is\n# NON-COMMERCIAL</p>")]
['the', 'software', 'is', 'non', 'commercial']
>>> words_of("Copyright (c) 2026 Jane Doe")
[]
>>> len(words_of("Copyright (c) 2026 Jane Doe, research use only"))
8
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from scanner.licensing.term_words import sets_term

_WORD: Final = re.compile(r"[^\W_]+")
# In a plain text a tag is visible: one with blanks in an attribute's value could hold a sentence.
_TAG: Final = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|body|br|center|code|dd|div|dl|dt|em|font|footer|h[1-6]|head|header|hr|"
    r"html|i|img|li|link|main|meta|ol|p|pre|section|small|span|strong|sub|sup|table|tbody|td|th|thead|title|"
    r"tr|tt|u|ul)(?:\s+[\w:-]{1,40}=(?:\"[^\"<>\s]{0,300}\"|'[^'<>\s]{0,300}'|[^\"'<>\s]{1,300}))*\s*/?>",
    re.IGNORECASE,
)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
# A year, a sign or a placeholder has to follow: "copyright notice, this list" begins lines of wrapped texts.
_COPYRIGHT_LINE: Final = re.compile(
    r"^[^\w\n(©<\[]*(?:(?:portions )?copyright\b(?=[^\n]{0,40}(?:\d{4}|\(c\)|©|[<\[{]|\byear\b))|"
    r"\(c\) ?\d{4}|©|all rights reserved\b)[^\n]{0,200}$",
    re.IGNORECASE | re.MULTILINE,
)


def words_of(text: str) -> list[tuple[str, int, int]]:
    """Folded words with their character spans; markup and copyright lines are left out."""
    blanked = _ENTITY.sub(_unescape, _TAG.sub(_blank, text))
    blanked = _COPYRIGHT_LINE.sub(_blank_copyright, blanked)
    return [(_fold(match.group()), match.start(), match.end()) for match in _WORD.finditer(blanked)]


def folded(text: str) -> str:
    """The words of a text in lower case with single blanks between them: what expressions are matched on."""
    return " ".join(word for word, _, _ in words_of(text))


def _fold(word: str) -> str:
    if word.isascii():
        return _SAME.get(word.lower(), word.lower())
    return unicodedata.normalize("NFKC", word).casefold()


# Addresses were rewritten in newer copies of the same text.
_SAME: Final = {"https": "http"}


def _blank(tag: re.Match[str]) -> str:
    said = _LICENCE_WORD.sub("", _WORD_GAP.sub(" ", tag.group()))
    # Line breaks stay: sentences are quoted with the line they begin on.
    return tag.group() if sets_term(said) else re.sub(r"[^\n]", " ", tag.group())


def _blank_copyright(line: re.Match[str]) -> str:
    # "(c) 2026 Acme, for research use only" is a licence term that calls itself a copyright line.
    said = _ABBREVIATION.sub("", _COPYRIGHT_PHRASE.sub("", line.group()))
    is_more = _SECOND_SENTENCE.search(said) or sets_term(_WORD_GAP.sub(" ", said))
    return line.group() if is_more else " " * len(line.group())


_WORD_GAP: Final = re.compile(r"[\W_]+")
_LICENCE_WORD: Final = re.compile(r"licen[cs]es?", re.IGNORECASE)
_COPYRIGHT_PHRASE: Final = re.compile(
    r"all rights reserved\b|[<\[{](?:name of )?(?:copyright )?(?:owners?|holders?|author)[>\]}]"
    r"|https?://\S+|\S+@\S+",
    re.IGNORECASE,
)
_ABBREVIATION: Final = re.compile(
    r"\b(?:inc|ltd|co|corp|llc|plc|jr|sr|al|dr|prof|st|bros|univ|dept|[a-z])\.", re.IGNORECASE
)
_SECOND_SENTENCE: Final = re.compile(r"[.!?;:]\s+\w|[。；！？]\s*\w")


def _unescape(match: re.Match[str]) -> str:
    sign = html.unescape(match.group())
    width = len(match.group())
    return sign.ljust(width) if len(sign) <= width else match.group()
