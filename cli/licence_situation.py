"""How the user uses a model, as the policy file answers it and checks of licences read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import click

from policies.organisation import Answer, in_words
from scanner.check import Check
from scanner.errors import InvalidValueError
from scanner.licensing.situation import PREFIX, SETTINGS, Situation

_QUESTION: Final = "licence_"


def situation_settings(answers: Mapping[str, Answer], checks: Sequence[Check]) -> Mapping[str, str]:
    """What a policy answers of the use of the model, as settings of the checks that hold licences to it."""
    read = {key for check in checks for key in check.settings}.intersection(SETTINGS)
    found = {key: answers.get(_QUESTION + key.removeprefix(PREFIX)) for key in SETTINGS if key in read}
    return {key: _written(answer) for key, answer in found.items() if answer is not None}


def require_situation(settings: Mapping[str, str]) -> None:
    """An answer of the wrong kind would silently leave its question open.

    Raises:
        click.BadParameter: when one is none of the kind asked for.
    """
    try:
        Situation.of(settings)
    except InvalidValueError as error:
        raise click.BadParameter(f"{error} (--set, or section licence of the policy file)") from error


def _written(answer: Answer) -> str:
    # in_words rounds numbers to six digits, for people.
    return repr(answer) if isinstance(answer, float) else in_words(answer)
