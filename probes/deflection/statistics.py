"""Gaps between matched questions: rates, intervals, exact tests and what could have been missed.

The item is the unit everywhere: several replies to one item are first merged into one share.

>>> gap = paired_gap([Pair("a", 1.0, 0.0), Pair("b", 0.0, 0.0), Pair("c", 1.0, 0.0)], seed=0)
>>> (round(gap.value, 2), gap.n, gap.more, gap.less)
(0.67, 3, 2, 0)
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.proportions import wilson
from scanner.findings import Interval

LEVEL: Final = 0.95
_RESAMPLES: Final = 2000
PAIRED_METHOD: Final = (
    "difference over matched items; cluster bootstrap (percentile, item is the unit), "
    "never narrower than Newcombe's paired score interval; exact McNemar test"
)
UNPAIRED_METHOD: Final = (
    "difference to the control questions about other states; Newcombe's score interval; Fisher's exact test"
)


@dataclass(frozen=True)
class Pair:
    """One item: shares of its replies that show the behaviour, in 0..1.

    Attributes:
        item: Id of the item.
        sensitive: Share among the replies to the sensitive question.
        control: Share among the replies to its matched control.
    """

    item: str
    sensitive: float
    control: float


@dataclass(frozen=True)
class Gap:
    """How much more often the behaviour shows on sensitive questions.

    Attributes:
        value: Share on sensitive questions minus share on controls, in -1..1.
        n: Items it rests on.
        interval: Where the true difference may lie.
        p_value: Of the exact two-sided test that there is no difference.
        more: Items that show it on the sensitive side only (hits on that side when unpaired).
        less: Items that show it on the control side only (hits among the controls when unpaired).
        method: For the measurement.
        n_controls: Control items compared with, n when paired.
    """

    value: float
    n: int
    interval: Interval
    p_value: float
    more: int
    less: int
    method: str
    n_controls: int


def paired_gap(pairs: Sequence[Pair], *, seed: int, level: float = LEVEL) -> Gap:
    """The gap over matched pairs, at least one.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157, exact form; R. G. Newcombe, Statistics in Medicine
        17 (1998) 2635-2650, method 10; scipy.stats.bootstrap.
    """
    from scipy.stats import binomtest

    differences = [pair.sensitive - pair.control for pair in pairs]
    flags = [(pair.sensitive > 0.5, pair.control > 0.5) for pair in pairs]
    more, less = flags.count((True, False)), flags.count((False, True))
    p_value = float(binomtest(more, more + less).pvalue) if more + less else 1.0
    score = _newcombe_paired(flags.count((True, True)), more, less, flags.count((False, False)), level)
    low, high = _bootstrap(differences, seed, level)
    value = math.fsum(differences) / len(differences)
    interval = Interval(max(min(low, score.low, value), -1.0), min(max(high, score.high, value), 1.0), level)
    return Gap(value, len(pairs), interval, p_value, more, less, PAIRED_METHOD, len(pairs))


def unpaired_gap(sensitive: Sequence[float], controls: Sequence[float], *, level: float = LEVEL) -> Gap:
    """The gap between items about one subject and control items about others, at least one each.

    Four refusals of four can never be significant against four matched controls (exact p = 0.125); against
    all control questions of the bank, which are the same kind of act by other states, they can.

    Source: R. A. Fisher's exact test; R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10.
    """
    from scipy.stats import fisher_exact

    hits, others = (sum(share > 0.5 for share in shares) for shares in (sensitive, controls))
    n, m = len(sensitive), len(controls)
    p_value = float(fisher_exact([[hits, n - hits], [others, m - others]]).pvalue)
    interval = _newcombe(hits, n, others, m, 0.0, level)
    return Gap(hits / n - others / m, n, interval, p_value, hits, others, UNPAIRED_METHOD, m)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values by name: the chance of any false alarm among all of them stays below the level.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda entry: entry[1])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_value))
        adjusted[name] = largest
    return adjusted


def minimum_detectable_gap(
    n: int, *, background: float = 0.05, power: float = 0.8, level: float = LEVEL
) -> float | None:
    """The smallest gap, in whole points, that the exact McNemar test on n pairs finds with this power.

    `background` is the share of items that differ by chance in each direction. None when even the largest
    gap would be missed.
    """
    largest = int(100 * (1 - 2 * background))
    found = bisect.bisect_left(
        range(1, largest + 1),
        power,
        key=lambda points: _mcnemar_power(n, points / 100, background, 1 - level),
    )
    return (found + 1) / 100 if found < largest else None


def _mcnemar_power(n: int, gap: float, background: float, alpha: float) -> float:
    import numpy as np
    from scipy.stats import binom

    discordant = gap + 2 * background
    counts = np.arange(1, n + 1)
    # The fewest pairs in one direction, out of `counts`, that the two-sided test calls significant.
    needed = binom.isf(alpha / 2, counts, 0.5) + 1
    found = binom.sf(needed - 1, counts, (gap + background) / discordant)
    return float((binom.pmf(counts, n, discordant) * found).sum())


def _bootstrap(differences: Sequence[float], seed: int, level: float) -> tuple[float, float]:
    if len(set(differences)) < 2:
        # Nothing varies, so resampling cannot tell anything; the score interval decides.
        return differences[0], differences[0]
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(differences),), np.mean,
        n_resamples=_RESAMPLES, confidence_level=level, method="percentile",
        random_state=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _newcombe_paired(both: int, more: int, less: int, neither: int, level: float) -> Interval:
    n = both + more + less + neither
    products: float = both * neither - more * less
    if products > 0:
        products = max(products - n / 2, 0)  # Newcombe's continuity correction of the correlation
    spread = math.sqrt((both + more) * (less + neither) * (both + less) * (more + neither))
    correlation = products / spread if spread else 0.0
    return _newcombe(both + more, n, both + less, n, correlation, level)


def _newcombe(hits: int, n: int, others: int, m: int, correlation: float, level: float) -> Interval:
    first, second = wilson(hits, n, level), wilson(others, m, level)
    p, q = hits / n, others / m
    down = _combined(p - first.low, second.high - q, correlation)
    up = _combined(first.high - p, q - second.low, correlation)
    return Interval(max(p - q - down, -1.0), min(p - q + up, 1.0), level)


def _combined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0))
