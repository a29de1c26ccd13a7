"""Which language a text is in, as far as script and function words tell; was it another than asked for?

>>> guess("¿Qué ocurrió en la plaza en junio de 1989?")
'es'
>>> (switched("en", "这个问题我无法回答。"), switched("es", "El yen."))
('zh', '')
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

# Letters of scripts that one language, or one above all, is written in. Kana come before Chinese characters,
# which Japanese uses too.
_SCRIPTS: Final = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u3400-\u9fff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]")
# Words that sentences of a language can hardly do without, and that the others of this list lack.
_FUNCTION_WORDS: Final = {
    "en": "the and of is was were that with for they have not this are from which but it to",
    "es": "el la los las y es del una por con para fue su lo como más pero al en qué cuál quién cómo",
    "fi": "ja oli ei että se ovat kun kuin myös mutta hän joka tai eivät ovat olen sitä tämä",
    "de": "der das und nicht den von zu mit eine einen auf wurde auch sich dem im",
    "fr": "le les des et est une dans pour pas qui du au été avec cette ce ont",
    "pt": "os em um uma não com foi ao mais dos das pela pelo são também está",
}
_WORDS: Final = {word: language for language, words in _FUNCTION_WORDS.items() for word in words.split()}
# Long vowels are written twice in Finnish, whose sentences have few function words.
_FINNISH: Final = re.compile(r"aa|ii|uu|yy|ää|öö|ä\w*ä")
_WORD: Final = re.compile(r"[^\W\d_]+")
# One word may be a name or a quotation ("El País"); as many as this are a sentence.
_FEWEST_WORDS: Final = 3
# Chinese characters say more each than letters do: this many letters may stand beside one of them.
_LETTERS_A_CHARACTER: Final = 4


def guess(text: str) -> str:
    """The language of most of the text, as its script or words tell; "en" for Latin letters without more."""
    script = _script(text)
    if script != "latin":
        return script
    hits = _hits(text)
    return max(hits, key=lambda language: hits[language]) if hits else "en"


def switched(asked: str, text: str) -> str:
    """The language of a reply when it clearly is another than asked for, else "".

    `asked` is a tag such as "en" or "zh-Hant"; the two ways of writing Chinese count as one language.
    """
    wanted = asked.split("-")[0]
    script = _script(text)
    if script != "latin":
        return "" if script == wanted else script
    if wanted in _SCRIPTS:
        return guess(text) if _LATIN.search(text) else ""
    hits = _hits(text)
    found = max(hits, key=lambda language: hits[language], default=wanted)
    is_clear = hits[found] >= _FEWEST_WORDS and hits[found] > 2 * hits[wanted]
    return found if found != wanted and is_clear else ""


def _script(text: str) -> str:
    """The language of the commonest script that only one is written in, or "latin"."""
    latin = len(_LATIN.findall(text))
    counts = {language: len(letters.findall(text)) for language, letters in _SCRIPTS.items()}
    if counts["ja"] * _LETTERS_A_CHARACTER >= counts["zh"]:
        counts["ja"] += counts.pop("zh") if counts["ja"] else 0
    found = max(counts, key=lambda language: counts[language])
    weight = _LETTERS_A_CHARACTER if found in ("zh", "ja", "ko") else 1
    return found if counts[found] and counts[found] * weight >= latin else "latin"


def _hits(text: str) -> Counter[str]:
    words = _WORD.findall(text.lower())
    hits = Counter(_WORDS[word] for word in words if word in _WORDS)
    hits["fi"] += sum(_FINNISH.search(word) is not None for word in words)
    return +hits
