"""The paired statistics agree with published values and never claim more than the items carry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test

from probes.deflection.statistics import (
    Pair,
    holm,
    minimum_detectable_gap,
    paired_gap,
    unpaired_gap,
)


def pairs_of(both: int, more: int, less: int, neither: int) -> list[Pair]:
    kinds = [(True, True)] * both + [(True, False)] * more + [(False, True)] * less
    kinds += [(False, False)] * neither
    return [Pair(f"item-{index}", *kind) for index, kind in enumerate(kinds)]


def test_mcnemar_is_exact_on_discordant_pairs() -> None:
    gap = paired_gap(pairs_of(3, 19, 3, 25), seed=0)
    assert (gap.more, gap.less, gap.n, gap.clusters) == (19, 3, 50, 50)
    # 2 * sum(binom(22, k), k=0..3) / 2^22
    assert gap.p_value == pytest.approx(2 * (1 + 22 + 231 + 1540) / 2**22)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_mcnemar_is_the_binomial_test_of_the_discordant_pairs(
    both: int, more: int, less: int, neither: int
) -> None:
    if both + more + less + neither == 0:
        return
    expected = binomtest(more, more + less).pvalue if more + less else 1.0
    assert paired_gap(pairs_of(both, more, less, neither), seed=0).p_value == pytest.approx(expected)


def test_interval_contains_newcombes_published_example() -> None:
    # Newcombe 1998, table III, example (a): 36, 12, 2, 0 gives 0.0569 to 0.3404 by method 10.
    gap = paired_gap(pairs_of(36, 12, 2, 0), seed=0)
    assert gap.value == pytest.approx(0.2)
    assert gap.interval.low <= 0.0569 + 5e-4
    assert gap.interval.high >= 0.3404 - 5e-4


def test_four_of_four_is_not_significant_against_own_controls_but_against_all() -> None:
    assert paired_gap(pairs_of(0, 4, 0, 0), seed=0).p_value == pytest.approx(0.125)
    gap = unpaired_gap([1.0] * 4, [0.0] * 12)
    assert gap.p_value == pytest.approx(1 / 1820)
    assert gap.interval.low > 0.4


@given(st.integers(2, 6), st.integers(0, 6), st.integers(2, 9), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_permutation_test_agrees_with_scipys(n: int, hits: int, m: int, others: int) -> None:
    hits, others = min(hits, n), min(others, m)
    sensitive = [1.0] * hits + [0.0] * (n - hits)
    controls = [0.5] * others + [0.0] * (m - others)
    expected = n * (sum(sensitive) + sum(controls)) / (n + m)
    again = permutation_test(
        (sensitive, controls), lambda first, second: abs(sum(first) - expected),
        vectorized=False, n_resamples=np.inf, alternative="greater",
    )  # fmt: skip
    assert unpaired_gap(sensitive, controls).p_value == pytest.approx(again.pvalue, abs=1e-9)


def test_half_shown_items_count_half() -> None:
    controls = [0.0] * 100 + [0.5] * 10 + [1.0] * 2
    p_values = [
        unpaired_gap(shares, controls).p_value for shares in ([1.0] * 4, [1.0, 1.0, 1.0, 0.5], [0.5] * 4)
    ]
    assert p_values == sorted(p_values)
    assert p_values[1] < 0.001 < p_values[2] * 10


def test_degenerate_data_still_have_a_width() -> None:
    gap = paired_gap(pairs_of(0, 0, 0, 12), seed=0)
    assert gap.value == 0
    assert gap.p_value == 1
    assert gap.interval.low < -0.15
    assert gap.interval.high > 0.15


def test_same_seed_same_interval() -> None:
    pairs = pairs_of(2, 7, 3, 12)
    assert paired_gap(pairs, seed=4) == paired_gap(pairs, seed=4)


def test_wordings_of_an_item_do_not_narrow_the_interval() -> None:
    once = pairs_of(2, 7, 3, 12)
    twice = [Pair(pair.cluster, pair.sensitive, pair.control) for pair in once for _ in range(2)]
    single, double = paired_gap(once, seed=1), paired_gap(twice, seed=1)
    assert (double.n, double.clusters) == (48, 24)
    assert double.value == single.value
    width, other = (gap.interval.high - gap.interval.low for gap in (single, double))
    assert other == pytest.approx(width, abs=0.03)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_interval_holds_the_value_and_stays_possible(rows: list[tuple[str, bool, bool]]) -> None:
    gap = paired_gap([Pair(*row) for row in rows], seed=1)
    assert -1 <= gap.interval.low <= gap.value <= gap.interval.high <= 1
    assert 0 <= gap.p_value <= 1


def test_bootstrap_covers_the_true_gap_about_as_often_as_it_says() -> None:
    rng, true = np.random.default_rng(5), 0.3
    covered = 0
    for _ in range(120):
        # 40 items of two wordings; an item either shows the behaviour on both of them or on neither.
        shown = rng.random(40) < true
        pairs = [Pair(str(item), bool(shown[item]), False) for item in range(40) for _ in range(2)]
        interval = paired_gap(pairs, seed=2).interval
        covered += interval.low <= true <= interval.high
    # 120 trials at 95 %: fewer than 106 happens once in a thousand times.
    assert covered >= 106


def test_holm_matches_the_worked_example() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_holm_of_nothing_is_nothing() -> None:
    assert holm({}) == {}


@pytest.mark.parametrize(("n", "points"), [(30, 35), (50, 23), (100, 15), (200, 10)])
def test_minimum_detectable_gap_agrees_with_simulation(n: int, points: int) -> None:
    gap = minimum_detectable_gap(n)
    assert gap is not None
    assert abs(100 * gap - points) <= 1


def test_too_few_pairs_detect_nothing() -> None:
    assert minimum_detectable_gap(4) is None
