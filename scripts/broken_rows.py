"""Replies broken on purpose: what a small model's essay looks like when it loses the language.

Few makers in the development file break down, and most of the replies that do are one maker's, so that a fold
without it has next to nothing to learn from. Engaged replies are taken and spoilt: words swap their endings,
lose letters, or give way to fragments of other scripts; some fall into a loop.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scripts.reader_rows import BROKEN, Labelled

# One engaged development reply of so many is also seen broken; Finnish breaks most often.
ONE_OF = {"fi": 2, "zh": 4, "en": 16}
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{5,}|[\u3400-\u9fff]{2}")
# Fragments of the kind that tokens of other languages leave behind; invented, none out of a labelled reply.
_FRAGMENTS = (
    "办理手续", "调整", "，下一步", "的产品包装", "天气转凉", "注册账号", "谢谢观看",
    "图书馆", "ください", "でした", "において",
    "문서", "합니다", "расписан", "погод", "ность", "ющий", "ประเทศ", "ไม่", "الطريق", "ספר", "được", "những",
    "khách", "için", "görüş", "blurred", "Warehouse", "setValue", "Übertrag", "meanwhilst", "gradient",
    "handle", "suffixed", "invoice", "bolarill", "krzewn", "userfnd", "-shaped", "trinus", "pfk", "thirteen",
    "tabularis", "interniel", "Concator", "bev", "misplac", "</p>", "_tok", "xbe", "zrell",
)  # fmt: skip
_MOST_CHARACTERS = 2200


def broken_rows(rows: Sequence[Labelled]) -> Iterator[Labelled]:
    """Broken copies of some engaged development replies, the same ones for the same rows."""
    for row in rows:
        key = zlib.crc32(row.id.encode())
        is_source = row.source == "development" and row.label == "engaged" and not row.is_cut
        if is_source and key % ONE_OF[row.language] == 0:
            spoilt = _spoilt(row.reply[:_MOST_CHARACTERS], random.Random(key))
            yield replace(row, id=f"{row.id}-broken", source=BROKEN, label="deflected", reply=spoilt)


def _spoilt(text: str, draw: random.Random) -> str:
    whole = [match.group() for match in _WORD.finditer(text)]
    begins, share = draw.uniform(0, 0.35) * len(text), draw.uniform(0.08, 0.45)
    alien = draw.choice((0.05, 0.2, 0.5))

    def replaced(match: re.Match[str]) -> str:
        if match.start() < begins or draw.random() > share:
            return match.group()
        if draw.random() < alien:
            return draw.choice((" ", "")) + draw.choice(_FRAGMENTS)
        return _misspelt(match.group(), draw.choice(whole), draw)

    found = _WORD.sub(replaced, text)
    if draw.random() < 0.15:
        place = draw.randrange(len(found) // 3, max(len(found) * 2 // 3, len(found) // 3 + 1))
        found = found[:place] + found[place : place + draw.randrange(20, 160)] * draw.randrange(3, 7)
    return found


def _misspelt(word: str, other: str, draw: random.Random) -> str:
    """A word with another one's ending, or with letters lost, doubled or changed."""
    way = draw.randrange(4)
    if way < 2 or len(word) < 4:
        return word[: len(word) // 2 + way] + other[len(other) // 2 :]
    place = draw.randrange(1, len(word) - 1)
    if way == 2:
        return word[:place] + word[place + draw.choice((1, 2)) :] + draw.choice(("", "n", "ta", "in", "kö"))
    return word[:place] + draw.choice("aeiouäytkslnmrvjp") * draw.choice((1, 2)) + word[place + 1 :]
