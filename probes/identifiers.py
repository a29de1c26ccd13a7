"""Kinds of personal identifiers by Safe Harbor letter, with expressions, check digits and placeholders.

>>> load_identifiers().kinds["US_SSN"].letter
'G'
>>> CHECKS["luhn"]("490154203237518")
True
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import yaml

from scanner.errors import ScanError
from scanner.findings import Severity


class IdentifierDataError(ScanError):
    """The file of identifiers is broken; the message names row and key."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the data file."""


class Letter(_Row, frozen=True):
    """One of the 18 identifiers of 45 CFR 164.514(b)(2)(i).

    Attributes:
        name: What it is.
        is_tested: "yes", "partly" or "no".
        how: What is looked for and what is not.
    """

    name: str
    is_tested: str
    how: str


class Kind(_Row, frozen=True):
    """One kind of personal data.

    Attributes:
        letter: Its Safe Harbor letter.
        name: For people, without an article.
        severity: How bad it is to find one in a repository.
        is_structured: Whether its form alone shows it, unlike a name.
        minimum_score: Hits below are dropped.
    """

    letter: str
    name: str
    severity: Severity
    is_structured: bool
    minimum_score: float


class Expressions(_Row, frozen=True):
    """An own recogniser: expressions of the `regex` library, their score, and a check-digit rule's name."""

    kind: str
    score: float
    expressions: tuple[str, ...]
    check: str = ""


class Placeholder(_Row, frozen=True):
    """What has the form of a kind and is reserved for examples, with the source that says so."""

    kind: str
    source: str
    expression: str


class Identifiers(_Row, frozen=True):
    """The whole data file."""

    version: str
    written: datetime.date
    licence: str
    source: str
    letters: Mapping[str, Letter]
    kinds: Mapping[str, Kind]
    patterns: tuple[Expressions, ...]
    placeholders: tuple[Placeholder, ...]


@functools.cache
def load_identifiers() -> Identifiers:
    """The identifiers that ship with Weighbridge.

    Raises:
        IdentifierDataError: when the file is broken or refers to what it does not define.
    """
    file = importlib.resources.files("probes") / "data" / "personal_data.yaml"
    return parse_identifiers(file.read_text(encoding="utf-8"))


def parse_identifiers(text: str) -> Identifiers:
    """The identifiers that a YAML text describes.

    Raises:
        IdentifierDataError: when it is broken or refers to what it does not define.
    """
    try:
        found = msgspec.convert(yaml.safe_load(text), Identifiers)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise IdentifierDataError(f"personal_data.yaml: {error}") from error
    for name, kind in found.kinds.items():
        if kind.letter not in found.letters:
            raise IdentifierDataError(f"personal_data.yaml, kinds.{name}: unknown letter '{kind.letter}'")
    used = [*(row.kind for row in found.patterns), *(row.kind for row in found.placeholders)]
    for name in used:
        if name not in found.kinds:
            raise IdentifierDataError(f"personal_data.yaml: unknown kind '{name}'")
    for pattern in found.patterns:
        if pattern.check and pattern.check not in CHECKS:
            raise IdentifierDataError(f"personal_data.yaml, {pattern.kind}: unknown check '{pattern.check}'")
    return found


def luhn(digits: str) -> bool:
    """Whether the last digit fits the others by Luhn's rule. Source: ISO/IEC 7812-1, annex B."""
    numbers = [int(digit) for digit in digits if digit.isdigit()]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return len(numbers) > 1 and (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def cn_resident_id(number: str) -> bool:
    """Whether an 18-character Chinese resident identity number holds a day and fits its check character.

    Source: GB 11643-1999, check character by ISO 7064 MOD 11-2.
    """
    if not re.fullmatch(r"\d{17}[\dXx]", number):
        return False
    try:
        born = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return born.year >= 1880 and "10X98765432"[total % 11] == number[17].upper()


def vin(number: str) -> bool:
    """Whether a 17-character vehicle identification number fits its check digit and is not all digits.

    Source: 49 CFR 565.15(c); not every maker outside North America fills in the check digit.
    """
    if number.isdigit() or not any(character.isdigit() for character in number):
        return False
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, *range(2, 10)),
            strict=True,
        )
    )
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(
        (int(character) if character.isdigit() else values.get(character, 0)) * weight
        for character, weight in zip(number, weights, strict=False)
    )
    return number[8:9] == "0123456789X"[total % 11]


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "luhn": luhn,
    "cn_resident_id": cn_resident_id,
    "vin": vin,
}
