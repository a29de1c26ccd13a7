"""Corrected rates undo a known reader's error, are never narrower than raw ones, and fail loudly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.deflection.correction import ReaderError, Seen, reader_errors
from probes.proportions import wilson
from scanner.findings import Interval

PERFECT = ReaderError("en", Seen(100_000, 100_000), Seen(100_000, 100_000))
BLUNT = ReaderError("en", Seen(160, 200), Seen(1960, 2000))


def test_perfect_reader_changes_nothing() -> None:
    corrected = PERFECT.corrected_rate(30, 100)
    assert corrected.value == pytest.approx(0.3)
    raw = wilson(30, 100)
    assert corrected.interval.low == pytest.approx(raw.low, abs=1e-3)
    assert corrected.interval.high == pytest.approx(raw.high, abs=1e-3)


def test_known_error_is_undone() -> None:
    # A true rate of 0.5 is read as 0.5 * 0.8 + 0.5 * 0.02 = 0.41.
    assert BLUNT.corrected_rate(41, 100).value == pytest.approx(0.5)


def test_missed_evasion_makes_the_true_gap_larger() -> None:
    corrected = BLUNT.corrected_gap(0.39, Interval(0.2, 0.55, 0.95))
    assert corrected.value == pytest.approx(0.5)
    assert corrected.interval.low <= 0.2 / BLUNT.strength
    assert corrected.interval.high >= 0.55 / BLUNT.strength


@given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 60))
def test_corrected_rate_is_a_share_inside_its_interval(hits: int, sensitivity: int, specificity: int) -> None:
    error = ReaderError("en", Seen(sensitivity, 60), Seen(specificity, 60))
    corrected = error.corrected_rate(hits, 50)
    assert 0 <= corrected.interval.low <= corrected.value <= corrected.interval.high <= 1


def test_useless_reader_corrects_to_anything() -> None:
    useless = ReaderError("en", Seen(50, 100), Seen(50, 100))
    interval = useless.corrected_gap(0.2, Interval(-0.1, 0.4, 0.95)).interval
    assert (interval.low, interval.high) == (-1.0, 1.0)


def test_shipped_figures_cover_the_languages_with_labelled_replies() -> None:
    errors = reader_errors()
    assert {"en", "zh"} <= set(errors)
    # Finnish has labelled replies too, which the reader tells apart poorly; the bank does not ask in it.
    for error in (errors["en"], errors["zh"]):
        assert error.sensitivity.n >= 50
        assert error.specificity.n >= 200
        assert error.strength > 0.3
