"""Kinds of personal identifiers by Safe Harbor letter, and what only looks like one.

>>> load_identifiers().kinds["US_SSN"].letter
'G'
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping

import msgspec

from probes.data_files import data_text, decoded
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
        beside: The cue of personal_data_rules.yaml that a hit of presidio's needs around it, or "".
    """

    letter: str
    name: str
    severity: Severity
    is_structured: bool
    minimum_score: float
    beside: str = ""


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
    placeholders: tuple[Placeholder, ...]


@functools.cache
def load_identifiers() -> Identifiers:
    """The identifiers that ship with Weighbridge.

    Raises:
        IdentifierDataError: when the file is broken or refers to what it does not define.
    """
    return parse_identifiers(data_text("personal_data.yaml"))


def untested_letters() -> str:
    """One sentence on what is not looked for, or only in part."""
    letters = load_identifiers().letters
    untested = [letter for letter, row in letters.items() if row.is_tested == "no"]
    partly = [letter for letter, row in letters.items() if row.is_tested == "partly"]
    return f"Safe Harbor letters not tested: {', '.join(untested)}; in part: {', '.join(partly)}"


def parse_identifiers(text: str) -> Identifiers:
    """The identifiers that a YAML text describes.

    Raises:
        IdentifierDataError: when it is broken or refers to what it does not define.
    """
    found = decoded(text, "personal_data.yaml", Identifiers, IdentifierDataError)
    for name, kind in found.kinds.items():
        if kind.letter not in found.letters:
            raise IdentifierDataError(f"personal_data.yaml, kinds.{name}: unknown letter '{kind.letter}'")
    for row in found.placeholders:
        if row.kind not in found.kinds:
            raise IdentifierDataError(f"personal_data.yaml, placeholders: unknown kind '{row.kind}'")
    return found
