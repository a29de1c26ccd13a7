"""Whether the bits of a tensor's numbers are alike everywhere in it, and like those of its siblings.

Training leaves the lowest bits of a number random, and the highest of the mantissa not: small numbers are
more frequent. Converting from a shorter format leaves the lowest zero, a dequantised model has patterns in
all its tensors. What no honest way of making weights leaves is a mixture: one stretch with other bits than
the rest of its tensor, or one tensor unlike the same one of all other layers. Random bits in place of random
bits cannot be seen by anybody.

>>> import numpy as np
>>> trained = np.random.default_rng(0).normal(size=4096).astype("f4").view("u4")
>>> sort_of(trained), sort_of(trained & 0xFFFF0000)
(<Sort.RANDOM: 'random'>, <Sort.BARE: 'bare'>)
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

WINDOW_VALUES: Final = 4096
_NUMBERS_LEAST: Final = 2048
# Bits that are random in trained numbers whatever their size: of 7, 10 and 23 bits of mantissa.
_RANDOM_BITS: Final = {2: 4, 4: 8}
_BARE_BITS: Final = 0x1FFF  # what rounding to 16-bit floats leaves zero in 32-bit ones
_BARE_SHARE: Final = 0.99
# In standard deviations of chi-squared: by chance one window in 10**30 is so far off; measured on trained
# models the furthest was below 6 (docs/weights.md).
_PATTERNED: Final = 12.0
_UNSURE: Final = 6.0
_FEW_HIGH_BYTES: Final = 3
# In trained and in quantised models the least of some ten thousand stretches was 11 (docs/weights.md); random
# bits stay below 5 but for one stretch in a million.
_HIGH_BITS: Final = 4
_EVEN: Final = 5.0
_EVEN_LEAST: Final = 2
_MAJORITY: Final = 0.75
_SIBLINGS_LEAST: Final = 4


class Sort(enum.Enum):
    """What the low bits of a stretch are like."""

    RANDOM = "random"
    BARE = "bare"  # zero, as after a conversion from fewer bits
    PATTERNED = "patterned"
    FLAT = "of a few high bytes"  # which no trained stretch has
    EVEN = "random up to the exponent"  # nor this: all but the highest byte was replaced
    MIXED = "mixed"  # of a whole tensor: no sort has a majority
    UNSURE = "unsure"


def sort_of(words: npt.NDArray[np.unsignedinteger]) -> Sort:
    """What the bits of a stretch of numbers are like.

    Args:
        words: Their bits, uint16 or uint32 (count).
    """
    size = words.dtype.itemsize
    numbers = words[(words << words.dtype.type(1)) != 0]  # zeros, of either sign, have no bits to speak of
    if len(numbers) < _NUMBERS_LEAST:
        return Sort.UNSURE
    if size == 4:
        if np.count_nonzero(numbers & np.uint32(_BARE_BITS)) < (1 - _BARE_SHARE) * len(numbers):
            return Sort.BARE
        if len(np.unique(numbers >> np.uint32(24))) <= _FEW_HIGH_BYTES:
            return Sort.FLAT
    deviations = _unevenness(numbers, 0, _RANDOM_BITS[size])
    if deviations > _PATTERNED:
        return Sort.PATTERNED
    return Sort.RANDOM if deviations < _UNSURE else Sort.UNSURE


def is_even(words: npt.NDArray[np.unsignedinteger], mantissa_bits: int) -> bool:
    """Whether the lowest bit of the exponent and the three below it take all values alike."""
    numbers = words[(words << words.dtype.type(1)) != 0]
    if len(numbers) < _NUMBERS_LEAST:
        return False
    return _unevenness(numbers, mantissa_bits - _HIGH_BITS + 1, _HIGH_BITS) < _EVEN


def _unevenness(numbers: npt.NDArray[np.unsignedinteger], lowest: int, count: int) -> float:
    """How far from uniform `count` bits from `lowest` on are, in standard deviations of chi-squared."""
    kinds = 1 << count
    kind = numbers.dtype.type
    values = (numbers >> kind(lowest)) & kind(kinds - 1)
    counts = np.bincount(values.astype(np.int64), minlength=kinds)
    expected = len(numbers) / kinds
    squared = float(((counts - expected) ** 2).sum() / expected)
    return (squared - (kinds - 1)) / math.sqrt(2 * (kinds - 1))


def usual_sort(sorts: Sequence[Sort]) -> Sort | None:
    """What most of them are, MIXED when there is no large majority, None when nothing can be said."""
    judged = [each for each in sorts if each is not Sort.UNSURE]
    if not judged:
        return None
    sort, count = Counter(judged).most_common(1)[0]
    return sort if count >= _MAJORITY * len(judged) else Sort.MIXED


def mixture(sorts: Sequence[Sort]) -> tuple[Sort, Sort] | None:
    """What most stretches of a tensor are, and what the others; None when they are alike.

    Where patterns are usual the numbers come out of a quantisation, and stretches differ with their scales.
    """
    if sorts.count(Sort.EVEN) >= _EVEN_LEAST:
        return Sort.RANDOM, Sort.EVEN
    usual = usual_sort(sorts)
    if usual not in (Sort.RANDOM, Sort.BARE):
        return None
    other = next((each for each in sorts if each not in (usual, Sort.UNSURE, Sort.EVEN)), None)
    return None if other is None else (usual, other)


def odd_ones(sorts: Mapping[str, Sort | None]) -> tuple[list[str], Sort | None]:
    """Which of these tensors are of another sort than most, and what most are; none among a few tensors."""
    judged = {name: sort for name, sort in sorts.items() if sort is not None}
    usual = usual_sort(list(judged.values())) if len(judged) >= _SIBLINGS_LEAST else None
    if usual not in (Sort.RANDOM, Sort.BARE):
        return [], None
    return [name for name, sort in judged.items() if sort is not usual], usual
