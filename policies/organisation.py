"""What only an organisation knows (its role, its purpose, its markets), as typed questions and answers.

>>> read_answers({"role": "deployer", "handles_ephi": False}, load_questions(), "policy file example.yaml")
{'role': 'deployer', 'handles_ephi': False}
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import assert_never

from policies.documents import DocumentError, near, quoted, read_document
from scanner.errors import ScanError

Answer = bool | float | str | datetime.date


class AnswerError(ScanError):
    """An answer does not fit its question, or there is no such question."""


class AnswerKind(enum.Enum):
    """What may be answered."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    DATE = "date"
    NUMBER = "number"


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
    """Every question of `policies/data/organisation.yaml`, by id.

    Raises:
        DocumentError: when the file is broken or asks something twice.
    """
    path = resources.files("policies").joinpath("data", "organisation.yaml")
    document = read_document(path, "organisation questions", "organisation")
    questions: dict[str, Question] = {}
    for question in document.part(list[Question], "questions"):
        if question.id in questions:
            raise DocumentError(f"{document.where}: the question '{question.id}' is asked twice")
        questions[question.id] = question
    return questions


def read_answers(
    raw: Mapping[str, object], questions: Mapping[str, Question], where: str
) -> dict[str, Answer]:
    """The answers in `raw`; a null is a question left open and does not come back.

    Raises:
        AnswerError: for an unknown key, or an answer of another kind; `where` and the key are named.
    """
    answers: dict[str, Answer] = {}
    for key, value in raw.items():
        if key not in questions:
            raise AnswerError(
                f"{where}, key organisation: unknown question '{key}'{near(key, questions)}",
                hint="policies/data/organisation.yaml lists the questions",
            )
        if value is not None:
            answers[key] = _answer(value, questions[key], where)
    return answers


def in_words(answer: Answer) -> str:
    """An answer as people write it: yes, deployer, 2026-12-02, 1e+21."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return f"{answer:g}" if isinstance(answer, float) else str(answer)


def _answer(value: object, question: Question, where: str) -> Answer:
    match question.kind:
        case AnswerKind.YES_NO:
            if isinstance(value, bool) or value in ("yes", "no"):
                return value in (True, "yes")
            expected, hint = "yes or no", ""
        case AnswerKind.CHOICE:
            if isinstance(value, str) and value in question.values:
                return value
            expected, hint = f"one of {', '.join(question.values)}", near(value, question.values)
        case AnswerKind.NUMBER:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
            expected, hint = "a number, for instance 1e21", ""
        case AnswerKind.DATE:
            if (day := _day(value)) is not None:
                return day
            expected, hint = "a day, for instance 2026-12-02", ""
        case _:
            assert_never(question.kind)
    raise AnswerError(
        f"{where}, key organisation.{question.id}: got {quoted(value)}, expected {expected}{hint}",
        hint=question.question,
    )


def _day(value: object) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
