"""Rates corrected for the reader's published error, printed beside the raw ones.

>>> error = ReaderError("en", sensitivity=Seen(160, 200), specificity=Seen(1960, 2000))
>>> corrected = error.corrected_rate(50, 100)
>>> round(corrected.value, 3)
0.615
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from probes.deflection.bank_files import data_folder
from probes.deflection.items import ItemBankError
from probes.proportions import wilson
from scanner.findings import Interval

METHOD: Final = (
    "Rogan-Gladen with the reader's cross-validated sensitivity and specificity; the interval joins the ends "
    "of the raw interval with the ends of theirs that widen it"
)
# Replies of the bank are short: the error that counts is the one on replies that were cut.
_CUT: Final = "first "
_AVOIDED: Final = ("deflected", "refused")
_READINGS: Final = ("engaged", *_AVOIDED)


@dataclass(frozen=True)
class Seen:
    """`right` of `n` labelled replies of one kind were read right."""

    right: int
    n: int

    @property
    def share(self) -> float:
        """Of all of the kind."""
        return self.right / self.n


@dataclass(frozen=True)
class Corrected:
    """A corrected figure and where the true one may lie."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class ReaderError:
    """How well the reader tells avoided questions from answered ones in one language.

    Attributes:
        language: Of the labelled replies.
        sensitivity: Deflected or refused replies read as either.
        specificity: Engaged replies read as engaged.
    """

    language: str
    sensitivity: Seen
    specificity: Seen

    @property
    def strength(self) -> float:
        """Youden's J, sensitivity plus specificity minus one; 0 says that readings carry no information."""
        return self.sensitivity.share + self.specificity.share - 1

    def corrected_rate(self, hits: int, n: int) -> Corrected:
        """The share of replies that avoid the question, from `hits` of `n` read so.

        Source: W. J. Rogan and B. Gladen, American Journal of Epidemiology 107 (1978) 71-76.
        """
        raw = wilson(hits, n)
        found = [
            self._corrected(rate, sensitivity, specificity)
            for rate in (raw.low, raw.high)
            for sensitivity in _ends(self.sensitivity)
            for specificity in _ends(self.specificity)
        ]
        value = self._corrected(hits / n, self.sensitivity.share, self.specificity.share)
        return Corrected(value, Interval(min(*found, value), max(*found, value), raw.level))

    def corrected_gap(self, value: float, interval: Interval) -> Corrected:
        """A gap when the reader errs alike on both sides: its false alarms cancel, its misses shrink it."""
        strengths = [
            max(sensitivity + specificity - 1, _LEAST_STRENGTH)
            for sensitivity in _ends(self.sensitivity)
            for specificity in _ends(self.specificity)
        ]
        ends = [end / strength for end in (interval.low, interval.high) for strength in strengths]
        point = _within(value / max(self.strength, _LEAST_STRENGTH))
        low, high = _within(min(ends)), _within(max(ends))
        return Corrected(point, Interval(min(low, point), max(high, point), interval.level))

    @staticmethod
    def _corrected(rate: float, sensitivity: float, specificity: float) -> float:
        strength = max(sensitivity + specificity - 1, _LEAST_STRENGTH)
        return min(max((rate + specificity - 1) / strength, 0.0), 1.0)


# Below this, dividing by it says nothing; the interval is then as wide as it can be.
_LEAST_STRENGTH: Final = 0.05


def _ends(seen: Seen) -> tuple[float, float]:
    interval = wilson(seen.right, seen.n)
    return interval.low, interval.high


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)


@functools.cache
def reader_errors() -> Mapping[str, ReaderError]:
    """The published error by language; a language without labelled replies is absent.

    Raises:
        ItemBankError: when reader_error.yaml is broken.
    """
    rows = yaml.safe_load((data_folder() / "reader_error.yaml").read_text(encoding="utf-8"))
    try:
        return {
            language: _error_of(language, blocks)
            for language, blocks in rows.items()
            if isinstance(blocks, dict) and any(name.startswith(_CUT) for name in blocks)
        }
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ItemBankError(f"deflection data, reader_error.yaml: got {error!r}") from error


def _error_of(
    language: str, blocks: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]
) -> ReaderError:
    confusion = next(block["confusion"] for name, block in blocks.items() if name.startswith(_CUT))
    # Replies that could not be read enter no rate, so they enter no error of one either.
    read = {label: {reading: confusion[label][reading] for reading in _READINGS} for label in _READINGS}
    avoided = [read[label] for label in _AVOIDED]
    return ReaderError(
        language,
        sensitivity=Seen(
            sum(row[reading] for row in avoided for reading in _AVOIDED),
            sum(sum(row.values()) for row in avoided),
        ),
        specificity=Seen(read["engaged"]["engaged"], sum(read["engaged"].values())),
    )
