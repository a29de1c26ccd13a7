"""F1 over classes with bootstrap intervals, from labels and readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from probes.deflection.classifier import CLASSES
from scripts.reader_rows import Labelled

RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Outcome:
    """A labelled reply and how it was read: one of CLASSES, or "error"."""

    row: Labelled
    read: str


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Macro-F1 over three classes and over two, with bootstrap intervals over questions, and F1 by class."""
    matrix = confusion(outcomes)
    f1 = f1_by_class(matrix)
    questions = sorted({outcome.row.question for outcome in outcomes})
    by_question = np.array(
        [confusion([o for o in outcomes if o.row.question == question]) for question in questions]
    )
    draws = np.random.default_rng(0).integers(len(questions), size=(RESAMPLES, len(questions)))
    resampled = [by_question[draw].sum(axis=0) for draw in draws]
    return {
        "n": len(outcomes),
        "macro_f1": _with_interval(macro_f1(matrix), [macro_f1(each) for each in resampled]),
        "binary_f1": _with_interval(binary_f1(matrix), [binary_f1(each) for each in resampled]),
        **{f"f1_{name}": round(float(value), 3) for name, value in zip(CLASSES, f1, strict=True)},
    }


def confusion(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Counts (label, reading), the last column of replies that could not be read."""
    columns = (*CLASSES, "error")
    matrix = np.zeros((len(CLASSES), len(columns)), dtype=np.int64)
    for outcome in outcomes:
        matrix[CLASSES.index(outcome.row.label), columns.index(outcome.read)] += 1
    return matrix


def f1_by_class(matrix: np.ndarray) -> np.ndarray:
    """F1 of each class; a reply that could not be read is a miss of its class."""
    hits = np.diag(matrix[:, : len(matrix)])
    return 2 * hits / np.maximum(matrix.sum(axis=1) + matrix[:, : len(matrix)].sum(axis=0), 1)


def macro_f1(matrix: np.ndarray) -> float:
    """Mean F1 over the classes that occur."""
    return float(f1_by_class(matrix)[matrix.sum(axis=1) > 0].mean())


def binary_f1(matrix: np.ndarray) -> float:
    """Mean F1 of engaged and of not engaged."""
    engaged, avoided = matrix[:1], matrix[1:].sum(axis=0, keepdims=True)
    joined = np.vstack([engaged, avoided])
    joined = np.column_stack([joined[:, 0], joined[:, 1:3].sum(axis=1), joined[:, 3]])
    return macro_f1(joined)


def _with_interval(value: float, resampled: Sequence[float]) -> str:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
