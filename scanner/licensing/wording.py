r"""Tells harmless sentences beside a licence text from conditions, and from what nobody knows.

>>> wording = parse_wording('''
... schema: weighbridge.licence-wording/1
... innocent: ["see (?:the )?authors"]
... condition: {id: condition, title: sets a condition, severity: medium, patterns: ['\\bmust\\b']}
... ''')
>>> (wording.is_innocent("See AUTHORS."), wording.sets_condition("You must smile.", "must smile"))
(True, True)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import yaml

from scanner.licensing.reading import Trigger
from scanner.licensing.term_words import sets_term
from scanner.licensing.words import folded

_SCHEMA: Final = "weighbridge.licence-wording/1"
# A sentence this long is read by a person, whatever its words are.
_LONGEST_INNOCENT: Final = 400


_ADDRESS: Final = re.compile(r"<?(?:https?://|www\.)[^\s<>]+>?|<?[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+>?")


def _shortened(address: re.Match[str]) -> str:
    # An address may be called a licence; "/non-commercial" in it is a hint that somebody should follow.
    words = re.sub(r"licen[cs]es?", "", folded(address.group()))
    return address.group() if sets_term(words) else " url "


@dataclass(frozen=True)
class Wording:
    """Which words beside a licence text are harmless, and which set a condition.

    Attributes:
        innocent: Expressions for whole sentences, folded. A group is a gap for a name: what it holds may have
            no word that sets a term.
        condition: The trigger for whatever sets a condition that no other trigger names.
    """

    innocent: tuple[str, ...]
    condition: Trigger

    @cached_property
    def _innocent(self) -> re.Pattern[str]:
        return _any_of(self.innocent)

    @cached_property
    def _condition(self) -> re.Pattern[str]:
        return _any_of(self.condition.patterns)

    def is_innocent(self, sentence: str) -> bool:
        """Whether a sentence is a heading, a name, an address or a pointer that changes no term."""
        if len(sentence) > _LONGEST_INNOCENT:
            return False
        words = folded(_ADDRESS.sub(_shortened, sentence))
        found = self._innocent.fullmatch(words)
        return not words or (found is not None and not any(gap and sets_term(gap) for gap in found.groups()))

    def sets_condition(self, sentence: str, unknown: str) -> bool:
        """Whether a sentence whose `unknown` words no licence explains says what one may or may not do."""
        return sets_term(unknown) or self._condition.search(folded(sentence)) is not None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    innocent: tuple[str, ...]
    condition: Trigger


def parse_wording(text: str) -> Wording:
    """The wording that a YAML document holds.

    Raises:
        ValueError: when it is broken, or an expression in it is.
    """
    try:
        document = msgspec.convert(yaml.safe_load(text), _Document)
        wording = Wording(document.innocent, document.condition)
        _any_of((*wording.innocent, *wording.condition.patterns))
    except (yaml.YAMLError, msgspec.ValidationError, re.error) as error:
        raise ValueError(str(error)) from error
    if document.schema != _SCHEMA:
        raise ValueError(f"schema is '{document.schema}'; expected '{_SCHEMA}'")
    return wording


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
