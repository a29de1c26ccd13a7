"""Names that a hasty reader takes for another one.

Signs that look alike come from Unicode's own list (Technical Standard 39), by way of the library
confusable-homoglyphs; distances from rapidfuzz. What is ours is the choice of what counts.

>>> likeness("rnistralai", "mistralai")
<Likeness.SIGNS: 'signs'>
>>> likeness("deepseek-ai-official", "deepseek-ai")
<Likeness.AFFIX: 'affix'>
>>> likeness("google-bert", "google") is None
True
"""

from __future__ import annotations

import enum
import functools
import re
import unicodedata
from typing import Final

from rapidfuzz.distance import OSA

# Shorter names differ by one letter by chance: "Qwen" and "Owen".
_MIN_LENGTH_FOR_EDIT: Final = 6
# Replacements that people make on purpose or read over, beyond Unicode's list, which knows no leetspeak. A
# small l and a capital i are one there; folding case makes every i such a letter. Unicode reads m as rn:
# turned round here, so that leaving out an m stays one edit.
_READ_AS: Final = {"rn": "m", "vv": "w", "i": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b"}
# Words that promise to be the real thing and say nothing of their own. "community" and "bert" are none of
# them: openai-community and google-bert are the hub's own shelves.
_PROMISES: Final = frozenset({
    "official", "officials", "original", "real", "verified", "the", "team", "hq", "org", "inc", "llc", "ltd",
    "corp", "company", "group", "ai", "llm", "llms", "model", "models", "weights", "release", "releases",
    "hub", "hf", "repo", "mirror", "downloads", "latest",
})  # fmt: skip
_SEPARATORS: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)*")


class Likeness(enum.Enum):
    """In what way one name looks like another, the most telling first."""

    SIGNS = "signs"
    SEPARATORS = "separators"
    AFFIX = "affix"
    EDIT = "edit"

    @property
    def rank(self) -> int:
        """0 for the most telling."""
        return list(Likeness).index(self)

    @property
    def wording(self) -> str:
        """For people, after "differs from it"."""
        return {
            Likeness.SIGNS: "by signs that look alike",
            Likeness.SEPARATORS: "by separators only",
            Likeness.EDIT: "by one letter",
            Likeness.AFFIX: "by words that add nothing",
        }[self]


def likeness(name: str, known: str) -> Likeness | None:
    """How `name` could be taken for `known`, or None; the same name in another case is None too."""
    if name.casefold() == known.casefold():
        return None
    mine, theirs = _bare(name), _bare(known)
    if not mine or not theirs:
        return None
    if mine == theirs:
        return Likeness.SEPARATORS
    seen, expected = skeleton(name), skeleton(known)
    if seen == expected:
        return Likeness.SIGNS
    if _is_with_promises(name, known):
        return Likeness.AFFIX
    is_long = len(theirs) >= _MIN_LENGTH_FOR_EDIT
    return Likeness.EDIT if is_long and _is_one_edit(seen, expected) else None


@functools.lru_cache(maxsize=1024)
def skeleton(name: str) -> str:
    """The name as a hasty reader sees it: no case, no separators, signs that look alike as one.

    Source: Unicode Technical Standard 39, section 4, Confusable Detection.
    """
    prototypes = _prototypes()
    text = unicodedata.normalize("NFKC", name)
    text = "".join(prototypes.get(sign, sign) for sign in text)
    text = _SEPARATORS.sub("", text.casefold())
    for sign, seen in _READ_AS.items():
        text = text.replace(sign, seen)
    return text


@functools.cache
def _prototypes() -> dict[str, str]:
    """What each sign is read as: Unicode's prototype of it where that is of plain Latin letters."""
    from confusable_homoglyphs import confusables

    read_as = {}
    for sign, alike in confusables.confusables_data.items():
        plain = [each["c"] for each in alike if each["c"].isascii() and each["c"].isalnum()]
        # Prototypes list every sign that looks like them; all other signs list their prototype alone.
        if len(sign) == 1 and sign != "m" and plain and (len(alike) == 1 or not sign.isascii()):
            read_as[sign] = plain[0]
    return read_as


def _is_one_edit(one: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours turns one into the other."""
    return OSA.distance(one, other, score_cutoff=1) == 1


def _is_with_promises(name: str, known: str) -> bool:
    """Whether the name is the known one and words or numbers that promise something around it."""
    words, theirs = [word for word in _SEPARATORS.split(name.casefold()) if word], _bare(known)
    if theirs not in _bare(name):
        return False
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            around = words[:start] + words[end:]
            if "".join(words[start:end]) == theirs and around and all(map(_is_promise, around)):
                return True
    return False


def _is_promise(word: str) -> bool:
    return word in _PROMISES or _NUMBER.fullmatch(word) is not None


@functools.lru_cache(maxsize=1024)
def _bare(name: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())
