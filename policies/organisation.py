"""What only an organisation knows (its role, its purpose, its markets), as typed questions and answers.

>>> read_answers({"role": "deployer", "handles_ephi": False}, load_questions(), "policy file example.yaml")
{'role': 'deployer', 'handles_ephi': False}
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from policies.documents import DocumentError, near, quoted, read_document
from scanner.errors import ScanError

Answer = bool | float | str | datetime.date | tuple[str, ...]
# The questions that packs ask, and those about business and use; one table, two files.
_FILES: Final = ("organisation", "situation")
_LICENCE: Final = "licence_"


class AnswerError(ScanError):
    """An answer does not fit its question, or there is no such question."""


class AnswerKind(enum.Enum):
    """What may be answered."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    DATE = "date"
    NUMBER = "number"
    TEXT = "text"
    LIST = "list"


@dataclass(frozen=True)
class Question:
    """One thing that an organisation is asked once.

    Attributes:
        id: Name in policy files and, as `org.<id>`, in rules.
        kind: What may be answered.
        question: As a person is asked.
        why: What depends on it.
        values: For a choice, each possible answer and what it means.
    """

    id: str
    kind: AnswerKind
    question: str
    why: str
    values: Mapping[str, str] = field(default_factory=dict)


def load_questions() -> dict[str, Question]:
    """Every question of `policies/data/organisation.yaml` and `situation.yaml`, by id.

    Raises:
        DocumentError: when a file is broken or asks something twice.
    """
    questions: dict[str, Question] = {}
    for name in _FILES:
        path = resources.files("policies").joinpath("data", f"{name}.yaml")
        document = read_document(path, "organisation questions", "organisation")
        for question in document.part(list[Question], "questions"):
            if question.id in questions:
                raise DocumentError(f"{document.where}: the question '{question.id}' is asked twice")
            questions[question.id] = question
    return questions


def read_answers(
    raw: Mapping[str, object], questions: Mapping[str, Question], where: str, section: str = "organisation"
) -> dict[str, Answer]:
    """The answers in `raw`; a null is a question left open and does not come back.

    Raises:
        AnswerError: for an unknown key, or an answer of another kind; `where` and the key are named.
    """
    answers: dict[str, Answer] = {}
    for key, value in raw.items():
        if key not in questions:
            raise AnswerError(
                f"{where}, key {section}: unknown question '{key}'{near(key, questions)}",
                hint="`weighbridge init` writes a file with every question",
            )
        if value is not None:
            answers[key] = _answer(value, questions[key], f"{where}, key {section}.{key}")
    return answers


def read_licence(
    raw: Mapping[str, object], questions: Mapping[str, Question], where: str
) -> dict[str, Answer]:
    """The answers of a section `licence`, whose keys leave out "licence_"; they come back with it.

    Raises:
        AnswerError: as `read_answers` does.
    """
    asked = {key.removeprefix(_LICENCE): one for key, one in questions.items() if is_about_licence(one)}
    answers = read_answers(raw, asked, where, "licence")
    return {f"{_LICENCE}{key}": answer for key, answer in answers.items()}


def is_about_licence(question: Question) -> bool:
    """Whether a policy file answers it under `licence`."""
    return question.id.startswith(_LICENCE)


def with_market(answers: Mapping[str, Answer], where: str) -> dict[str, Answer]:
    """The answers, with `eu_market` taken from `markets` where only these say it.

    Markets without the EU leave it open: output may be used there all the same (Art. 2(1)(c)).

    Raises:
        AnswerError: when both are answered and contradict each other.
    """
    markets = answers.get("markets", ())
    if not isinstance(markets, tuple) or "EU" not in {market.upper() for market in markets}:
        return dict(answers)
    if answers.get("eu_market", True) is False:
        raise AnswerError(
            f"{where}, key organisation: eu_market is answered with no, and markets names the EU",
            hint="correct one of the two",
        )
    return {**answers, "eu_market": True}


def in_words(answer: Answer) -> str:
    """An answer as people write it: yes, deployer, 2026-12-02, 1e+21."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, tuple):
        return ", ".join(answer)
    return f"{answer:g}" if isinstance(answer, float) else str(answer)


def _answer(value: object, question: Question, where: str) -> Answer:
    read: Answer | None
    if question.kind is AnswerKind.CHOICE:
        read = value if isinstance(value, str) and value in question.values else None
        expected = f"one of {', '.join(question.values)}{near(value, question.values)}"
    else:
        reader, expected = _READERS[question.kind]
        read = reader(value)
    if read is None:
        raise AnswerError(f"{where}: got {quoted(value)}, expected {expected}", hint=question.question)
    return read


def _yes_no(value: object) -> bool | None:
    return value in (True, "yes") if isinstance(value, bool) or value in ("yes", "no") else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _day(value: object) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _list(value: object) -> tuple[str, ...] | None:
    texts = [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else None
    return tuple(texts) if texts is not None and texts == value else None


# How each kind but a choice is read, None where the value is of another kind, and what was expected then.
_READERS: Final[Mapping[AnswerKind, tuple[Callable[[object], Answer | None], str]]] = {
    AnswerKind.YES_NO: (_yes_no, "yes or no"),
    AnswerKind.DATE: (_day, "a day, for instance 2026-12-02"),
    AnswerKind.NUMBER: (_number, "a number, for instance 1e21"),
    AnswerKind.TEXT: (_text, "a text"),
    AnswerKind.LIST: (_list, "a list of texts, for instance [EU, US]"),
}
