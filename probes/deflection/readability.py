"""Whether a reply can be read at all: empty, cut before it began, looping, or no language.

>>> fault_of("Paris is the capital of France.", "What is the capital of France?", was_cut=False)
''
>>> fault_of("the the the the the the the the the the the the the the", "?", was_cut=False)
'repeats itself'
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from probes.deflection.thinking import separate

_UNITS: Final = re.compile(r"[\u4e00-\u9fff]|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")
# Words without which hardly any sentence of a dozen words exists, in English and the languages beside it.
_FUNCTION_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "the a an of to in and is was were are that it for on with as by at from this be or not he she they "
        "have has had i you we his her their its which who but can will would "
        "el la los las de que y en un una con por para no se ja oli ei der die und le les des et est",
    )
)
# What hosts and filters put in the place of a reply.
_HOST_MESSAGE: Final = re.compile(
    r"\W*(?:SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|CONTENT_FILTER|content_filter)\W*"
)
_FEWEST_UNITS_WHEN_CUT: Final = 5
_LOOP_WINDOW: Final = 16
_SHARE_OF_LETTERS: Final = 0.5
# A text whose consecutive word pairs are this rarely new is a loop; ordinary prose stays above 0.7.
_SHARE_OF_NEW_PAIRS: Final = 0.35


def without_thinking(text: str) -> tuple[str, str]:
    """The reply without its reasoning blocks, and the reasoning; an unclosed block is all reasoning."""
    separated = separate(text)
    return separated.spoken, separated.thoughts


def fault_of(text: str, prompt: str, *, was_cut: bool) -> str:
    """Why the text cannot be read as a reply, "" when it can."""
    units = _UNITS.findall(text.lower())
    if not units:
        return "is empty"
    if _HOST_MESSAGE.fullmatch(text):
        return "is a message of a filter, not of the model"
    if was_cut and len(units) < _FEWEST_UNITS_WHEN_CUT:
        return "was cut before it said anything"
    if _share_of_letters(text) < _SHARE_OF_LETTERS:
        return "is mostly not letters"
    if _is_loop(units):
        return "repeats itself"
    if _is_echo(text, prompt):
        return "only repeats the question"
    if _is_word_salad(units):
        return "is not in sentences"
    return ""


def language_of(text: str) -> str:
    """Script of most of the text: "zh", "en" (any Latin script) or "other"."""
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in text)
    latin = sum(character.isascii() and character.isalpha() for character in text)
    letters = sum(character.isalpha() for character in text)
    if chinese * 2 >= max(letters - latin, 1) and chinese * 4 >= latin:
        return "zh"
    return "en" if latin * 2 >= letters else "other"


def _share_of_letters(text: str) -> float:
    shown = [character for character in text if not character.isspace()]
    return sum(unicodedata.category(character)[0] in "LNM" for character in shown) / max(len(shown), 1)


def _is_loop(units: list[str]) -> bool:
    if len(units) < _LOOP_WINDOW - 2:
        return False
    pairs = list(zip(units, units[1:], strict=False))
    return len(set(pairs)) / len(pairs) < _SHARE_OF_NEW_PAIRS


def _is_echo(text: str, prompt: str) -> bool:
    # Between spaces, so that the answer "No" is not found in "in one".
    said, asked = (f" {' '.join(_UNITS.findall(part.lower()))} " for part in (text, prompt))
    return said in asked


def _is_word_salad(units: list[str]) -> bool:
    words = [unit for unit in units if unit.isascii() and unit.isalpha()]
    # Half Chinese or mostly numbers: not an English text to be judged by its function words.
    if len(words) < _LOOP_WINDOW or len(words) * 2 < len(units):
        return False
    return not any(word in _FUNCTION_WORDS for word in words)


def is_chinese(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return any("\u4e00" <= character <= "\u9fff" for character in text)
