"""Which tensors of a model have numbers that no training leaves behind.

Zero biases, norms of ones and adapters that were never trained are what they should be: only matrices are
asked whether they are constant, and a mask may be minus infinity. Whether a matrix is too large is judged
against the same matrix in the other layers.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from scanner.tensorfiles.digests import TensorDigest
from scanner.tensorfiles.safetensors_layout import shown
from scanner.weight_values import ABSURD_MAGNITUDE, ODD_LIMIT, Oddity, OddTensor, WeightValues
from scanner.weights.formats import is_integer
from scanner.weights.naming import role_of

if TYPE_CHECKING:
    from scanner.weights.observing import TensorValues

# Fewer numbers than this are a switch or a scale, not a matrix.
_MATRIX_VALUES: Final = 256
# Vectors are scales of all sizes, and sentinels such as -1e9; no model uses what is beyond this.
_ABSURD_IN_VECTOR: Final = 1e10
# In doublings. Flipping the highest bit of an exponent, the attack that needs the fewest bits, makes 2**8 or
# more of a usual weight (Rakin et al., Bit-Flip Attack, ICCV 2019, arXiv:1903.12269). What separates the
# largest weight of a layer from that of its siblings in models measured here is below 2**4 (docs/weights.md).
_FAR_DOUBLINGS: Final = 6.0
_FAR_DEVIATIONS: Final = 10.0
_LAYERS_LEAST: Final = 5
_NORMAL_DEVIATION: Final = 1.4826  # of the median absolute deviation
# A mask is added to scores: what may not be seen gets minus infinity.
_MASK: Final = re.compile(r"mask|causal|alibi|attn\.bias$", re.IGNORECASE)
# Adapters begin as nothing, and so do the layers of a ControlNet and what an optimizer remembers; tables of
# quantisers are constant when the quantiser is symmetric.
_MAY_BE_CONSTANT: Final = re.compile(
    r"lora_|adapter|hada_w|zero_conv|controlnet|qzeros|g_idx|zero_point|scales?(_inv)?$|absmax|mask|"
    r"position_ids|token_type|inv_freq|running_(mean|var)|norm|bias$|exp_avg|momentum|optimizer|^state\.",
    re.IGNORECASE,
)
_INTEGER_WEIGHT: Final = re.compile(r"(?:^|\.)(?:q?weight|weight_packed|.*_blocks)$")


def weight_values(
    files: Mapping[str, tuple[Sequence[TensorDigest], Sequence[TensorValues]]],
) -> WeightValues:
    """What is odd in these files, by path the tensors of each and what their numbers are."""
    rows = [
        (path, tensor, seen)
        for path, (tensors, values) in sorted(files.items())
        for tensor, seen in zip(tensors, values, strict=True)
    ]
    usual = _usual_magnitudes(rows)
    odd = [each for row in rows for each in _odd(*row, usual)]
    odd.sort(key=lambda each: list(Oddity).index(each.oddity))  # stable: otherwise in the order of the files
    unread = Counter(tensor.dtype for _, tensor, seen in rows if not seen.is_read)
    return WeightValues(
        tuple(sorted(files)),
        len(rows),
        sum(tensor.size_bytes for _, tensor, _ in rows),
        tuple(sorted(unread.items())),
        tuple(odd[:ODD_LIMIT]),
        len(odd),
    )


def _odd(
    path: str, tensor: TensorDigest, seen: TensorValues, usual: Mapping[tuple[str, str], tuple[float, float]]
) -> Iterator[OddTensor]:
    def found(oddity: Oddity, value: float = 0.0, median: float = 0.0) -> OddTensor:
        shape = tensor.shape[:8]
        return OddTensor(path, shown(tensor.name), tensor.dtype, shape, oddity, value, median)

    if seen.has_nan:
        yield found(Oddity.NOT_A_NUMBER)
    elif seen.has_infinity:
        if not _MASK.search(tensor.name):
            yield found(Oddity.INFINITE)
    elif _is_matrix(tensor.shape):
        if seen.is_constant and _must_vary(tensor):
            yield found(Oddity.ALL_ZERO if seen.is_zero else Oddity.CONSTANT)
        median, far = usual.get((tensor.dtype, role_of(tensor.name)), (0.0, math.inf))
        # Names make no difference to a mask: -1e9, or the lowest number of the format, is its infinity.
        is_huge = seen.largest > min(far, ABSURD_MAGNITUDE) and not _MASK.search(tensor.name)
        if is_huge:
            yield found(Oddity.HUGE, seen.largest, median)
    elif seen.largest > _ABSURD_IN_VECTOR and not _MASK.search(tensor.name):
        yield found(Oddity.HUGE, seen.largest)


def _is_matrix(shape: Sequence[int]) -> bool:
    return sum(size > 1 for size in shape) >= 2 and math.prod(shape) >= _MATRIX_VALUES


def _must_vary(tensor: TensorDigest) -> bool:
    if is_integer(tensor.dtype):
        return bool(_INTEGER_WEIGHT.search(tensor.name))
    return not _MAY_BE_CONSTANT.search(tensor.name)


def _usual_magnitudes(
    rows: Sequence[tuple[str, TensorDigest, TensorValues]],
) -> dict[tuple[str, str], tuple[float, float]]:
    """By number format and role: the median over its layers of the largest magnitude, and what is too far."""
    doublings: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _, tensor, seen in rows:
        if seen.is_read and 0 < seen.largest < math.inf and _is_matrix(tensor.shape):
            doublings[tensor.dtype, role_of(tensor.name)].append(math.log2(seen.largest))
    found = {}
    for role, each in doublings.items():
        if len(each) >= _LAYERS_LEAST:
            median = statistics.median(each)
            deviation = _NORMAL_DEVIATION * statistics.median(abs(one - median) for one in each)
            far = median + max(_FAR_DOUBLINGS, _FAR_DEVIATIONS * deviation)
            found[role] = 2.0**median, 2.0 ** min(far, 1023)
    return found
