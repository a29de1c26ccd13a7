"""Whether the bits of a tensor's numbers are alike everywhere in it, and like those of its siblings.

Training leaves the lowest bits of a number random, and the highest of the mantissa not: small numbers are
more frequent. Converting from a shorter format leaves the lowest zero, a dequantised model has patterns in
all its tensors. What no honest way of making weights leaves is a mixture: one stretch with other bits than
the rest of its tensor, or one tensor unlike the same one of all other layers. Random bits in place of random
bits cannot be seen by anybody.

>>> import numpy as np
>>> trained = np.random.default_rng(0).normal(size=(1, 4096)).astype("f4").view("u4")
>>> sorts_of(trained, 23), sorts_of(trained & 0xFFFF0000, 23)
([<Sort.RANDOM: 'random'>], [<Sort.BARE: 'bare'>])
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
_SIGN_AND_EXPONENT_BITS: Final = 8  # of the 9 of F32 the lowest is among the high bits of the mantissa
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


_SORTS: Final = tuple(Sort)
_CODES: Final = {sort: code for code, sort in enumerate(_SORTS)}


def sorts_of(words: npt.NDArray[np.unsignedinteger], mantissa_bits: int) -> list[Sort]:
    """What the bits of each of several stretches of numbers are like.

    Args:
        words: Their bits, uint16 or uint32 (stretches, numbers).
        mantissa_bits: Of the format.
    """
    size = words.dtype.itemsize
    # Zeros, of either sign, have no bits to speak of.
    zeros = np.count_nonzero((words << words.dtype.type(1)) == 0, axis=1)
    # Counting costs more than all the rest: bits that lie together are counted together, and added up.
    if size == 4:
        low = _counted(words, 0, _RANDOM_BITS[4])
        upper = _counted(words, mantissa_bits - _HIGH_BITS + 1, _HIGH_BITS + _SIGN_AND_EXPONENT_BITS)
        upper = upper.reshape(len(words), -1, 1 << _HIGH_BITS)
        high = upper.sum(axis=1)
    else:
        mantissas = _counted(words, 0, mantissa_bits + 1)
        low = mantissas.reshape(len(words), -1, 1 << _RANDOM_BITS[2]).sum(axis=1)
        high = mantissas.reshape(len(words), 1 << _HIGH_BITS, -1).sum(axis=2)
    low_unevenness, high_unevenness = _unevenness(low, zeros), _unevenness(high, zeros)
    sorts = np.full(len(words), _CODES[Sort.UNSURE])
    sorts[low_unevenness < _UNSURE] = _CODES[Sort.RANDOM]
    sorts[high_unevenness < _EVEN] = _CODES[Sort.EVEN]
    sorts[low_unevenness > _PATTERNED] = _CODES[Sort.PATTERNED]
    if size == 4:
        kinds = np.count_nonzero(upper.sum(axis=2), axis=1)
        sorts[kinds <= _FEW_HIGH_BYTES] = _CODES[Sort.FLAT]
        longer = np.count_nonzero(words & np.uint32(_BARE_BITS), axis=1)
        sorts[longer < (1 - _BARE_SHARE) * (words.shape[1] - zeros)] = _CODES[Sort.BARE]
    sorts[words.shape[1] - zeros < _NUMBERS_LEAST] = _CODES[Sort.UNSURE]
    return [_SORTS[code] for code in sorts]


def _counted(words: npt.NDArray[np.unsignedinteger], lowest: int, count: int) -> npt.NDArray[np.int64]:
    """How often each value of `count` bits from `lowest` on occurs, (stretches, values)."""
    kinds, kind = 1 << count, words.dtype.type
    # In as few bytes as will do, until `bincount` makes them its own kind, once.
    offsets = np.arange(len(words)) * kinds
    short = np.min_scalar_type(len(words) * kinds - 1)
    values = ((words >> kind(lowest)) & kind(kinds - 1)) + offsets.astype(short)[:, None]
    return np.bincount(values.ravel(), minlength=len(words) * kinds).reshape(-1, kinds)


def _unevenness(counted: npt.NDArray[np.int64], zeros: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How far from uniform each stretch is, in standard deviations of chi-squared; zeros are not counted."""
    counts = counted.astype(np.float64)
    counts[:, 0] -= zeros
    expected = np.maximum(counts.mean(axis=1, keepdims=True), 1.0)
    squared = ((counts - expected) ** 2 / expected).sum(axis=1)
    freedom = counts.shape[1] - 1
    deviations: npt.NDArray[np.float64] = (squared - freedom) / math.sqrt(2 * freedom)
    return deviations


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
