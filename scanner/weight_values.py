"""What was seen of the numbers in a model's weights while their bytes were hashed.

Only what is odd is named, and no more of it than a report can hold; everything else is a count.

>>> WeightValues(("model.safetensors",), tensors=2, size_bytes=8).odd_count
0
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

# A broken model has thousands of odd tensors; what is wrong with it shows in the first.
ODD_LIMIT = 200
# Half of what a 16-bit float can hold at most is 32 752; a product with such a number overflows.
ABSURD_MAGNITUDE = 1e4


class Oddity(enum.Enum):
    """What is odd about the numbers of one tensor, worst first."""

    NOT_A_NUMBER = "not_a_number"
    INFINITE = "infinite"
    HUGE = "huge"
    ALL_ZERO = "all_zero"
    CONSTANT = "constant"


@dataclass(frozen=True)
class OddTensor:
    """A tensor whose numbers are not like those of a trained one.

    Attributes:
        path: The file it lies in.
        name: As the file has it, shortened, without signs that could garble a terminal.
        dtype: Number format, as of `TensorExtent`.
        shape: Elements per dimension, outermost first.
        oddity: What is odd.
        value: The largest magnitude of a HUGE tensor, else 0.
        usual: The median of the largest magnitudes in the other layers, 0 where there are none to compare.
    """

    path: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    oddity: Oddity
    value: float = 0.0
    usual: float = 0.0


@dataclass(frozen=True)
class WeightValues:
    """The numbers in all weight files whose tensors could be told apart.

    Attributes:
        paths: These files, sorted.
        tensors: How many tensors were read.
        size_bytes: Of their values.
        unread: Number formats whose values were not looked at, and how many tensors have each.
        odd: The odd ones, worst first, at most `ODD_LIMIT`.
        odd_count: How many there are in all.
    """

    paths: tuple[str, ...]
    tensors: int
    size_bytes: int
    unread: tuple[tuple[str, int], ...] = ()
    odd: tuple[OddTensor, ...] = ()
    odd_count: int = 0
