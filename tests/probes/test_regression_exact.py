"""Every own statistic of a comparison equals that of scipy or statsmodels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.deflection.statistics import minimum_detectable_gap
from probes.regression import exact


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_statsmodels(up: int, down: int) -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    theirs = mcnemar([[0, up], [down, 0]], exact=True).pvalue
    assert exact.mcnemar(up, down) == pytest.approx(float(theirs))


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int, int, int]:
    n, m = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    return draw(st.integers(0, n)), n, draw(st.integers(0, m)), m


@settings(deadline=None)
@given(shares())
def test_fisher_is_that_of_scipy(share: tuple[int, int, int, int]) -> None:
    from scipy.stats import fisher_exact

    hits, n, others, m = share
    theirs = fisher_exact([[hits, n - hits], [others, m - others]]).pvalue
    assert exact.fisher(*share) == pytest.approx(float(theirs))


@settings(deadline=None)
@given(shares(), st.sampled_from([0.9, 0.95, 0.99]))
def test_newcombe_is_that_of_statsmodels(share: tuple[int, int, int, int], level: float) -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    theirs = confint_proportions_2indep(*share, method="newcomb", compare="diff", alpha=1 - level)
    mine = exact.newcombe(*share, level)
    assert (mine.low, mine.high) == pytest.approx(tuple(map(float, theirs)), abs=1e-9)


def test_paired_interval_is_that_of_the_paper() -> None:
    # Newcombe 1998, Statistics in Medicine 17, 2635-2650, method 10 on 36, 12, 2 and 0.
    found = exact.newcombe_paired(36, 12, 2, 0, 0.95)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0569, 0.3404)
    none = exact.newcombe_paired(0, 0, 0, 40, 0.95)
    assert none.high == pytest.approx(-none.low)
    assert 0.08 < none.high < 0.09


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    named = {str(number): value for number, value in enumerate(values)}
    assert list(exact.holm(named).values()) == pytest.approx(list(multipletests(values, method="holm")[1]))


@pytest.mark.parametrize("n", [4, 5, 6, 10, 40, 100, 400, 1000])
@pytest.mark.parametrize("tests", [1, 8, 20])
def test_detection_limit_is_that_of_the_checks(n: int, tests: int) -> None:
    assert exact.detectable_paired(n, 0.05 / tests) == minimum_detectable_gap(n, level=1 - 0.05 / tests)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([(0.1, 100, 100), (0.5, 60, 80), (0.02, 200, 150)]), st.integers(0, 1000))
def test_unpaired_limit_is_found_with_about_the_power_it_claims(
    design: tuple[float, int, int], seed: int
) -> None:
    import numpy as np

    base, n, m = design
    limit = exact.detectable_unpaired(base, n, m, 0.05)
    assert limit is not None
    start = max(base, exact.BACKGROUND)
    end = start + limit if start <= 0.5 else start - limit
    rng = np.random.default_rng(seed)
    draws = zip(rng.binomial(n, end, 300), rng.binomial(m, start, 300), strict=True)
    power = sum(exact.fisher(int(hits), n, int(others), m) < 0.05 for hits, others in draws) / 300
    # Fisher's test is conservative, so the normal approximation promises a little too much.
    assert power > 0.62


def test_nothing_is_detectable_where_no_outcome_could_be_significant() -> None:
    assert exact.detectable_unpaired(0.1, 3, 3, 0.05) is None
    assert exact.detectable_paired(5, 0.05) is None


def test_score_interval_takes_counts_that_are_not_whole() -> None:
    found = exact.score(1.5, 10, 0.95)
    assert found.low < 0.15 < found.high
    assert math.isfinite(found.low)
