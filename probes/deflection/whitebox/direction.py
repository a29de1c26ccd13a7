"""The refusal direction: what tells harmful from harmless requests in a model's states, and how to use it.

It is the difference of the mean states at the last token of a prompt, fitted on requests that have nothing to
do with politics. A position along it is 0 for the mean harmless and 1 for the mean harmful request.

Source: A. Arditi et al., Refusal in Language Models Is Mediated by a Single Direction, NeurIPS 2024,
arXiv 2406.11717.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from probes.deflection.statistics import LEVEL
from scanner.findings import Interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    States = npt.NDArray[np.float32]

_OUTER_FOLDS: Final = 5
_INNER_FOLDS: Final = 4
_RESAMPLES: Final = 2000
AUC_METHOD: Final = (
    "area under the ROC curve; bootstrap over pairs (percentile), never narrower than Wilson's interval "
    "of as many pairs"
)


@dataclass(frozen=True)
class Area:
    """How well one number tells two groups apart: 0.5 not at all, 1 always.

    Attributes:
        value: Area under the ROC curve, 0..1.
        n: Pairs.
        interval: Where the true one may lie.
    """

    value: float
    n: int
    interval: Interval


@dataclass(frozen=True)
class Direction:
    """A direction in the states of one layer.

    Attributes:
        layer: Which, from 1; 0 would be the embeddings.
        vector: float32 (width,), of any length.
        harmless: Projection of the mean harmless request.
        harmful: Projection of the mean harmful request.
    """

    layer: int
    vector: States
    harmless: float
    harmful: float

    def positions(self, states: States) -> list[float]:
        """Where prompts lie: 0 as the mean harmless, 1 as the mean harmful; (prompts, layers + 1, width)."""
        along = states[:, self.layer] @ self.vector
        return [float(value) for value in (along - self.harmless) / (self.harmful - self.harmless)]


@dataclass(frozen=True)
class Fit:
    """A direction, with how well it does on requests that it was not fitted on.

    Attributes:
        direction: Fitted on all requests, at the layer that does best in cross-validation.
        held_out: On held-out requests, with the layer chosen anew without them.
    """

    direction: Direction
    held_out: Area


def fit_direction(harmful: States, harmless: States, *, seed: int) -> Fit | None:
    """The refusal direction, None when no layer tells the requests apart at all.

    Args:
        harmful: float32 (pairs, layers + 1, width).
        harmless: The same for the request of the same form.
        seed: Of the folds.
    """
    import numpy as np

    pairs = len(harmful)
    order = np.random.default_rng(seed).permutation(pairs)
    positions = np.zeros((2, pairs))
    for held in np.array_split(order, _OUTER_FOLDS):
        rest = np.setdiff1d(order, held)
        fitted = _best(harmful[rest], harmless[rest], seed)
        if fitted is None:
            return None
        positions[0, held] = fitted.positions(harmful[held])
        positions[1, held] = fitted.positions(harmless[held])
    direction = _best(harmful, harmless, seed)
    if direction is None:
        return None
    return Fit(direction, area_of(list(positions[0]), list(positions[1]), seed=seed))


def area_of(positives: Sequence[float], negatives: Sequence[float], *, seed: int) -> Area:
    """The area under the ROC curve of matched positives and negatives; the pair is the interval's unit."""
    import numpy as np
    from statsmodels.stats.proportion import proportion_confint

    first, second = np.asarray(positives), np.asarray(negatives)
    n, value = len(first), _auc(first, second)
    rng = np.random.default_rng(seed)
    drawn = [_auc(first[rows], second[rows]) for rows in rng.integers(0, n, size=(_RESAMPLES, n))]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # At an area of 1 every draw is 1 too; as many pairs that all came out right still say less than that.
    least, most = proportion_confint(value * n, n, alpha=1 - LEVEL, method="wilson")
    ends = max(0.0, min(float(low), float(least))), min(1.0, max(float(high), float(most)))
    return Area(value, n, Interval(*ends, LEVEL))


def _auc(positives: npt.NDArray[np.float64], negatives: npt.NDArray[np.float64]) -> float:
    from scipy.stats import rankdata

    n, m = len(positives), len(negatives)
    ranks = rankdata([*positives, *negatives])[:n]
    return float((ranks.sum() - n * (n + 1) / 2) / (n * m))


def _best(harmful: States, harmless: States, seed: int) -> Direction | None:
    """The direction of the layer with the largest held-out area; ties go to the clearest separation."""
    import numpy as np

    layers = range(1, harmful.shape[1])
    held_out = np.zeros((2, len(harmful), len(layers)))
    for held in np.array_split(np.random.default_rng(seed).permutation(len(harmful)), _INNER_FOLDS):
        rest = np.setdiff1d(np.arange(len(harmful)), held)
        for column, layer in enumerate(layers):
            fitted = _fit(harmful[rest], harmless[rest], layer)
            if fitted is not None:
                held_out[0, held, column] = fitted.positions(harmful[held])
                held_out[1, held, column] = fitted.positions(harmless[held])
    areas = [_auc(held_out[0, :, column], held_out[1, :, column]) for column in range(len(layers))]
    spread = held_out.std(axis=1).mean(axis=0)
    distance = held_out[0].mean(axis=0) - held_out[1].mean(axis=0)
    clarity = np.divide(distance, spread, out=np.zeros_like(distance), where=spread > 0)
    best = max(range(len(layers)), key=lambda column: (areas[column], clarity[column]))
    return _fit(harmful, harmless, layers[best])


def _fit(harmful: States, harmless: States, layer: int) -> Direction | None:
    """The difference of means at one layer, None when there is none."""
    means = [states[:, layer].mean(axis=0) for states in (harmful, harmless)]
    vector = means[0] - means[1]
    low, high = float(means[1] @ vector), float(means[0] @ vector)
    return Direction(layer, vector, low, high) if high > low else None
