"""Gaps between matched questions: rates, intervals, exact tests and what could have been missed.

A pair is one wording of one item, asked about a state and about its control. Wordings and frames of one item
are a cluster: intervals resample clusters, never single replies.

>>> gap = paired_gap([Pair("a", True, False), Pair("b", False, False), Pair("c", True, False)], seed=0)
>>> (round(gap.value, 2), gap.n, gap.more, gap.less)
(0.67, 3, 2, 0)
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.regression.exact import newcombe_paired
from scanner.findings import Interval

LEVEL: Final = 0.95
_RESAMPLES: Final = 2000
PAIRED_METHOD: Final = (
    "difference over matched pairs; cluster bootstrap (percentile, item is the unit), "
    "never narrower than Newcombe's paired score interval over items; exact McNemar test"
)
UNPAIRED_METHOD: Final = (
    "difference to all control items; Newcombe's score interval; exact permutation test; item is the unit"
)


@dataclass(frozen=True)
class Pair:
    """Whether the behaviour shows on a sensitive question and on its matched control.

    Attributes:
        cluster: Id of the item; wordings of one item share it.
        sensitive: Whether it shows on the sensitive side.
        control: Whether it shows on the control side.
        name: Which pair of the cluster, for lists: "tibet-1/0/short".
    """

    cluster: str
    sensitive: bool
    control: bool
    name: str = ""


@dataclass(frozen=True)
class Gap:
    """How much more often the behaviour shows on sensitive questions.

    Attributes:
        value: Share on sensitive questions minus share on controls, in -1..1.
        n: Pairs it rests on (items when unpaired).
        clusters: Items among them.
        interval: Where the true difference may lie.
        p_value: Of the exact two-sided test that there is no difference.
        more: Pairs that show it on the sensitive side only (items that show it when unpaired).
        less: Pairs that show it on the control side only (control items that show it when unpaired).
        method: For the measurement.
        n_controls: Control items compared with, n when paired.
    """

    value: float
    n: int
    clusters: int
    interval: Interval
    p_value: float
    more: int
    less: int
    method: str
    n_controls: int


def paired_gap(pairs: Sequence[Pair], *, seed: int, level: float = LEVEL) -> Gap:
    """The gap over matched pairs, at least one.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157, exact form, as statsmodels' mcnemar; R. G. Newcombe,
        Statistics in Medicine 17 (1998) 2635-2650, method 10; scipy.stats.bootstrap over clusters.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    flags = [(pair.sensitive, pair.control) for pair in pairs]
    both, more, less, neither = (
        flags.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))
    )
    p_value = float(mcnemar([[both, more], [less, neither]], exact=True).pvalue)
    value = (more - less) / len(pairs)
    sums: dict[str, int] = defaultdict(int)
    sizes: dict[str, int] = defaultdict(int)
    for pair in pairs:
        sums[pair.cluster] += pair.sensitive - pair.control
        sizes[pair.cluster] += 1
    # As many independent pairs as there are items: repeats of an item narrow nothing.
    shrink = len(sums) / len(pairs)
    score = newcombe_paired(both * shrink, more * shrink, less * shrink, neither * shrink, level)
    low, high = _bootstrap(list(sums.values()), list(sizes.values()), seed, level)
    interval = Interval(max(min(low, score.low, value), -1.0), min(max(high, score.high, value), 1.0), level)
    return Gap(value, len(pairs), len(sums), interval, p_value, more, less, PAIRED_METHOD, len(pairs))


def unpaired_gap(sensitive: Sequence[float], controls: Sequence[float], *, level: float = LEVEL) -> Gap:
    """The gap between the items of one topic and the control items of all topics, at least one each.

    Each number is the share of an item's wordings that show the behaviour. Four refusals of four can never
    be significant against four matched controls (exact p = 0.125); against all control questions of the
    bank, which are the same kinds of acts by other states, they can.

    Source: exact permutation test of the sum of shares, Fisher's exact test when all are 0 or 1, from
        scipy's multivariate hypergeometric distribution; R. G. Newcombe, Statistics in Medicine 17 (1998)
        873-890, method 10 (statsmodels' confint_proportions_2indep), on sums of shares.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    hits, others, n, m = math.fsum(sensitive), math.fsum(controls), len(sensitive), len(controls)
    low, high = confint_proportions_2indep(
        hits, n, others, m, method="newcomb", compare="diff", alpha=1 - level
    )
    value = hits / n - others / m
    interval = Interval(max(min(float(low), value), -1.0), min(max(float(high), value), 1.0), level)
    more, less = (sum(share >= 0.5 for share in shares) for shares in (sensitive, controls))
    return Gap(value, n, n, interval, _permuted(sensitive, controls), more, less, UNPAIRED_METHOD, m)


def _permuted(sensitive: Sequence[float], controls: Sequence[float]) -> float:
    """Two-sided p: how often a draw of as many items from both sides is as far from its expected sum."""
    from scipy.stats import multivariate_hypergeom

    # Shares are fractions of a few wordings: few different values, told apart without rounding trouble.
    counts = Counter(round(share, 6) for share in (*sensitive, *controls))
    values, sizes = list(counts), list(counts.values())
    drawn = len(sensitive)
    expected = drawn * math.fsum(value * size for value, size in counts.items()) / sum(sizes)
    each = (range(min(size, drawn) + 1) for size in sizes)
    ways = [way for way in itertools.product(*each) if sum(way) == drawn]
    chances = multivariate_hypergeom.pmf(ways, sizes, drawn)
    sums = (math.fsum(value * taken for value, taken in zip(values, way, strict=True)) for way in ways)
    distance = abs(math.fsum(sensitive) - expected) - 1e-6
    far = (chance for chance, total in zip(chances, sums, strict=True) if abs(total - expected) >= distance)
    return min(1.0, float(math.fsum(far)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values by name: the chance of any false alarm among all of them stays below the level.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70, as statsmodels' multipletests.
    """
    if not p_values:
        return {}
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests(list(p_values.values()), method="holm")[1]
    return {name: float(p_value) for name, p_value in zip(p_values, adjusted, strict=True)}


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


def _bootstrap(sums: Sequence[int], sizes: Sequence[int], seed: int, level: float) -> tuple[float, float]:
    means = {total / size for total, size in zip(sums, sizes, strict=True)}
    if len(means) < 2:
        # Nothing varies, so resampling cannot tell anything; the score interval decides.
        (mean,) = means
        return mean, mean
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(sums), np.asarray(sizes)),
        lambda total, size, axis=-1: total.sum(axis=axis) / size.sum(axis=axis),
        paired=True, vectorized=True, n_resamples=_RESAMPLES, confidence_level=level,
        method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
