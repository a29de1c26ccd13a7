"""Trains the classifier that reads replies, and writes its weights.

    python scripts/train_reader.py ../shared/data/deflection-responses.jsonl.gz

The file holds one JSON object a line with id, language, model, question_index, prompt, response, judges_agree
and label (COMPLETE, EVASIVE, DENIAL). The made rows (probes/data/deflection/made) are read beside it. Needs
the extra `train` (scikit-learn). Same rows, same seed, same weights.
"""

from __future__ import annotations

import argparse
import datetime
import glob
import hashlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import scipy.sparse
import yaml
from safetensors.numpy import save

from probes.deflection.classifier import CLASSES, WEIGHTS_FILE, Classifier, shipped
from probes.deflection.features import FEATURE_VERSION, feature_names
from probes.deflection.ngrams import BUCKETS
from scripts.broken_rows import broken_rows
from scripts.reader_rows import (
    BROKEN,
    DATA,
    Counted,
    counted,
    development_rows,
    expanded,
    folds_of,
    made_rows,
    weights_of,
)

SEED = 20261125
DENSE_IN_LINEAR = 0.3
LINEAR_C = 3.0
FEWEST_ROWS_OF_BUCKET = 5
TREES = 100


def fit(train: Counted, *, calibration: float = 1.0) -> Classifier:
    """The classifier of these rows."""
    labels = np.array([CLASSES.index(row.label) for row in train.rows])
    weights = weights_of(train.rows)
    arrays = _linear(train, labels, weights)
    arrays |= _boosted(train.features, labels, weights) | _random(train.features, labels, weights)
    arrays |= {
        "calibration.scale": np.array([calibration], dtype=np.float32),
        "version": np.array([FEATURE_VERSION], dtype=np.int32),
    }
    return Classifier(arrays)


