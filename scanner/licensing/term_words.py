"""Words that can narrow, widen or attach a condition: headings, names and copyright lines have none of them.

The list is long on purpose: a word too many costs a person a glance at a harmless line, a word too few lets
a clause pass for a name.

>>> bool(sets_term("hospitals pay twice")), bool(sets_term("nordlicht weights ag"))
(True, False)
"""

from __future__ import annotations

import re
from typing import Final

# Expressions for whole words; `\w*` takes any ending.
_WORDS: Final = (
    # who, when, where, and how far
    r"no|not|nor|non|only|solely|sole|except\w*|exclu\w+|unless|until|without|within|outside|other than|if"
    r"|when|where|who\w*|any|limit|limits|limited to|condition\w*|provided|subject|terms?|purpose\w*"
    r"|out|off|beyond",
    # may and must
    r"must|shall|should|may|can|cannot|needs?|require\w*|prohibit\w*|forbid\w*|restrict\w*|permi[ts]\w*"
    r"|allow\w*|disallow\w*|den(?:y|ies|ied)|refus\w*|comply|complian\w*|agree\w*|accept\w*|consent\w*"
    r"|approv\w*|author[iy][sz]\w*|grant\w*|licen[cs]\w*|sublicen[cs]\w*"
    r"|revok\w*|terminat\w*|expire\w*|waive\w*|stop|destroy|delete|keep|welcome\w*|elsewhere|stay away",
    # what is done with it
    r"us(?:e|es|ed|ing|age|eful|ers?)|obtain\w*|cop(?:y|ies)|modif\w*|deriv\w*|publish\w*|redistribut\w*"
    r"|distribut\w*|deploy\w*|host\w*|serv(?:e|es|ing)|train\w*|fine ?tun\w*|distil\w*|output\w*|generat\w*"
    r"|improv\w*|benchmark\w*|resale|resell\w*|resold|rent\w*|lease\w*",
    # money and numbers
    r"commerc\w*|noncommerc\w*|nonprofit\w*|revenue\w*|turnover|profit\w*|income|sales?|sell\w*|sold|fees?"
    r"|royalt\w*|pa(?:y|ys|id|ying)|payment\w*|charge\w*|million\w*|billion\w*|thousand\w*|monthly|annual\w*"
    r"|business\w*|enterprise\w*|compan(?:y|ies)|production|compet\w*|rival\w*",
    # places and people
    r"territor\w*|countr\w*|jurisdiction\w*|reside\w*|citizen\w*|nation\w*|export\w*|sanction\w*|research\w*"
    r"|academ\w*|educat\w*|student\w*|personal\w*|hobby\w*|internal\w*|members?|subscribers?|trial\w*|evaluat\w*"
    r"|test|testing|militar\w*|weapon\w*|warfare|surveill\w*|police|harm\w*|lawful\w*|unlawful\w*|ethic\w*",
    # what is owed
    r"display\w*|show\w*|mention\w*|credit\w*|attribute\w*|attribution\w*|acknowledg\w*|cit(?:e|es|ed|ing)"
    r"|nam(?:e|ed|es|ing)|prefix\w*|logo\w*|brand\w*|badge\w*|advertise\w*|advertising|register\w*"
    r"|registration|notif\w*|inform|report\w*|written|writing|indemn\w*|arbitrat\w*|courts?|govern\w*"
    r"|su(?:e|es|ing)|lawsuit\w*|patent\w*|liab\w*|warrant\w*",
)  # fmt: skip
# 限 also stands in every Chinese "company limited".
_SIGNS: Final = r"[不仅僅只须須需应應禁必准勿未非无無]|限(?!公司)"
_TERM: Final = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b|{_SIGNS}", re.IGNORECASE)


def sets_term(words: str) -> bool:
    """Whether words with blanks between them hold one that can set a term."""
    return _TERM.search(words) is not None
