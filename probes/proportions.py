"""Shares with the range they may lie in: k of n as an interval, never as a bare number.

>>> found = wilson(8, 10)
>>> round(found.low, 3), round(found.high, 3)
(0.49, 0.943)
"""

from __future__ import annotations

from scanner.errors import InvalidValueError
from scanner.findings import Interval

METHOD = "Wilson"


def wilson(hits: int, n: int, level: float = 0.95) -> Interval:
    """Where the true share may lie when `hits` of `n` independent trials came out.

    It stays within [0, 1] and has a width at 0 of n and n of n, where the textbook interval has none.

    Raises:
        InvalidValueError: when n is below 1, hits is not in 0..n, or level is not in (0, 1).

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953,
        as scipy.stats.binomtest(...).proportion_ci(method="wilson").
    """
    if n < 1 or not 0 <= hits <= n:
        raise InvalidValueError(f"a share of {hits} out of {n} has no interval")
    if not 0 < level < 1:
        raise InvalidValueError(f"confidence level {level} is not between 0 and 1")
    from scipy.stats import binomtest

    found = binomtest(hits, n).proportion_ci(confidence_level=level, method="wilson")
    return Interval(float(found.low), float(found.high), level)
