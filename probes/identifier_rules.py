"""Rules that find identifiers by the label before them, by their form, and by the words around them.

>>> text = "MRN: 00451239, last updated 03/14/2021"
>>> [(hit.kind, text[hit.start:hit.end]) for hit in find_by_rules(text, names=False)]
[('MEDICAL_RECORD_NUMBER', '00451239')]
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from probes.check_digits import CHECKS
from probes.cues import Cues, NearWords
from probes.data_files import data_text, decoded
from probes.identifiers import IdentifierDataError, load_identifiers
from probes.person_names import NAME_CHECKS
from probes.zip_prefixes import is_restricted

_FILE: Final = "personal_data_rules.yaml"
_ALL_CHECKS: Final = {**CHECKS, **NAME_CHECKS, "restricted_zip_prefix": is_restricted}


@dataclass(frozen=True)
class RuleHit:
    """A stretch of a text that a rule found.

    Attributes:
        start: First character.
        end: Character after the last.
        kind: Key of a kind in personal_data.yaml.
        score: How sure the rule is, 0 to 1; halved where the words around should say whose it is, and do not.
    """

    start: int
    end: int
    kind: str
    score: float


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    kind: str
    score: float
    check: str = ""
    beside: str = ""


class _Labelled(_Row, frozen=True, kw_only=True):
    labels: tuple[str, ...]
    value: str


class _Shaped(_Row, frozen=True, kw_only=True):
    expression: str
    needs: tuple[str, ...] = ()


class _Against(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: tuple[str, ...]


class _RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"against": "not"}):
    version: str
    licence: str
    source: str
    parts: Mapping[str, str]
    labelled: tuple[_Labelled, ...]
    shaped: tuple[_Shaped, ...]
    cues: Mapping[str, NearWords]
    against: _Against


@dataclass(frozen=True)
class Rule:
    """A row of the data file, compiled.

    Attributes:
        row: Kind, score, check and cue.
        expression: Its named groups are kinds; without one all of it is the value.
        needs: Words in lower case: with which a label begins, or of which one must stand in the text.
        column: What a cell of a table under one of the labels must be, for a labelled row.
        labels: The labels as a table's head writes them: lower case, words joined by a space.
    """

    row: _Row
    expression: re.Pattern[str]
    needs: tuple[str, ...]
    column: re.Pattern[str] | None = None
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rules:
    """All rules, and the words around values.

    Attributes:
        version: Of the data file.
        labelled: Rules that begin with a label, by the first words of their labels.
        shaped: The others.
        cues: The words around values.
    """

    version: str
    labelled: Mapping[str, tuple[Rule, ...]]
    shaped: tuple[Rule, ...]
    cues: Cues


@functools.cache
def load_rules() -> Rules:
    """The rules that ship with Weighbridge.

    Raises:
        IdentifierDataError: when the file is broken or refers to what is not defined.
    """
    return parse_rules(data_text(_FILE))


def parse_rules(text: str) -> Rules:
    """The rules that a YAML text describes.

    Raises:
        IdentifierDataError: when it is broken or refers to what is not defined.
    """
    found = decoded(text, _FILE, _RuleFile, IdentifierDataError)
    for number, row in enumerate([*found.labelled, *found.shaped]):
        _require_known(row, found.cues, f"{_FILE}, row {number} ({row.kind})")
    labelled: dict[str, list[Rule]] = defaultdict(list)
    for rule in (_labelled(row, found.parts) for row in found.labelled):
        for word in rule.needs:
            labelled[word].append(rule)
    return Rules(
        found.version,
        {word: tuple(rules) for word, rules in labelled.items()},
        tuple(_shaped(row, found.parts) for row in found.shaped),
        Cues(found.cues, found.against.words),
    )


def find_by_rules(text: str, *, names: bool) -> Iterator[RuleHit]:
    """Every hit of every rule, overlapping ones included; kinds that only words around show when `names`."""
    rules = load_rules()
    kinds = load_identifiers().kinds
    for row, found in _matches(text, rules):
        for hit in _hits(row, found, text, rules.cues):
            if names or kinds[hit.kind].is_structured:
                yield hit


def _matches(text: str, rules: Rules) -> Iterator[tuple[_Row, re.Match[str]]]:
    lowered = _lowered(text)
    # Searching for a word is a hundred times faster than trying an expression at every character.
    for word, labelled in rules.labelled.items():
        place = lowered.find(word)
        while place >= 0:
            for rule in labelled:
                found = rule.expression.match(text, place)
                if found is not None:
                    yield rule.row, found
            place = lowered.find(word, place + 1)
    for rule in rules.shaped:
        if not rule.needs or any(word in lowered for word in rule.needs):
            yield from ((rule.row, found) for found in rule.expression.finditer(text))


def _lowered(text: str) -> str:
    """The text in lower case, every character at its place: some become two."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)


