"""Settings of single checks: those written with --set, and the situation that a policy file answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import click

from policies.organisation import Answer, in_words
from scanner.check import Check
from scanner.errors import InvalidValueError
from scanner.licensing.situation import PREFIX, SETTINGS, Situation

_QUESTION: Final = "licence_"


def written_settings(values: Sequence[str]) -> dict[str, str]:
    """The settings in arguments KEY=VALUE, the last of a key.

    Raises:
        BadParameter: when an argument is not KEY=VALUE.
    """
    settings = {}
    for value in values:
        key, separator, setting = value.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE, for instance garak.probes=dan")
        settings[key] = setting
    return settings


def situation_settings(answers: Mapping[str, Answer], checks: Sequence[Check]) -> Mapping[str, str]:
    """What a policy answers of the use of the model, as settings of the checks that hold licences to it."""
    read = {key for check in checks for key in check.settings}.intersection(SETTINGS)
    found = {key: answers.get(_QUESTION + key.removeprefix(PREFIX)) for key in SETTINGS if key in read}
    return {key: _written(answer) for key, answer in found.items() if answer is not None}


def require_settings(settings: Mapping[str, str], checks: Sequence[Check]) -> None:
    """A misspelt setting would silently leave the default in force, and one answer too many a question open.

    Raises:
        BadParameter: when no check of the scan has one of them, or an answer is none of the kind asked for.
    """
    from scanner.registry import nearest

    known = sorted(key for check in checks for key in check.settings)
    for key in settings:
        if key not in known:
            raise click.BadParameter(f"--set {key}: no check of this scan has it{nearest(key, known)}")
    try:
        Situation.of(settings)
    except InvalidValueError as error:
        raise click.BadParameter(f"{error} (--set, or section licence of the policy file)") from error


def _written(answer: Answer) -> str:
    # in_words rounds numbers to six digits, for people.
    return repr(answer) if isinstance(answer, float) else in_words(answer)
