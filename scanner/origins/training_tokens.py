"""On how many tokens a model was trained: what its card says, and what is known of its family.

>>> [stated.tokens for stated in stated_tokens("It was trained on 2 trillion tokens of text.")]
[2000000000000.0]
>>> token_table().find(("SmolLM2-135M-Instruct.Q4_1",)).row.family
'SmolLM2 135M'
"""

from __future__ import annotations

import datetime
import functools
import importlib.resources
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.origins.tables import read_table

_COLUMNS: Final = (
    "family", "pattern", "tokens_low", "tokens", "tokens_high", "source", "checked", "confidence",
)  # fmt: skip
_SCALE: Final = {"t": 1e12, "trillion": 1e12, "b": 1e9, "billion": 1e9, "m": 1e6, "million": 1e6}
_TOKENS: Final = re.compile(
    r"(?<![\w.])(?P<number>\d{1,3}(?:,\d{3})+|\d{1,5}(?:\.\d{1,3})?) ?(?P<plus>\+?) ?"
    r"(?P<scale>T|B|M|trillion|billion|million)(?P<more>\+?)(?: |-)(?:[\w-]+ ){0,3}?tokens?\b",
    re.IGNORECASE,
)
# A number of tokens is one of training when the sentence says so.
_TRAINING: Final = re.compile(r"(?:pre-?)?train(?:ed|ing)?\b|\bcorpus\b|\bdata(?:set)?\b", re.IGNORECASE)
_NOT_TRAINING: Final = re.compile(
    r"\b(?:context|window|per (?:second|day|batch)|batch size|price|cost)\b", re.IGNORECASE
)
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n")
_LONGEST_SENTENCE: Final = 2_000
_MAX_STATED: Final = 20


class TrainingTokensError(ScanError):
    """The shipped table of training tokens is broken."""


@dataclass(frozen=True)
class StatedTokens:
    """A number of training tokens that a card states: its value, range by its own rounding, and place."""

    tokens: float
    low: float
    high: float
    sentence: str
    line: int


@dataclass(frozen=True)
class KnownTokens:
    """What is known of a family; see the head of training_tokens.csv."""

    family: str
    pattern: str
    tokens_low: float
    tokens: float
    tokens_high: float
    source: str
    checked: datetime.date
    confidence: str


@dataclass(frozen=True)
class FamilyMatch:
    """A known family, and the name that it was recognised by."""

    row: KnownTokens
    name: str


@dataclass(frozen=True)
class TokenTable:
    """Every family whose training tokens are known."""

    version: str
    rows: tuple[KnownTokens, ...]

    def find(self, names: Sequence[str]) -> FamilyMatch | None:
        """The family that the first of these names that belongs to any belongs to."""
        for name in names:
            folded = re.sub(r"[\s_/]+", "-", name.casefold())
            for row in self.rows:
                if re.search(row.pattern, folded):
                    return FamilyMatch(row, name)
        return None


def stated_tokens(text: str) -> list[StatedTokens]:
    """Every number of training tokens that a card's text states, in its order."""
    return list(_stated(text))[:_MAX_STATED]


def _stated(text: str) -> Iterator[StatedTokens]:
    start = 0
    for gap in (*_SENTENCE.finditer(text), None):
        end = gap.start() if gap else len(text)
        sentence = text[start:end][:_LONGEST_SENTENCE]
        if _TRAINING.search(sentence):
            yield from _in_sentence(sentence, text.count("\n", 0, start) + 1)
        start = gap.end() if gap else end


def _in_sentence(sentence: str, line: int) -> Iterator[StatedTokens]:
    for match in _TOKENS.finditer(sentence):
        if _NOT_TRAINING.search(sentence[max(0, match.start() - 30) : match.end() + 20]):
            continue
        digits = match["number"].replace(",", "")
        scale = _SCALE[match["scale"].lower()]
        # "2T" may be anything that rounds to it; "15T+" is at least that.
        step = 10.0 ** -len(digits.partition(".")[2]) * scale
        value = float(digits) * scale
        is_more = bool(match["plus"]) or match.group().casefold().split("token")[0].rstrip(" -").endswith("+")
        low = value if is_more else value - step / 2
        yield StatedTokens(
            value, max(low, 0.0), value + step / 2 * (2 if is_more else 1), _line(sentence), line
        )


def _line(sentence: str) -> str:
    return "".join(char for char in " ".join(sentence.split()) if char.isprintable())[:200]


@functools.cache
def token_table() -> TokenTable:
    """The table that ships with Weighbridge.

    Raises:
        TrainingTokensError: when it is broken; the message names the row.
    """
    path = importlib.resources.files("scanner") / "data" / "training_tokens.csv"
    return parse_token_table(path.read_text(encoding="utf-8"))


def parse_token_table(text: str) -> TokenTable:
    """The table written in this CSV, whose head of # lines names schema and version.

    Raises:
        TrainingTokensError: when the head, a column or a row is wrong.
    """
    version, rows = read_table(text, "training_tokens.csv", "training-tokens", _COLUMNS, TrainingTokensError)
    return TokenTable(version, tuple(_row(row) for row in rows))


def _row(cells: Mapping[str, str]) -> KnownTokens:
    try:
        low, middle, high = (float(cells[key]) for key in ("tokens_low", "tokens", "tokens_high"))
        if not 0 < low <= middle <= high < 1e16 or not cells["source"]:
            raise ValueError("tokens are not ordered and positive, or there is no source")
        re.compile(cells["pattern"])
        checked = datetime.date.fromisoformat(cells["checked"])
    except (ValueError, re.error) as error:
        raise TrainingTokensError(f"training_tokens.csv, row '{cells['family']}': {error}") from error
    return KnownTokens(
        cells["family"], cells["pattern"], low, middle, high, cells["source"], checked, cells["confidence"]
    )