def _hits(row: _Row, found: re.Match[str], text: str, cues: Cues) -> Iterator[RuleHit]:
    groups = [kind for kind, value in found.groupdict().items() if value is not None]
    for kind in groups or [""]:
        start, end = found.span(kind) if kind else found.span()
        if row.check and not _ALL_CHECKS[row.check](text[start:end]):
            continue
        is_beside = all(cues.speak_for(cue, text, start, end) for cue in row.beside.split())
        yield RuleHit(start, end, kind or row.kind, row.score if is_beside else row.score / 2)


def _require_known(row: _Row, cues: Mapping[str, NearWords], where: str) -> None:
    if row.kind not in load_identifiers().kinds:
        raise IdentifierDataError(f"{where}: unknown kind '{row.kind}'")
    if row.check and row.check not in _ALL_CHECKS:
        raise IdentifierDataError(f"{where}: unknown check '{row.check}'")
    for cue in row.beside.split():
        if cue not in cues:
            raise IdentifierDataError(f"{where}: unknown cue '{cue}'")


def _labelled(row: _Labelled, parts: Mapping[str, str]) -> Rule:
    value, between = put_in(row.value, parts), put_in("{between}", parts)
    labels = sorted({label.lower() for label in row.labels}, key=len, reverse=True)
    alternatives = "|".join(_as_expression(label) for label in labels)
    expression = rf"(?:{alternatives}){between}(?P<{row.kind}>{value})"
    return Rule(
        row, re.compile(expression, re.IGNORECASE), tuple(sorted({label.split()[0] for label in labels})),
        re.compile(rf"\s*[\"']?(?P<value>{value})[\"']?\s*", re.IGNORECASE),
        frozenset(" ".join(re.split(r"[ _-]+", label)) for label in labels),
    )  # fmt: skip


def _shaped(row: _Shaped, parts: Mapping[str, str]) -> Rule:
    expression = re.compile(put_in(row.expression, parts), re.IGNORECASE | re.MULTILINE)
    return Rule(row, expression, tuple({word.lower() for word in row.needs}))


def _as_expression(label: str) -> str:
    """A label as an expression: its spaces may be "_" or "-", and it is a word of its own."""
    words = r"[ \t_-]?".join(re.escape(word) for word in label.split())
    is_word = label[0].isascii() or label[0].isalpha() and not "\u4e00" <= label[0] <= "\u9fff"
    return (
        (r"(?<![^\W_])" if is_word else "")
        + words
        + (r"(?![^\W\d_])" if label[-1:].isascii() and label[-1:].isalpha() else "")
    )


def put_in(expression: str, parts: Mapping[str, str]) -> str:
    """The expression with {name} replaced by the part of that name, as deep as they go."""
    while (found := re.search(r"\{([a-z_]+)\}", expression)) is not None:
        if found[1] not in parts:
            raise IdentifierDataError(f"{_FILE}: unknown part '{found[1]}'")
        expression = expression[: found.start()] + parts[found[1]] + expression[found.end() :]
    return expression
