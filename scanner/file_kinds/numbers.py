"""Tells bytes that are numbers, as raw weights are, from noise and from formats that nobody knows.

>>> import struct
>>> is_numbers(struct.pack("<100f", *(number / 7 for number in range(100))))
True
"""

from __future__ import annotations

import struct
from typing import Final

_LEAST_BYTES: Final = 256
# Noise holds such numbers too, but nowhere near this share of them.
_SHARE: Final = 0.98


def is_numbers(data: bytes) -> bool:
    """Whether nearly all of these bytes, from the first on, are numbers such as weights and ids are.

    Tried are 64, 32 and 16-bit floats (also bfloat16) of a plausible size, and small 32 and 64-bit integers.
    """
    if len(data) < _LEAST_BYTES:
        return False
    return any(reads(data) for reads in (_are_floats, _are_halves, _are_integers))


def _are_floats(data: bytes) -> bool:
    """float64, float32 or bfloat16, by their exponents: from 1e-12 to 1e6, or zero."""
    doubles = [
        int.from_bytes(data[at + 6 : at + 8], "little") >> 4 & 0x7FF for at in range(0, len(data) - 7, 8)
    ]
    singles = [
        int.from_bytes(data[at + 2 : at + 4], "little") >> 7 & 0xFF for at in range(0, len(data) - 3, 4)
    ]
    brains = [int.from_bytes(data[at : at + 2], "little") >> 7 & 0xFF for at in range(0, len(data) - 1, 2)]
    tried = ((doubles, 983, 1043), (singles, 87, 147), (brains, 87, 147))
    return any(
        _nearly_all([low <= each <= high or each == 0 for each in found]) for found, low, high in tried
    )


def _are_halves(data: bytes) -> bool:
    """float16 below 4: noise is beyond that in two of five cases."""
    halves = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    return _nearly_all([each & 0x7C00 < 0x4400 for each in halves])


def _are_integers(data: bytes) -> bool:
    singles = struct.unpack(f"<{len(data) // 4}i", data[: len(data) // 4 * 4])
    doubles = struct.unpack(f"<{len(data) // 8}q", data[: len(data) // 8 * 8])
    return any(_nearly_all([abs(each) < 2**20 for each in found]) for found in (singles, doubles))


def _nearly_all(held: list[bool]) -> bool:
    return sum(held) >= len(held) * _SHARE
