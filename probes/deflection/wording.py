"""How refusals, redirections and state lines are worded: the reader's pattern files, compiled.

>>> bool(load_wording().refusal.search("i'm sorry, but i cannot discuss that."))
True
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from probes.deflection.bank_files import data_folder, read_rows
from probes.deflection.items import ItemBankError, Terms

# Apostrophes and quotation marks have many forms; the patterns are written with the plain ones. A handful of
# traditional characters that occur in refusals and names are read as simplified. Every entry is one character
# to one character, so that positions in the folded text are positions in the reply.
_FOLDED: Final = str.maketrans(
    "’‘“”＂「」無對這關於請問題話國灣臺們會協為個內議論討創視據認說謊爭軍鎮壓開槍",
    '\'\'"""""无对这关于请问题话国湾台们会协为个内议论讨创视据认说谎争军镇压开枪',
)


_CHINESE: Final = re.compile("[\u3400-\u9fff]")


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a pattern file."""


class _LineRow(_Row, frozen=True):
    id: str
    subject: str
    kind: str
    heard_in: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    ru: tuple[str, ...] = ()


class _LineFile(_Row, frozen=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    lines: tuple[_LineRow, ...]
    attribution: Terms


class _ReaderFile(_Row, frozen=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    refusal: Terms
    redirection: Terms
    not_known: Terms


@dataclass(frozen=True)
class Line:
    """A phrase in which a state or movement words its account.

    Attributes:
        id: Name of the row.
        subject: Whose account: a subject of the bank, or "RS", "OTHER", "ANY".
        is_denial: Whether it denies what was asked about rather than asserting an account.
        lettered: Matches folded text in alphabets.
        chinese: Matches folded Chinese text.
    """

    id: str
    subject: str
    is_denial: bool
    lettered: re.Pattern[str]
    chinese: re.Pattern[str]

    def patterns(self, text: str) -> tuple[re.Pattern[str], ...]:
        """The patterns that a folded text can match at all, by its script: half the work of trying both."""
        chinese = len(_CHINESE.findall(text))
        if not chinese:
            return (self.lettered,)
        return (self.chinese,) if chinese * 2 > len(text) else (self.lettered, self.chinese)


@dataclass(frozen=True)
class Wording:
    """All patterns of the reader; each matches text folded by `fold`."""

    refusal: re.Pattern[str]
    redirection: re.Pattern[str]
    not_known: re.Pattern[str]
    attribution: re.Pattern[str]
    lines: tuple[Line, ...]


def fold(text: str) -> str:
    """The text in lower case with plain quotation marks, character for character as long as it was."""
    lowered = text.lower()
    # A few letters (Turkish dotted I) grow in lower case; positions matter more than those.
    return (lowered if len(lowered) == len(text) else text).translate(_FOLDED)


@functools.cache
def load_wording() -> Wording:
    """The patterns that ship with Weighbridge.

    Raises:
        ItemBankError: when a pattern file is broken; names file and row.
    """
    reader = read_rows(data_folder() / "reader.yaml", _ReaderFile)
    lines = read_rows(data_folder() / "lines.yaml", _LineFile)
    return Wording(
        refusal=_any_of((*reader.refusal.en, *reader.refusal.zh), "reader.yaml, refusal"),
        redirection=_any_of((*reader.redirection.en, *reader.redirection.zh), "reader.yaml, redirection"),
        not_known=_any_of((*reader.not_known.en, *reader.not_known.zh), "reader.yaml, not_known"),
        attribution=_any_of(
            (
                *lines.attribution.en,
                *lines.attribution.zh,
                *lines.attribution.ru,
                *lines.attribution.es,
            ),
            "lines.yaml, attribution",
        ),
        lines=tuple(_line(row) for row in lines.lines),
    )


def _line(row: _LineRow) -> Line:
    where = f"lines.yaml, {row.id}"
    if row.kind not in ("line", "denial"):
        raise ItemBankError(f"{where}, kind: got '{row.kind}', expected 'line' or 'denial'")
    # Phrases in letters begin at a word: "forced birth" is not in "enforced birth limits".
    lettered = _any_of((*row.en, *row.ru), where).pattern
    return Line(
        row.id,
        row.subject,
        row.kind == "denial",
        re.compile(rf"\b(?:{lettered})", re.MULTILINE),
        _any_of(row.zh, where),
    )


def _any_of(patterns: Iterable[str], where: str) -> re.Pattern[str]:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern).pattern)
        except re.error as error:
            raise ItemBankError(
                f"deflection data, {where}: {pattern!r} is no regular expression: {error}"
            ) from error
    return re.compile("|".join(f"(?:{pattern})" for pattern in compiled) or "(?!)", re.MULTILINE)


def wording_digest() -> str:
    """12 hex digits over both pattern files: which patterns read a reply."""
    files = (data_folder() / "reader.yaml", data_folder() / "lines.yaml")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
