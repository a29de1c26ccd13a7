"""The Wilson interval, against published values and its own limits."""

from __future__ import annotations

import pytest

from probes.proportions import wilson
from scanner.errors import InvalidValueError


def test_agrees_with_newcombe_1998() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: 81/263 and 15/148.
    assert (round(wilson(81, 263).low, 4), round(wilson(81, 263).high, 4)) == (0.2553, 0.3662)
    assert (round(wilson(15, 148).low, 4), round(wilson(15, 148).high, 4)) == (0.0624, 0.1605)


def test_nothing_of_n_still_has_a_width() -> None:
    found = wilson(0, 12)
    assert found.low == 0
    assert 0.2 < found.high < 0.3


def test_all_of_n_still_has_a_width() -> None:
    assert 0.7 < wilson(12, 12).low < 0.8
    assert wilson(12, 12).high == 1


def test_a_higher_level_is_wider() -> None:
    assert wilson(5, 10, level=0.99).low < wilson(5, 10, level=0.9).low


@pytest.mark.parametrize(("hits", "n", "level"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0)])
def test_a_share_of_nothing_is_an_error(hits: int, n: int, level: float) -> None:
    with pytest.raises(InvalidValueError):
        wilson(hits, n, level)
