"""What two tensors of the same name have to do with each other, judged on a sample of their numbers.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> base = rng.normal(size=(64, 96)).astype("f4")
>>> relation_of(base, base + np.outer(rng.normal(size=64), rng.normal(size=96)).astype("f4") / 9, 1e-9)
Relation(kind=<Kind.LOW_RANK: 'low_rank'>, cosine=..., relative_change=..., rank=1)
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from scanner.weights.comparison import Kind, Relation
from scanner.weights.decoding import Numbers

# Independent matrices of n numbers have a cosine of 0 +- 1/sqrt(n): 0.03 for the smallest sample that is
# judged. Fine-tuned ones stay far above (docs/weights.md).
_UNRELATED_COSINE: Final = 0.1
_SAMPLE_LEAST: Final = 1024
# How much larger than the random part of a difference its ordered part has to be. Source of the edge:
# Marchenko and Pastur 1967; the largest singular value of noise of deviation s in a matrix of r x c numbers
# is s * (sqrt(r) + sqrt(c)).
_EDGE_MARGIN: Final = 1.2
# Rounding a small change away leaves at most three times the noise of rounding a large one.
_NOISE_MARGIN: Final = 3.0
_RANK_SHARE: Final = 4  # a rank above a quarter of the sample's is no low one
_EXPLAINED: Final = 0.5
# A scheme that chooses its steps with care errs less than usual, a careless one up to twice as much.
_QUANTISED_MARGIN: Final = 2.0


def relation_of(base: Numbers, new: Numbers, noise: float, *, quantised: bool = False) -> Relation:
    """What two samples of the same places have to do with each other.

    Args:
        base: (rows, columns).
        new: The same shape.
        noise: Root mean square error that storing in another format, or rounding to this one, may have made.
        quantised: Whether one of them is stored in a format of few bits.
    """
    old, other = base.astype(np.float64), new.astype(np.float64)
    if not (np.isfinite(old).all() and np.isfinite(other).all()):
        return Relation(Kind.NOT_COMPARED, cosine=0.0)
    difference = other - old
    size = float(np.sqrt(np.mean(old**2)))
    error = float(np.sqrt(np.mean(difference**2)))
    relative = error / size if size else math.inf
    cosine = _cosine(old, other)
    if error == 0:
        return Relation(Kind.IDENTICAL)
    if quantised and error <= _QUANTISED_MARGIN * noise:
        return Relation(Kind.QUANTISED, cosine, relative)
    # Norms of ones agree in any two models: only numbers that vary can be unrelated.
    if old.size >= _SAMPLE_LEAST and cosine < _UNRELATED_COSINE and min(base.shape) > 1:
        return Relation(Kind.UNRELATED, cosine, min(relative, 1e9))
    rank, is_low = _rank(difference, noise)
    if rank == 0 and error <= math.sqrt(_NOISE_MARGIN) * noise:
        return Relation(Kind.ROUNDED, cosine, relative)
    return Relation(
        Kind.LOW_RANK if is_low else Kind.CHANGED, cosine, min(relative, 1e9), rank if is_low else 0
    )


def _cosine(old: np.ndarray, new: np.ndarray) -> float:
    old, new = old - old.mean(), new - new.mean()
    norms = float(np.linalg.norm(old) * np.linalg.norm(new))
    return float((old * new).sum() / norms) if norms else 0.0


def _rank(difference: np.ndarray, noise: float) -> tuple[int, bool]:
    """How many directions stand out of the noise, and whether they are few and explain the difference."""
    rows, columns = difference.shape
    if min(rows, columns) < 2:
        return 0, False
    values = np.linalg.svd(difference, compute_uv=False)
    edge = max(_EDGE_MARGIN * noise * (math.sqrt(rows) + math.sqrt(columns)), 1e-6 * float(values[0]))
    rank = int((values > edge).sum())
    total = float((values**2).sum())
    rest = float((values[rank:] ** 2).sum())
    is_explained = rest <= _NOISE_MARGIN * noise**2 * difference.size + 1e-6 * total
    is_low = 0 < rank <= min(rows, columns) // _RANK_SHARE
    return rank, is_low and is_explained and total - rest >= _EXPLAINED * total
