"""Exact tests, score intervals and detection limits on counts, without scipy, whose import takes a second.

`weighbridge gate` and `compare` run in every build and answer at once; the tests hold each of these against
scipy or statsmodels.

>>> round(mcnemar(6, 0), 5), round(fisher(0, 10, 5, 10), 5)
(0.03125, 0.03251)
"""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Final

from scanner.findings import Interval

POWER: Final = 0.8
# The share of questions that two equally good models answer differently by chance, in each direction.
BACKGROUND: Final = 0.05
# Above so many flips the normal approximation, with its correction for whole numbers, is as good.
_EXACT_UP_TO: Final = 300


def mcnemar(up: int, down: int) -> float:
    """Two-sided p of the exact test that flips go both ways alike.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157, exact binomial form.
    """
    n, fewer = up + down, min(up, down)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / (1 << n))


def fisher(hits: int, n: int, others: int, m: int) -> float:
    """Two-sided p of Fisher's exact test that two shares, `hits` of n and `others` of m, are equal.

    Source: R. A. Fisher, J. R. Stat. Soc. 85 (1922) 87-94; two-sided by summing all tables that are no
        likelier than this one, as scipy.stats.fisher_exact.
    """
    total = hits + others
    ways = {k: math.comb(n, k) * math.comb(m, total - k) for k in range(max(0, total - m), min(n, total) + 1)}
    own = ways[hits]
    # Equal chances can differ in their last digit only when they are not whole numbers; these are.
    return sum(way for way in ways.values() if way <= own) / math.comb(n + m, total)


def score(hits: float, n: float, level: float) -> Interval:
    """Wilson's interval of a share; counts need not be whole where repeats of a question count in part.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, scale = hits / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0), level)


def newcombe(hits: int, n: int, others: int, m: int, level: float) -> Interval:
    """The interval of hits/n minus others/m for independent samples.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10.
    """
    first, second = score(hits, n, level), score(others, m, level)
    p, q = hits / n, others / m
    down, up = math.hypot(p - first.low, second.high - q), math.hypot(first.high - p, q - second.low)
    return Interval(max(p - q - down, -1.0), min(p - q + up, 1.0), level)


def newcombe_paired(both: float, up: float, down: float, neither: float, level: float) -> Interval:
    """The interval of the difference of two shares over the same questions; counts need not be whole.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10.
    """
    n = both + up + down + neither
    products = both * neither - up * down
    if products > 0:
        products = max(products - n / 2, 0)  # Newcombe's continuity correction of the correlation
    spread = math.sqrt((both + up) * (down + neither) * (both + down) * (up + neither))
    correlation = products / spread if spread else 0.0
    first, second = score(both + up, n, level), score(both + down, n, level)
    p, q = (both + up) / n, (both + down) / n
    low = p - q - _combined(p - first.low, second.high - q, correlation)
    high = p - q + _combined(first.high - p, q - second.low, correlation)
    return Interval(max(low, -1.0), min(high, 1.0), level)


def _combined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values by name: the chance of any false alarm among all of them stays below the level.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


@functools.lru_cache(maxsize=256)
def detectable_paired(n: int, alpha: float) -> float | None:
    """The smallest change, in whole points, that McNemar's test on n questions finds with 80 % power.

    None when even the largest would be missed. BACKGROUND of the questions flip by chance each way.
    """
    largest = int(100 * (1 - 2 * BACKGROUND))
    needed = _needed(n, alpha)
    found = bisect.bisect_left(
        range(1, largest + 1), POWER, key=lambda points: _mcnemar_power(n, points / 100, needed)
    )
    return (found + 1) / 100 if found < largest else None


def detectable_unpaired(base: float, n: int, m: int, alpha: float) -> float | None:
    """The smallest change of a share, in whole points, found with 80 % power among n and m questions.

    By the normal approximation, and no smaller than the exact test of all against nothing allows.
    """
    if min(n, m) < 1 or fisher(0, n, m, m) >= alpha:
        return None
    normal = NormalDist()
    reach = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)
    start = min(max(base, BACKGROUND), 1 - BACKGROUND)
    away = 1 if start <= 0.5 else -1
    for points in range(1, 100):
        end = start + away * points / 100
        if not 0 <= end <= 1:
            return None
        if points / 100 >= reach * math.sqrt(start * (1 - start) / n + end * (1 - end) / m):
            return points / 100
    return None


def _needed(n: int, alpha: float) -> list[int]:
    """For every number of flips up to n: the fewest in one direction that are significant."""
    # In whole numbers, since 2**flips soon leaves those that floats know: alpha is `parts` of 2**60.
    parts = int(alpha * 2**60)
    needed, tail, k = [0], 1, 0  # tail: 2**flips times P(at most k flips in the other direction)
    for flips in range(1, min(n, _EXACT_UP_TO) + 1):
        # For one more flip, by Pascal's rule.
        tail = 2 * tail - math.comb(flips - 1, k) if k >= 0 else 0
        while k >= 0 and tail << 61 > parts << flips:
            tail -= math.comb(flips, k)
            k -= 1
        while (tail + math.comb(flips, k + 1)) << 61 <= parts << flips:
            k += 1
            tail += math.comb(flips, k)
        needed.append(flips - k)
    reach = NormalDist().inv_cdf(1 - alpha / 2)
    many = range(_EXACT_UP_TO + 1, n + 1)
    return [*needed, *(math.ceil((flips + reach * math.sqrt(flips) + 1) / 2) for flips in many)]


def _mcnemar_power(n: int, gap: float, needed: list[int]) -> float:
    import numpy as np

    discordant = min(gap + 2 * BACKGROUND, 1 - 1e-12)  # the logarithm of no chance at all is infinite
    share = (gap + BACKGROUND) / discordant
    spread = 8 * math.sqrt(n * discordant * (1 - discordant)) + 8  # beyond it there is nothing to add
    flips = np.arange(max(1, int(n * discordant - spread)), min(n, int(n * discordant + spread) + 1) + 1)
    one_way = np.arange(flips[-1] + 1)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    log_flips = (
        log_factorial[n] - log_factorial[flips] - log_factorial[n - flips]
        + flips * math.log(discordant) + (n - flips) * math.log1p(-discordant)
    )  # fmt: skip
    rest = np.maximum(flips[:, None] - one_way, 0)
    log_ways = (
        log_factorial[flips][:, None] - log_factorial[one_way] - log_factorial[rest]
        + one_way * math.log(share) + rest * math.log1p(-share)
    )  # fmt: skip
    is_found = (one_way >= np.asarray(needed)[flips][:, None]) & (one_way <= flips[:, None])
    return float((np.exp(log_flips) * np.where(is_found, np.exp(log_ways), 0.0).sum(axis=1)).sum())
