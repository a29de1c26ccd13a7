"""The wordings that the classifier weighs (`cues.yaml`), compiled by language.

>>> cues = load_cues()
>>> len(cues.counted("balance", ("en",), "on the one hand this, on the other hand that")) >= 2
True
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.deflection.bank_files import data_folder, read_rows
from probes.deflection.items import DataRow, ItemBankError
from probes.deflection.readability import language_of


class _Forms(DataRow, frozen=True):
    prompt: tuple[str, ...]
    reply: tuple[str, ...]


class _Names(DataRow, frozen=True):
    zh: str
    latin: str
    cyrillic: str


class _CueFile(DataRow, frozen=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    cues: Mapping[str, Mapping[str, tuple[str, ...]]]
    forms: Mapping[str, _Forms]
    names: _Names


@dataclass(frozen=True)
class Cues:
    """Compiled patterns; all match text folded by `wording.fold`.

    Attributes:
        groups: Names of the groups of cues, in the order of the file.
        asked_forms: Form to what asks for it in a prompt.
        shown_forms: Form to what it looks like in a reply.
        names: Names of states, peoples, persons and disputes, which are masked.
    """

    groups: tuple[str, ...]
    asked_forms: Mapping[str, re.Pattern[str]]
    shown_forms: Mapping[str, re.Pattern[str]]
    names: re.Pattern[str]
    _patterns: Mapping[tuple[str, str], str]
    _compiled: dict[tuple[str, tuple[str, ...]], re.Pattern[str]] = field(default_factory=dict, compare=False)

    def counted(self, group: str, languages: tuple[str, ...], text: str) -> list[tuple[int, int]]:
        """Spans of a group's cues in a text read as these languages."""
        key = group, languages
        if key not in self._compiled:
            # Words of languages that the text is not in would match by accident ("mi", "en").
            patterns = [self._patterns[group, name] for name in languages if (group, name) in self._patterns]
            self._compiled[key] = re.compile("|".join(patterns) or "(?!)")
        return [match.span() for match in self._compiled[key].finditer(text)]


@functools.cache
def load_cues() -> Cues:
    """The cues that ship with Weighbridge.

    Raises:
        ItemBankError: when cues.yaml is broken.
    """
    file = read_rows(data_folder() / "cues.yaml", _CueFile)
    names = rf"(?:{file.names.zh})|\b(?:{file.names.latin}|{file.names.cyrillic})\b"
    return Cues(
        groups=tuple(file.cues),
        asked_forms={name: _joined(form.prompt, f"forms, {name}") for name, form in file.forms.items()},
        shown_forms={name: _joined(form.reply, f"forms, {name}") for name, form in file.forms.items()},
        names=_joined((names,), "names"),
        _patterns={
            (group, language): _joined(patterns, f"{group}, {language}").pattern
            for group, languages in file.cues.items()
            for language, patterns in languages.items()
        },
    )


def languages_heard(text: str, language: str) -> tuple[str, ...]:
    """The languages whose cues are looked for: by script, and for Latin letters the one asked in too."""
    script = language_of(text)
    if script == "zh":
        return ("zh",)
    if script == "other":
        return ("ru",)
    return ("en", language) if language in ("fi", "es") else ("en",)


def _joined(patterns: tuple[str, ...], where: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    except re.error as error:
        raise ItemBankError(
            f"deflection data, cues.yaml, {where}: not a regular expression: {error}"
        ) from error
