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

_WORD: Final = re.compile(r"[^\W_]+")
_TAG: Final = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|body|br|center|code|dd|div|dl|dt|em|font|footer|h[1-6]|head|header|hr|"
    r"html|i|img|li|link|main|meta|ol|p|pre|section|small|span|strong|sub|sup|table|tbody|td|th|thead|title|"
    r"tr|tt|u|ul)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
# A year, a sign or a placeholder has to follow: "copyright notice, this list" begins lines of wrapped texts.
_COPYRIGHT_LINE: Final = re.compile(
    r"^[^\w\n(©<\[]*(?:(?:portions )?copyright\b(?=[^\n]{0,40}(?:\d{4}|\(c\)|©|[<\[{]|\byear\b))|"
    r"\(c\) ?\d{4}|©|all rights reserved\b)[^\n]{0,200}$",
    re.IGNORECASE | re.MULTILINE,
)
# Words that can narrow, widen or attach a condition: a copyright line, a name or a heading has none of them.
TERM_WORD: Final = re.compile(
    r"\b(?:no|not|nor|non|only|sole|solely|except|excepting|unless|until|without|within|outside|"
    r"other than|must|shall|should|may|can|cannot|need|needs|if|when|where|who|whoever|whose|any|"
    r"all uses?|use|uses|used|"
    r"using|usage|useful|user|users|"
    r"require\w*|prohibit\w*|forbid\w*|forbidden|restrict\w*|limit|limits|limited to|permi[ts]\w*|allow\w*|"
    r"disallow\w*|exclu\w+|grant\w*|deny|denied|revok\w*|terminat\w*|expire\w*|commerc\w*|noncommerc\w*|"
    r"licen[cs]\w*|sublicen[cs]\w*|agree\w*|accept\w*|consent\w*|approv\w*|author[iy][sz]\w*|obtain\w*|"
    r"condition\w*|provided|subject|term|terms|comply|complian\w*|"
    r"revenue\w*|turnover|profit\w*|income|sales|sell\w*|sold|fee|fees|royalt\w*|paid|pay|pays|payment\w*|"
    r"million\w*|billion\w*|thousand\w*|monthly|annual\w*|"
    r"territor\w*|countr\w*|jurisdiction\w*|reside\w*|citizen\w*|nation\w*|export\w*|sanction\w*|"
    r"militar\w*|weapon\w*|warfare|surveill\w*|police|harm\w*|lawful\w*|unlawful\w*|ethic\w*|"
    r"research\w*|academ\w*|educat\w*|student\w*|personal\w*|hobby\w*|evaluat\w*|test|testing|production|"
    r"internal\w*|business\w*|enterprise\w*|train\w*|fine ?tun\w*|distil\w*|output\w*|generat\w*|improv\w*|"
    r"compet\w*|rival\w*|benchmark\w*|publish\w*|redistribut\w*|distribut\w*|deploy\w*|host\w*|serv(?:e|es|ing)|"
    r"display\w*|show\w*|mention\w*|credit\w*|attribut\w*|acknowledg\w*|cit(?:e|es|ed|ing)|name|named|names|"
    r"naming|prefix\w*|logo\w*|brand\w*|badge\w*|advertis\w*|register\w*|registration|notif\w*|inform|report\w*|"
    r"written|writing|indemn\w*|arbitrat\w*|courts?|govern\w*|waive\w*|sue|sues|lawsuit\w*|patent\w*|"
    r"liab\w*|warrant\w*|purpose\w*|derivative\w*|deriv\w*|modif\w*|copy|copies|keep|stop|destroy|delete)\b"
    r"|[不仅僅只须須需应應禁限必准勿未非无無]",
    re.IGNORECASE,
)  # fmt: skip


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


def _blank(match: re.Match[str]) -> str:
    # Line breaks stay: sentences are quoted with the line they begin on.
    return re.sub(r"[^\n]", " ", match.group())


def _blank_copyright(line: re.Match[str]) -> str:
    # "(c) 2026 Acme, for research use only" is a licence term that calls itself a copyright line.
    said = _COPYRIGHT_PHRASE.sub("", line.group())
    return line.group() if TERM_WORD.search(_WORD_GAP.sub(" ", said)) else " " * len(line.group())


_WORD_GAP: Final = re.compile(r"[\W_]+")
_COPYRIGHT_PHRASE: Final = re.compile(
    r"all rights reserved\b|[<\[{](?:name of )?(?:copyright )?(?:owners?|holders?|author)[>\]}]",
    re.IGNORECASE,
)


def _unescape(match: re.Match[str]) -> str:
    sign = html.unescape(match.group())
    width = len(match.group())
    return sign.ljust(width) if len(sign) <= width else match.group()
