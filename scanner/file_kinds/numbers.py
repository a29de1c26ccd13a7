"""Tells bytes that are numbers, as raw weights are, from noise and from formats that nobody knows.

>>> import struct
>>> is_numbers(struct.pack("<100f", *(number / 7 for number in range(100))))
True
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

_LEAST_BYTES: Final = 16
# Noise holds such numbers too, but nowhere near this share of them.
_SHARE: Final = 0.98


def is_numbers(data: bytes) -> bool:
    """Whether nearly all of these bytes, from the first on, are numbers such as weights and ids are.

    Tried are 64, 32 and 16-bit floats (also bfloat16) of a plausible size, and small 32 and 64-bit integers.
    Zeros alone count; else half of the numbers are not zero, as they are in headers of formats.
    """
    if len(data) < _LEAST_BYTES:
        return False
    return not any(data) or any(reads(data) for reads in (_are_floats, _are_halves, _are_integers))


def _are_floats(data: bytes) -> bool:
    """float64, float32 or bfloat16, by their exponents: from 1e-12 to 1e6, or zero."""
    halves = _unpacked("H", data)
    tried = (
        ([each >> 4 & 0x7FF for each in halves[3::4]], 983, 1043),
        ([each >> 7 & 0xFF for each in halves[1::2]], 87, 147),
        ([each >> 7 & 0xFF for each in halves], 87, 147),
    )
    return any(_nearly_all(found, range(low, high + 1).__contains__) for found, low, high in tried)


def _are_halves(data: bytes) -> bool:
    """float16 below 4: noise is beyond that in two of five cases."""
    return _nearly_all([each & 0x7FFF for each in _unpacked("H", data)], lambda each: each < 0x4400)


def _are_integers(data: bytes) -> bool:
    return any(_nearly_all(_unpacked(letter, data), lambda each: abs(each) < 2**20) for letter in "iq")


def _unpacked(letter: str, data: bytes) -> tuple[int, ...]:
    count = len(data) // struct.calcsize(letter)
    return struct.unpack_from(f"<{count}{letter}", data)


def _nearly_all(numbers: Sequence[int], is_plausible: Callable[[int], bool]) -> bool:
    nonzero = [each for each in numbers if each]
    good = sum(map(is_plausible, nonzero)) + len(numbers) - len(nonzero)
    return len(nonzero) * 2 >= len(numbers) and good >= len(numbers) * _SHARE
