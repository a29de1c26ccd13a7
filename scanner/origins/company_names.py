"""Names of companies in a normal form, so that two spellings of one company compare equal.

Only what says nothing about which company it is goes: case, punctuation, words in brackets, the legal form.
Words such as "Group" or "Technology" tell companies apart and stay, but for the loose form, which is good for
a hint to a person and for nothing else.

>>> normal_form("Huawei Technologies Co., Ltd. (Huawei)") == normal_form("HUAWEI TECHNOLOGIES CO LTD")
True
>>> normal_form("Alibaba Group") == normal_form("Alibaba Cloud")
False
>>> loose_form("Alibaba Group Holding Limited")
'alibaba'
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Final

_BRACKETS: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NOT_A_WORD: Final = re.compile(r"[^\w]+")
# Source: the kinds of companies in ISO 20275 (entity legal forms), those of seats that publish models.
_LEGAL_FORMS: Final = frozenset({
    "ag", "ao", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "incorporated", "jsc", "kk",
    "limited", "liability", "llc", "llp", "lp", "ltd", "nv", "oao", "ojsc", "ooo", "oy", "pao", "pjsc", "plc",
    "pte", "pty", "sa", "sarl", "sas", "se", "sl", "spa", "srl", "zao",
})  # fmt: skip
# In front of a name as often as behind it: "PJSC Sberbank".
_FORMS_IN_FRONT: Final = frozenset({"ao", "jsc", "llc", "oao", "ojsc", "ooo", "pao", "pjsc", "zao"})
_SPELT_OUT: Final = (
    ("public joint stock company", "pjsc"),
    ("joint stock company", "jsc"),
    ("limited liability company", "llc"),
)
_SAY_LITTLE: Final = frozenset({
    "and", "group", "holding", "holdings", "international", "investment", "of", "technologies", "technology",
    "the",
})  # fmt: skip
_LONGEST: Final = 300


@functools.lru_cache(maxsize=4096)
def normal_form(name: str) -> str:
    """The words of a company's name without its legal form, joined by single spaces; "" when none is left."""
    words = _words(name)
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words = words[:-1]
    while len(words) > 1 and words[0] in _FORMS_IN_FRONT:
        words = words[1:]
    return " ".join(words)


def loose_form(name: str) -> str:
    """The normal form without words that many companies have in their names."""
    return loose_of(normal_form(name))


def loose_of(form: str) -> str:
    """The loose form of a name in normal form."""
    return " ".join(word for word in form.split() if word not in _SAY_LITTLE) or form


def company_names(text: str) -> tuple[str, ...]:
    """The companies that a cell names, which are parted by semicolons: "A Inc.; B Ltd. for the EEA"."""
    names = (part.partition(" for the ")[0].strip() for part in text.split(";"))
    return tuple(name for name in names if name)


def _words(name: str) -> list[str]:
    # U.S. and S.A. are one word each: single letters between points join.
    text = unicodedata.normalize("NFKC", name[:_LONGEST]).casefold().replace("&", " and ")
    if "(" in text or "[" in text:  # full-width brackets are narrow by now
        text = _BRACKETS.sub(" ", text)
    text = re.sub(r"\b(\w)\.(?=\w\b)", r"\1", text).replace("'", "")
    text = " ".join(_NOT_A_WORD.sub(" ", text).split())
    for words, short in _SPELT_OUT:
        text = text.replace(words, short)
    return text.split()
