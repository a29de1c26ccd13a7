"""How well readings agree with labels: F1 by class with bootstrap intervals, margins, Cohen's kappa.

>>> found = scores([Label.COMPLETE, Label.DENIAL], [Label.COMPLETE, Label.COMPLETE])
>>> round(found.macro_f1.value, 3)
0.333
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from probes.deflection.labels import CLASSES, Label
from scanner.findings import Interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEVEL: Final = 0.95
METHOD: Final = "F1 and margins: percentile bootstrap over clusters of rows; kappa: asymptotic, statsmodels"
_COLUMNS: Final = (*CLASSES, Label.ERROR)
RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Figure:
    """A figure with the interval that the true one may lie in; NaN when it is not defined.

    Attributes:
        value: The figure.
        interval: At 95 %; None where nothing was resampled or the figure is not defined.
    """

    value: float
    interval: Interval | None

    def __str__(self) -> str:
        """As "0.812 [0.790, 0.834]"."""
        if math.isnan(self.value):
            return "not defined"
        ends = self.interval
        return f"{self.value:.3f}" + (f" [{ends.low:.3f}, {ends.high:.3f}]" if ends else "")


@dataclass(frozen=True)
class Scores:
    """Readings against labels.

    Attributes:
        n: Labelled rows.
        confusion: Counts; a row per label COMPLETE, EVASIVE, DENIAL, a column per reading, ERROR last.
        by_class: F1 of each class; a reading ERROR is a miss.
        macro_f1: Mean F1 of the classes that some row has as its label.
        binary_f1: The same for COMPLETE against the other two together.
    """

    n: int
    confusion: tuple[tuple[int, ...], ...]
    by_class: Mapping[Label, Figure]
    macro_f1: Figure
    binary_f1: Figure


def scores(
    labels: Sequence[Label],
    readings: Sequence[Label],
    *,
    clusters: Sequence[str] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Scores:
    """How readings agree with labels, row by row, at least one.

    Args:
        labels: Each one of CLASSES.
        readings: In the same order; ERROR for what could not be read.
        clusters: What rows have in common, such as their question: they are drawn together. Each row by
            itself when empty.
        seed: Of the bootstrap.
        resamples: How often rows are drawn; without any, the figures have no intervals.
    """
    counts = _counts([labels, readings], clusters)
    whole, drawn = counts.sum(axis=0), _drawn(counts, seed, resamples)
    f1, drawn_f1 = _f1(whole), _f1(drawn)
    return Scores(
        n=len(labels),
        confusion=tuple(tuple(int(count) for count in row) for row in whole),
        by_class={each: _figure(float(f1[index]), drawn_f1[:, index]) for index, each in enumerate(CLASSES)},
        macro_f1=_figure(float(_mean(f1)), _mean(drawn_f1)),
        binary_f1=_figure(float(_mean(_f1(_merged(whole)))), _mean(_f1(_merged(drawn)))),
    )


def margin(
    labels: Sequence[Label],
    one: Sequence[Label],
    other: Sequence[Label],
    *,
    clusters: Sequence[str] = (),
    seed: int = 0,
) -> Figure:
    """By how much the macro-F1 of `one` is above that of `other`; both are resampled on the same rows."""
    counts = _counts([labels, one, other], clusters)
    whole, drawn = counts.sum(axis=0), _drawn(counts, seed, RESAMPLES)
    first, second = whole.sum(axis=2), whole.sum(axis=1)
    difference = _mean(_f1(drawn.sum(axis=3))) - _mean(_f1(drawn.sum(axis=2)))
    return _figure(float(_mean(_f1(first)) - _mean(_f1(second))), difference)


def kappa(one: Sequence[object], other: Sequence[object]) -> Figure:
    """Cohen's kappa of two readers of the same rows; not defined when both always say the same one thing.

    Source: J. Cohen, Educational and Psychological Measurement 20 (1960) 37-46;
        statsmodels.stats.inter_rater.cohens_kappa.
    """
    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa

    names = sorted({str(each) for each in (*one, *other)})
    if len(names) < 2:
        return Figure(math.nan, None)
    table = np.zeros((len(names), len(names)))
    for first, second in zip(one, other, strict=True):
        table[names.index(str(first)), names.index(str(second))] += 1
    with np.errstate(divide="ignore", invalid="ignore"):
        found = cohens_kappa(table)
    low, high = max(float(found.kappa_low), -1.0), min(float(found.kappa_upp), 1.0)
    return Figure(float(found.kappa), Interval(low, high, LEVEL) if math.isfinite(low + high) else None)


def _counts(columns: Sequence[Sequence[Label]], clusters: Sequence[str]) -> npt.NDArray[np.float64]:
    """Rows by cluster, label and every reading: shape (clusters, 3, 4) or (clusters, 3, 4, 4)."""
    import numpy as np

    names = list(clusters) or [str(index) for index in range(len(columns[0]))]
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    counts = np.zeros((len(number), len(CLASSES), *[len(_COLUMNS)] * (len(columns) - 1)))
    for name, label, *readings in zip(names, *columns, strict=True):
        counts[(number[name], CLASSES.index(label), *map(_COLUMNS.index, readings))] += 1
    return counts


def _drawn(counts: npt.NDArray[np.float64], seed: int, times: int) -> npt.NDArray[np.float64]:
    """The counts of as many clusters drawn with replacement, so many times."""
    import numpy as np

    n = len(counts)
    weights = np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=times)
    drawn: npt.NDArray[np.float64] = np.tensordot(weights.astype(np.float64), counts, axes=1)
    return drawn


def _merged(confusion: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """EVASIVE and DENIAL as one class: (..., 3, 4) to (..., 2, 3)."""
    import numpy as np

    rows = np.stack([confusion[..., 0, :], confusion[..., 1:, :].sum(axis=-2)], axis=-2)
    columns = [rows[..., 0], rows[..., 1:3].sum(axis=-1), rows[..., 3]]
    return np.stack(columns, axis=-1)


def _f1(confusion: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """F1 by class, (..., k, k + 1) to (..., k); NaN for a class that no label names."""
    import numpy as np

    squares = confusion[..., :-1]
    hits = np.diagonal(squares, axis1=-2, axis2=-1)
    labelled, read = confusion.sum(axis=-1), squares.sum(axis=-2)
    return np.where(labelled > 0, 2 * hits / np.maximum(labelled + read, 1), np.nan)


def _mean(f1: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    import numpy as np

    mean: npt.NDArray[np.float64] = np.nanmean(f1, axis=-1)
    return mean


def _figure(value: float, drawn: npt.NDArray[Any]) -> Figure:
    import numpy as np

    if math.isnan(value) or not drawn.size:
        return Figure(value, None)
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(value, Interval(min(float(low), value), max(float(high), value), LEVEL))
