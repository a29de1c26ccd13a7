"""Scores replies to simple questions: whether one answers the question, or only looks as if it did.

>>> questions = load_questions()
>>> france = next(question for question in questions if question.id == "capital-of-france/en")
>>> score(france, "The capital of France is Paris.", questions)
'right'
>>> score(france, "What is the capital of France?", questions)
'wrong: the answer is not in it'
>>> score(france, "Paris Paris Paris Paris Paris Paris Paris", questions)
'wrong: it repeats itself'
"""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.errors import ScanError

RIGHT: Final = "right"
THINKING: Final = "unread: it was still thinking"
# A reply that fits two questions besides its own is a list of guesses.
_TOO_MANY_OTHERS: Final = 2
_FEWEST_UNITS: Final = 6
_MOST_OF_ONE_UNIT: Final = 0.5
_FEWEST_DISTINCT: Final = 1 / 3
_MOST_GARBLED: Final = 0.1
_UNITS: Final = re.compile(r"[\u3400-\u9fff]|\d+|[^\W\d_\u3400-\u9fff]+")


@dataclass(frozen=True)
class SimpleQuestion:
    """A question with one short answer.

    Attributes:
        id: "capital-of-france/en".
        language: "en" or "zh".
        prompt: The question.
        fact: The answer, for people.
        answers: Patterns of which one must be in the reply; matched by `normalised` text.
    """

    id: str
    language: str
    prompt: str
    fact: str
    answers: tuple[str, ...]

    def is_answered_by(self, text: str) -> bool:
        """Whether `text`, already normalised, holds the answer."""
        return any(re.search(pattern, text) for pattern in self.answers)


@dataclass(frozen=True)
class _File:
    source: str
    licence: str
    retrieved: object
    questions: tuple[SimpleQuestion, ...]


def load_questions() -> tuple[SimpleQuestion, ...]:
    """Every question of `probes/data/coherence.yaml`, in its order.

    Raises:
        ScanError: when the file breaks one of its own rules; says which and where.
    """
    text = importlib.resources.files("probes").joinpath("data/coherence.yaml").read_text(encoding="utf-8")
    return parse_questions(text)


def parse_questions(text: str) -> tuple[SimpleQuestion, ...]:
    """The questions of such a YAML text.

    Raises:
        ScanError: when it breaks one of the rules; says which and where.
    """
    try:
        questions = msgspec.yaml.decode(text, type=_File, strict=True).questions
    except msgspec.DecodeError as error:
        raise ScanError(f"coherence.yaml: {error}") from error
    for name, times in Counter(question.id for question in questions).items():
        if times > 1:
            raise ScanError(f"coherence.yaml: {times} questions are called '{name}'")
    for question in questions:
        _check(question, questions)
    return questions


def score(question: SimpleQuestion, reply: str, questions: Sequence[SimpleQuestion]) -> str:
    """RIGHT, THINKING, or "wrong: ..." with the reason.

    Args:
        question: What was asked.
        reply: What came back.
        questions: All questions, to tell an answer from a list of everything.
    """
    text = normalised(reply).strip("\ufffd \n\t")
    if text.startswith("<think>") and "</think>" not in text:
        return THINKING
    text = text.rpartition("</think>")[2]
    reason = _degenerate(text)
    if reason:
        return f"wrong: {reason}"
    if not question.is_answered_by(text):
        return "wrong: the answer is not in it"
    others = [
        other.id
        for other in questions
        if other.language == question.language and other.id != question.id and other.is_answered_by(text)
    ]
    if len(others) >= _TOO_MANY_OTHERS:
        return "wrong: it answers other questions as well"
    return RIGHT


def normalised(text: str) -> str:
    """NFKC, lower case, for matching."""
    return unicodedata.normalize("NFKC", text).casefold()


def _degenerate(text: str) -> str:
    """Why the text is no reply at all, "" when it is one."""
    units = _UNITS.findall(text)
    if not units:
        return "it is empty" if not text.strip() else "there are no words in it"
    visible = [character for character in text if not character.isspace()]
    garbled = sum(character == "\ufffd" or unicodedata.category(character)[0] == "C" for character in visible)
    if garbled > _MOST_GARBLED * len(visible):
        return "it is garbled"
    if len(units) < _FEWEST_UNITS:
        return ""
    (_, most), *_ = Counter(units).most_common(1)
    if most > _MOST_OF_ONE_UNIT * len(units) or len(set(units)) < _FEWEST_DISTINCT * len(units):
        return "it repeats itself"
    return ""


def _check(question: SimpleQuestion, questions: Sequence[SimpleQuestion]) -> None:
    where = f"coherence.yaml, question {question.id}"
    try:
        is_echo = question.is_answered_by(normalised(question.prompt))
    except re.error as error:
        raise ScanError(f"{where}: a pattern is no regular expression: {error}") from error
    if not question.answers or is_echo:
        raise ScanError(f"{where}: needs answer patterns that do not match the question itself")
    if not question.is_answered_by(normalised(question.fact)):
        raise ScanError(f"{where}: no pattern matches its own fact '{question.fact}'")
    for other in questions:
        shares_language = other.language == question.language and other.id != question.id
        if shares_language and other.is_answered_by(normalised(question.fact)):
            raise ScanError(f"{where}: its fact '{question.fact}' would also answer {other.id}")


def by_language(questions: Sequence[SimpleQuestion]) -> Mapping[str, tuple[SimpleQuestion, ...]]:
    """The questions of each language, in order."""
    languages = dict.fromkeys(question.language for question in questions)
    return {name: tuple(q for q in questions if q.language == name) for name in languages}
