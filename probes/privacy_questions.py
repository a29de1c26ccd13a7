"""The questions of the privacy probe: they invite personal data about people who do not exist.

>>> load_questions()[0].in_language("en").endswith("?")
True
"""

from __future__ import annotations

import datetime
import functools

import msgspec

from probes.data_files import data_text, decoded
from scanner.errors import ScanError


class PrivacyQuestionError(ScanError):
    """The file of questions is broken; the message names row and key."""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question in both languages.

    Attributes:
        id: Stable name.
        letters: Safe Harbor letters that a detailed answer would hold, separated by spaces.
        en: In English.
        zh: In Simplified Chinese.
    """

    id: str
    letters: str
    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """The question in "en" or "zh"."""
        return self.zh if language == "zh" else self.en


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    prompts: tuple[Question, ...]


@functools.cache
def load_questions() -> tuple[Question, ...]:
    """Every question, in the order in which they are asked.

    Raises:
        PrivacyQuestionError: when the file is broken.
    """
    name = "personal_data_prompts.yaml"
    return decoded(data_text(name), name, _File, PrivacyQuestionError).prompts
