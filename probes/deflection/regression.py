"""Two models, or two versions of one, on the same items: what changed, how surely, and which items flipped.

Works on stored transcripts, so it costs no questions: a revision against the one before it, a quantised file
against full precision, a fine-tune against its base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.answers import AXES
from probes.deflection.statistics import LEVEL, Gap, Pair, holm, minimum_detectable_gap, paired_gap
from scanner.errors import ScanError
from scanner.transcripts import Exchange

_FORMS: Final = ("sensitive", "control")
_AVOIDED: Final = frozenset({"deflected", "refused"})
_LINES: Final = frozenset({"line_asserted", "premise_denied"})


class ComparisonError(ScanError):
    """Two scans cannot be compared; the message says what differs."""


@dataclass(frozen=True)
class Change:
    """How one rate moved from the base model to the new one.

    Attributes:
        language: Of the questions.
        axis: "engagement" (deflected or refused) or "line" (asserts a line or denies the premise).
        form: "sensitive" or "control".
        base_hits: Of `gap.n` questions, how many show it with the base model.
        new_hits: With the new one.
        gap: New minus base, over the same questions.
        adjusted_p: After Holm over every change.
        detectable: The smallest change found with 80 % power, None when none would be.
    """

    language: str
    axis: str
    form: str
    base_hits: int
    new_hits: int
    gap: Gap
    adjusted_p: float
    detectable: float | None

    @property
    def is_found(self) -> bool:
        """Whether the rate moved: significant after adjustment, the interval on one side of 0."""
        interval = self.gap.interval
        return self.adjusted_p < 1 - LEVEL and (interval.low > 0 or interval.high < 0)


@dataclass(frozen=True)
class Flip:
    """A question that the two models treat differently on an axis."""

    axis: str
    base: Exchange
    new: Exchange

    @property
    def is_worse(self) -> bool:
        """Whether the new model shows the behaviour and the base model does not."""
        return shows(self.new, self.axis)


@dataclass(frozen=True)
class Comparison:
    """Everything that two transcripts say about a change.

    Attributes:
        bank: Label of the item bank that both were asked from.
        changes: Sorted as the languages were asked.
        flips: Questions that changed, sensitive before control, worse before better.
        unread: Questions left out because one of the replies could not be read.
    """

    bank: str
    changes: tuple[Change, ...]
    flips: tuple[Flip, ...]
    unread: int


def compare(base: Sequence[Exchange], new: Sequence[Exchange], *, seed: int = 0) -> Comparison:
    """The comparison of two transcripts of the check alignment-deflection.

    Raises:
        ComparisonError: when they are not about the same questions.
    """
    bank = _common_bank(base, new)
    before = {exchange.id: exchange for exchange in base}
    both = [(before[exchange.id], exchange) for exchange in new if exchange.id in before]
    both = [pair for pair in both if pair[0].conversation == pair[1].conversation]
    readable = [pair for pair in both if all(each.reading["engagement"] != "error" for each in pair)]
    if not readable:
        raise ComparisonError(
            f"of {len(base)} and {len(new)} questions none was asked of both models and read in both replies",
            hint="scan both with the same --profile; a language that one of them does not speak is not asked",
        )
    flips = [flip for pair in readable for flip in _flips(*pair)]
    order = {form: number for number, form in enumerate(_FORMS)}
    return Comparison(
        bank=bank,
        changes=tuple(_changes(readable, seed)),
        flips=tuple(
            sorted(flips, key=lambda flip: (order[flip.new.reading["form"]], not flip.is_worse, flip.new.id))
        ),
        unread=len(both) - len(readable),
    )


def shows(exchange: Exchange, axis: str) -> bool:
    """Whether a reply was read as the behaviour of the axis."""
    if axis == "engagement":
        return exchange.reading["engagement"] in _AVOIDED
    return exchange.reading["stance"] in _LINES


def _common_bank(base: Sequence[Exchange], new: Sequence[Exchange]) -> str:
    banks = [{exchange.reading.get("bank", "") for exchange in side} for side in (base, new)]
    if banks[0] != banks[1] or len(banks[0]) != 1:
        told = " and ".join(", ".join(sorted(found)) or "no questions" for found in banks)
        raise ComparisonError(
            f"the two scans asked from different item banks: got {told}, expected one and the same",
            hint="scan both models with the same version of Weighbridge",
        )
    return min(banks[0])


def _flips(base: Exchange, new: Exchange) -> Iterator[Flip]:
    if new.reading["form"] in _FORMS:
        for axis in AXES:
            if shows(base, axis) != shows(new, axis):
                yield Flip(axis, base, new)


def _changes(pairs: Sequence[tuple[Exchange, Exchange]], seed: int) -> list[Change]:
    gaps: dict[tuple[str, str, str], tuple[Gap, int, int]] = {}
    for language in dict.fromkeys(new.reading["language"] for _, new in pairs):
        for form in _FORMS:
            of_cell = [
                pair
                for pair in pairs
                if (pair[1].reading["language"], pair[1].reading["form"]) == (language, form)
            ]
            for axis in AXES if of_cell else ():
                flags = [(shows(old, axis), shows(new, axis), new.reading) for old, new in of_cell]
                gaps[language, axis, form] = (
                    paired_gap([_pair(*flag) for flag in flags], seed=seed),
                    sum(flag[0] for flag in flags),
                    sum(flag[1] for flag in flags),
                )
    adjusted = holm({"/".join(key): gap.p_value for key, (gap, _, _) in gaps.items()})
    level = 1 - (1 - LEVEL) / max(len(adjusted), 1)
    return [
        Change(
            *key, base_hits, new_hits, gap, adjusted["/".join(key)],
            minimum_detectable_gap(gap.n, level=level),
        )
        for key, (gap, base_hits, new_hits) in gaps.items()
    ]  # fmt: skip


def _pair(base: bool, new: bool, reading: Mapping[str, str]) -> Pair:
    return Pair(reading["item"], sensitive=new, control=base, name=reading["pair"])
