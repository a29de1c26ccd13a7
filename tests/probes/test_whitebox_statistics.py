"""The paired statistics of the white-box measures keep their promises: level, power, symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.deflection.whitebox.certainty import certainty_of
from probes.deflection.whitebox.paired import interval_of_mean, paired_difference
from scanner.conversation import TokenScores
from tests.probes.whitebox_fakes import scores_of

PAIRS = 28


def draws(count: int, shift: float = 0.0) -> list[tuple[list[float], list[float]]]:
    rng = np.random.default_rng(11)
    return [(list(rng.normal(shift, 1.0, PAIRS)), list(rng.normal(0.0, 1.0, PAIRS))) for _ in range(count)]


@settings(deadline=None)  # scipy is loaded by the first
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=12))
def test_the_mean_lies_in_its_interval_and_turns_with_the_sides(pairs: list[tuple[float, float]]) -> None:
    own, other = [list(side) for side in zip(*pairs, strict=True)]
    there, back = paired_difference(own, other, seed=0), paired_difference(other, own, seed=0)
    assert there.interval.low <= there.value <= there.interval.high
    assert back.value == pytest.approx(-there.value)
    assert back.p_value == pytest.approx(there.p_value)


def test_false_alarms_stay_at_the_level() -> None:
    alarms = [paired_difference(*each, seed=0).p_value < 0.05 for each in draws(400)]
    assert sum(alarms) / len(alarms) < 0.08


def test_the_stated_limit_is_found_four_times_in_five() -> None:
    limits = [paired_difference(*each, seed=0).smallest for each in draws(20)]
    limit = float(np.mean([each for each in limits if each is not None]))
    found = [paired_difference(*each, seed=0).p_value < 0.05 for each in draws(150, limit)]
    assert 0.7 < sum(found) / len(found) < 0.9


def test_nothing_that_varies_has_no_limit() -> None:
    assert paired_difference([1.0] * PAIRS, [0.5] * PAIRS, seed=0).smallest is None
    assert interval_of_mean([0.5] * PAIRS, seed=0).low == 0.5


def test_only_the_first_tokens_of_a_reply_count() -> None:
    late = TokenScores(
        (), (-0.1,) * 40 + (-9.0,) * 40, (-0.1,) * 40 + (-9.0,) * 40, (1.0,) * 40 + (8.0,) * 40
    )
    found = certainty_of(late)
    assert found is not None
    assert found.top == pytest.approx(np.exp(-0.1))
    assert found.entropy == pytest.approx(1.0)


def test_short_and_unscored_replies_have_no_certainty() -> None:
    assert certainty_of(scores_of(0.5, tokens=7)) is None
    assert certainty_of(TokenScores((), (), error="no boundary")) is None
    own_only = certainty_of(TokenScores((), (-0.1,) * 10))
    assert own_only is not None
    assert own_only.is_own
    assert own_only.entropy is None
