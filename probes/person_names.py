"""Names of persons by lists of given names and surnames, and what only looks like a name.

>>> text = "Please ask Priya B. Patel about Adam and Llama."
>>> [text[start:end] for start, end in listed_names(text)]
['Priya B. Patel']
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_WORD: Final = r"[A-ZÀ-ÖØ-Þ][\w'’-]{0,30}"
# Two to five capitalised words in a row, initials among them.
_RUN: Final = re.compile(rf"(?<![\w.@/-]){_WORD}(?:,? (?:[A-Z]\.|{_WORD})){{1,4}}(?![\w@/])")
_WORDS: Final = re.compile(rf"[A-Z]\.|{_WORD}")
# What makes an institution, a disease or a place of what looks like a name.
_NO_PERSON_BEHIND: Final = re.compile(
    r"['’]s (?:disease|syndrome|lymphoma|law|test|rule)|"
    r"[ -](?:Hospital|Clinic|University|College|Foundation|Institute|Center|Centre|Inc|LLC|Ltd|GmbH|Corp|"
    r"County|Street|Avenue|Road|Lane|Drive|disease|syndrome|lymphoma|catheter|monitor|divergence|test|Memorial|Post|"
    r"Laborator|School|Library|Award|Prize|License|distribution|process|chain)"
)


def listed_names(text: str) -> Iterator[tuple[int, int]]:
    """Places of "Given Surname", "Given X. Surname" and "Surname, Given" with both words in the lists."""
    for run in _RUN.finditer(text):
        words = [(run.start() + w.start(), run.start() + w.end()) for w in _WORDS.finditer(run[0])]
        place = 0
        while place < len(words) - 1:
            last = _last_of_name(text, words, place)
            if last is None or not may_be_person(text, words[place][0], words[last][1]):
                place += 1
                continue
            yield words[place][0], words[last][1]
            place = last + 1


def may_be_person(text: str, start: int, end: int) -> bool:
    """Whether what follows text[start:end] makes no institution or disease of it."""
    return _NO_PERSON_BEHIND.match(text, end) is None and is_named(text[start:end])


def begins_with_given_name(name: str) -> bool:
    """Whether the first word of a name is in the list of given names."""
    return _plain(name.split()[0]) in given_names()


def is_named(name: str) -> bool:
    """Whether none of a name's words is one that stands where names do and is none."""
    return not any(_plain(word) in _no_names() for word in re.split(r"[\s,]+", name))


def _is_listed_first(name: str) -> bool:
    return begins_with_given_name(name) and is_named(name)


def _last_of_name(text: str, words: list[tuple[int, int]], place: int) -> int | None:
    """Index of the last word of a name that begins at `place`."""
    first, follow = text[slice(*words[place])], place + 1
    is_reversed = text[words[place][1]] == ","
    if text[words[follow][0] : words[follow][1]].endswith(".") and follow + 1 < len(words):
        follow += 1
    second = text[slice(*words[follow])]
    given, surname = (second, first) if is_reversed else (first, second)
    return follow if _plain(given) in given_names() and _plain(surname) in surnames() else None


def _plain(word: str) -> str:
    return re.sub(r"['’.,]", "", word.lower())


@functools.cache
def given_names() -> frozenset[str]:
    """Given names of many countries, in lower case."""
    return _lines("personal_data_given_names.txt")


@functools.cache
def surnames() -> frozenset[str]:
    """Frequent surnames of many countries, in lower case."""
    return _lines("personal_data_surnames.txt")


@functools.cache
def _no_names() -> frozenset[str]:
    return _lines("personal_data_no_names.txt")


def _lines(name: str) -> frozenset[str]:
    text = (importlib.resources.files("probes") / "data" / name).read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def _is_named_or_listed(name: str) -> bool:
    """Whether a name has two words or more, or is one of the lists: "Name: PyYAML" is nobody's."""
    is_listed = _plain(name) in given_names() or _plain(name) in surnames()
    return is_named(name) and (" " in name or is_listed)


NAME_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "named": is_named,
    "named_or_listed": _is_named_or_listed,
    "begins_with_given_name": _is_listed_first,
    "ends_with_given_name": lambda name: _plain(name.split(", ")[1].split()[0]) in given_names(),
}