def _linear(train: Counted, labels: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    sparse = _sparse(train.buckets)
    buckets = np.flatnonzero(np.bincount(sparse.indices, minlength=BUCKETS) >= FEWEST_ROWS_OF_BUCKET)
    mean, scale = train.features.mean(axis=0), train.features.std(axis=0) + 1e-3
    dense = (train.features - mean) / scale * DENSE_IN_LINEAR
    matrix = scipy.sparse.hstack([sparse[:, buckets], scipy.sparse.csr_matrix(dense)]).tocsr()
    models = [
        LogisticRegression(C=LINEAR_C, solver="liblinear", tol=1e-2, random_state=SEED).fit(
            matrix, labels == label, sample_weight=weights
        )
        for label in range(len(CLASSES))
    ]
    coefficients = np.vstack([model.coef_[0] for model in models]).T
    return {
        "linear.buckets": buckets.astype(np.uint32),
        "linear.weights": coefficients[: len(buckets)].astype(np.float16),
        "dense.weights": (coefficients[len(buckets) :] * DENSE_IN_LINEAR).astype(np.float32),
        "dense.mean": mean.astype(np.float32),
        "dense.scale": scale.astype(np.float32),
        "linear.bias": np.array([model.intercept_[0] for model in models], dtype=np.float32),
    }


def _sparse(buckets: Sequence[Mapping[int, float]]) -> scipy.sparse.csr_matrix:
    ends = np.cumsum([0, *map(len, buckets)])
    columns = np.fromiter((key for row in buckets for key in row), dtype=np.int64)
    values = np.fromiter((value for row in buckets for value in row.values()), dtype=np.float32)
    return scipy.sparse.csr_matrix((values, columns, ends), shape=(len(buckets), BUCKETS))


def _boosted(features: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        learning_rate=0.06, max_iter=100, max_leaf_nodes=12, min_samples_leaf=15, l2_regularization=5.0,
        max_features=0.4, random_state=SEED,
    ).fit(features, labels, sample_weight=weights)  # fmt: skip
    trees = []
    # The nodes are no public part of scikit-learn; a test holds the export to its predictions.
    for trees_of_step in model._predictors:
        for label, tree in enumerate(trees_of_step):
            nodes = tree.nodes
            is_leaf = nodes["is_leaf"].astype(bool)
            value = np.zeros((len(nodes), len(CLASSES)))
            value[is_leaf, label] = nodes["value"][is_leaf]
            feature = np.where(is_leaf, -1, nodes["feature_idx"])
            trees.append((feature, nodes["num_threshold"], nodes["left"], nodes["right"], value))
    bias = model._baseline_prediction.ravel().astype(np.float32)
    return _joined("boosted", trees) | {"boosted.bias": bias}


def _random(features: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(
        TREES, min_samples_leaf=3, max_features=0.3, random_state=SEED
    ).fit(features, labels, sample_weight=weights)  # fmt: skip
    trees = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        is_leaf = tree.children_left < 0
        share = tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True) / TREES
        feature = np.where(is_leaf, -1, tree.feature)
        value = np.where(is_leaf[:, None], share, 0)
        trees.append((feature, tree.threshold, tree.children_left, tree.children_right, value))
    arrays = _joined("random", trees)
    # Shares of 1 lose nothing that matters in half the bytes.
    return arrays | {"random.value": arrays["random.value"].astype(np.float16)}


def _joined(name: str, trees: Sequence[tuple[np.ndarray, ...]]) -> dict[str, np.ndarray]:
    """The trees' nodes in one row of arrays; children are places in it."""
    starts = np.cumsum([0, *(len(tree[0]) for tree in trees)])
    feature, threshold, left, right, value = (np.concatenate(part) for part in zip(*trees, strict=True))
    offset = np.repeat(starts[:-1], np.diff(starts))
    return {
        f"{name}.roots": starts[:-1].astype(np.int32),
        f"{name}.feature": feature.astype(np.int16),
        f"{name}.threshold": threshold.astype(np.float32),
        f"{name}.left": np.where(feature < 0, 0, left + offset).astype(np.int32),
        f"{name}.right": np.where(feature < 0, 0, right + offset).astype(np.int32),
        f"{name}.value": value.astype(np.float32),
    }


def calibrated(train: Counted, folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The scale that makes probabilities of held-out rows true: Platt's method with one parameter.

    One, because a bias would take over how often each class occurs in these rows, and no other model's
    replies are mixed alike.
    """
    from scipy.optimize import minimize_scalar

    scores, chances = [], []
    for inside, outside in folds:
        tested = train.at(np.array([place for place in outside if train.rows[place].source != BROKEN]))
        readings = fit(train.at(inside)).read_rows(tested.features.tolist(), tested.buckets)
        found = np.log([[reading.probabilities[name] for name in CLASSES] for reading in readings])
        labels = [CLASSES.index(row.label) for row in tested.rows]
        scores.append(found - found[np.arange(len(labels)), labels][:, None])
        chances.append(weights_of(tested.rows))
    behind, weights = np.concatenate(scores), np.concatenate(chances)
    loss = minimize_scalar(
        lambda scale: float((weights * np.log(np.exp(behind * scale).sum(axis=1))).sum()), bounds=(0.2, 3)
    )
    return float(loss.x)


def shipped_calibration() -> float:
    """The scale of the weights that ship, which the folds of a measurement take over."""
    return float(shipped().arrays["calibration.scale"][0])


def main(arguments: Sequence[str]) -> None:
    """Trains on everything and writes weights and their description."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="Labelled replies, JSONL, gzip.")
    options = parser.parse_args(arguments)
    whole = [*development_rows(options.data), *made_rows()]
    rows = [*expanded(whole), *broken_rows(whole)]
    train = counted(rows)
    print(f"counted {len(rows)} rows", flush=True)
    calibration = calibrated(train, list(folds_of(rows, 2))[::2])
    arrays = dict(fit(train, calibration=calibration).arrays)
    (DATA / WEIGHTS_FILE).write_bytes(save(arrays))
    described = {
        "written": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "licence": "Apache-2.0",
        "source": "SpeechMap replies (snapshot of 2026, Apache-2.0) and rows written for Weighbridge",
        "feature_version": FEATURE_VERSION,
        "features": len(feature_names()),
        "buckets": len(arrays["linear.buckets"]),
        "classes": list(CLASSES),
        "seed": SEED,
        "rows": {
            f"{source}, {'beginnings' if is_cut else 'whole'}, {label}": count
            for (source, is_cut, label), count in sorted(
                Counter((row.source, row.is_cut, row.label) for row in rows).items()
            )
        },
        "training_data_sha256": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (options.data, *map(Path, sorted(glob.glob(str(DATA / "made" / "*.jsonl")))))
        },
        "weights_sha256": hashlib.sha256((DATA / WEIGHTS_FILE).read_bytes()).hexdigest(),
    }
    header = "# What reader.safetensors was trained on; written by scripts/train_reader.py.\n"
    (DATA / "reader_model.yaml").write_text(
        header + yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8"
    )
    size = (DATA / WEIGHTS_FILE).stat().st_size
    print(f"wrote {DATA / WEIGHTS_FILE}: {size} bytes, calibration {calibration:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
