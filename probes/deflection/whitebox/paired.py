"""Differences of a number between matched questions: interval, signed-rank test, and what could be missed.

>>> found = paired_difference([0.9, 0.8, 0.95, 0.85, 0.9, 0.7], [0.5, 0.6, 0.5, 0.55, 0.65, 0.5], seed=0)
>>> (round(found.value, 3), found.n, round(found.p_value, 3))
(0.3, 6, 0.031)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.statistics import LEVEL
from scanner.findings import Interval

METHOD: Final = "mean paired difference over items; bootstrap (percentile); Wilcoxon signed-rank test"
MEAN_METHOD: Final = "mean over items; bootstrap (percentile)"
# With five pairs even the largest signed-rank sum has p = 0.06.
FEWEST_PAIRS: Final = 6
_RESAMPLES: Final = 2000
_POWER: Final = 0.8
# Of the signed-rank test against the t-test where differences are normal (3 / pi).
_EFFICIENCY: Final = 3 / math.pi


@dataclass(frozen=True)
class Difference:
    """How much larger a number is on sensitive questions than on their controls.

    Attributes:
        value: Mean over the items, in the number's unit.
        n: Items.
        interval: Where the true mean may lie.
        p_value: Of the two-sided test that the differences lie evenly around 0.
        smallest: The smallest difference found with 80 % power; None when nothing varies.
    """

    value: float
    n: int
    interval: Interval
    p_value: float
    smallest: float | None


def paired_difference(sensitive: Sequence[float], controls: Sequence[float], *, seed: int) -> Difference:
    """The difference over matched items, at least one.

    Source: F. Wilcoxon, Biometrics Bulletin 1 (1945) 80-83; B. Efron and R. J. Tibshirani, An
        Introduction to the Bootstrap (1993), chapter 13; as scipy.stats.wilcoxon and scipy.stats.bootstrap;
        power of the t-test as statsmodels' TTestPower.
    """
    from scipy.stats import wilcoxon

    differences = [one - other for one, other in zip(sensitive, controls, strict=True)]
    p_value = float(wilcoxon(differences).pvalue) if any(differences) else 1.0
    return Difference(
        math.fsum(differences) / len(differences), len(differences), interval_of_mean(differences, seed=seed),
        p_value, _smallest(differences),
    )  # fmt: skip


def interval_of_mean(values: Sequence[float], *, seed: int, level: float = LEVEL) -> Interval:
    """Where the mean of a larger sample may lie; a single point when nothing varies."""
    import numpy as np
    from scipy.stats import bootstrap

    mean = math.fsum(values) / len(values)
    if max(values) - min(values) <= 1e-12 * max(1.0, abs(mean)):
        return Interval(mean, mean, level)
    found = bootstrap(
        (np.asarray(values),), np.mean, n_resamples=_RESAMPLES, confidence_level=level,
        method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = (float(end) for end in found.confidence_interval)
    return Interval(min(low, mean), max(high, mean), level)


def _smallest(differences: Sequence[float]) -> float | None:
    import statistics

    from statsmodels.stats.power import TTestPower

    spread = statistics.stdev(differences) if len(differences) >= FEWEST_PAIRS else 0.0
    if not spread:
        return None
    effect = TTestPower().solve_power(nobs=len(differences), alpha=1 - LEVEL, power=_POWER)
    return float(effect) * spread / math.sqrt(_EFFICIENCY)
