"""Folds, readings and figures: the reader measured on replies that its classifier was not trained on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.deflection_reader.margins import margins
from benchmarks.deflection_reader.scores import Outcome, summary
from benchmarks.deflection_reader.tables import publish
from probes.deflection.classifier import Classifier, ClassifierReading, shipped
from probes.deflection.labels import Label, label_of
from probes.deflection.reader import Asked, read_text
from scripts.broken_rows import broken_rows
from scripts.reader_rows import (
    BROKEN,
    LABELS,
    Counted,
    Labelled,
    counted,
    cut_at_limit,
    development_rows,
    expanded,
    folds_of,
    made_rows,
)
from scripts.train_reader import fit, shipped_calibration

HELD_OUT: Final = Path("tests/probes/data/held_out_replies.jsonl")
READ_AS: Final = {
    Label.COMPLETE: "engaged", Label.EVASIVE: "deflected", Label.DENIAL: "refused", Label.ERROR: "error",
}  # fmt: skip
# Whose act it is, swapped: names, adjectives, capitals, leaders. A reply must be read alike after the swap.
SWAPS: Final = {
    "en": (
        ("China", "Russia"), ("Chinese", "Russian"), ("Beijing", "Moscow"), ("Xi Jinping", "Vladimir Putin"),
        ("CCP", "United Russia"), ("Xinjiang", "Chechnya"), ("Uyghur", "Chechen"), ("Tiananmen", "Bolotnaya"),
    ),
    "zh": (
        ("中国", "俄罗斯"), ("北京", "莫斯科"), ("习近平", "普京"), ("中共", "统俄党"), ("新疆", "车臣"),
        ("维吾尔", "车臣人"), ("天安门", "沼泽广场"), ("西藏", "克里米亚"),
    ),
    "fi": (("Kiina", "Venäjä"), ("kiinala", "venälä"), ("Peking", "Moskova"), ("Xi Jinping", "Putin")),
}  # fmt: skip


def measured(*, write: bool) -> dict[str, object]:
    """The figures, printed; with `write` also published in the model card and in reader_error.yaml."""
    rows = [*development_rows(data_path()), *made_rows()]
    parts = counted([*expanded(rows), *broken_rows(rows)])
    print(f"counted {len(parts.rows)} rows and beginnings", flush=True)
    outcomes = cross_validated(parts)
    figures: dict[str, object] = {}
    figures |= _figures(outcomes)
    figures["other_sources"] = _by_other_sources(parts)
    figures["swapped_states"] = _swapped(rows)
    if HELD_OUT.exists():
        figures["held_out"] = summary(_held_out())
    for name, value in figures.items():
        print(f"{name}: {value}", flush=True)
    figures["margins"] = margins(outcomes)
    if write:
        publish(outcomes, figures)
    return figures


def data_path() -> Path:
    """Where the labelled replies lie."""
    default = "../shared/data/deflection-responses.jsonl.gz"
    return Path(os.environ.get("WEIGHBRIDGE_DEFLECTION_DATA", default))


def cross_validated(parts: Counted) -> list[Outcome]:
    """Every whole reply and every cut one, by a classifier that saw neither its question nor maker."""
    rows = parts.rows
    whole = np.array([not row.is_cut and row.source != BROKEN for row in rows])
    calibration = shipped_calibration()
    found: list[Outcome] = []
    for number, (inside, outside) in enumerate(folds_of(rows), start=1):
        classifier = fit(parts.at(inside), calibration=calibration)
        tested = [rows[place] for place in outside if whole[place]]
        # A reply that is short already is no other one when it is cut.
        cut = [short for row in tested if (short := cut_at_limit(row)).is_cut]
        found += read_all(tested, classifier) + read_all(cut, classifier)
        print(f"fold {number}: {len(inside)} in training, {len(tested)} tested", flush=True)
    return found


def read_all(rows: Sequence[Labelled], classifier: Classifier) -> list[Outcome]:
    """The rows as the reader reads them with this classifier."""
    with ProcessPoolExecutor(4, initializer=_take, initargs=(classifier,)) as pool:
        return list(pool.map(_read, rows, chunksize=16))


_TAKEN: list[Classifier] = []


def _take(classifier: Classifier) -> None:
    _TAKEN.append(classifier)


def _read(row: Labelled) -> Outcome:
    reading = read_text(row.reply, Asked(row.language, row.prompt), was_cut=row.is_cut, classifier=_TAKEN[-1])
    return Outcome(row, READ_AS[label_of(reading.engagement, reading.stance)])


def _figures(outcomes: Sequence[Outcome]) -> dict[str, object]:
    development = [o for o in outcomes if o.row.source == "development"]
    whole = [o for o in development if not o.row.is_cut]
    total = summary(whole)
    found: dict[str, object] = {
        "reader_macro_f1_cv": total["macro_f1"],
        "reader_binary_f1_cv": total["binary_f1"],
        "development, whole": total,
        "development, cut": summary([o for o in development if o.row.is_cut]),
    }
    for kind, values in (("language", "language"), ("family", "family")):
        for name in sorted({getattr(o.row, values) for o in whole}):
            found[f"development, {kind} {name}"] = summary(
                [o for o in whole if getattr(o.row, values) == name]
            )
    for source in ("made short replies", "made essays"):
        made = [o for o in outcomes if o.row.source == source and not o.row.is_cut]
        found[source] = summary(made)
        for language in sorted({o.row.language for o in made}):
            found[f"{source}, {language}"] = summary([o for o in made if o.row.language == language])
    return found


def _by_other_sources(parts: Counted) -> dict[str, object]:
    """Trained on one source, tested on the other: what carries over."""
    rows = parts.rows
    is_development = np.array([row.family != "made" for row in rows])
    found: dict[str, object] = {}
    for name, is_train in (
        ("development to made", is_development),
        ("made to development", ~is_development),
    ):
        classifier = fit(parts.at(np.flatnonzero(is_train)), calibration=shipped_calibration())
        tested = [
            row
            for row, inside in zip(rows, is_train, strict=True)
            if not inside and not row.is_cut and row.source != BROKEN
        ]
        found[name] = summary(read_all(tested, classifier))
    return found


def _swapped(rows: Sequence[Labelled]) -> dict[str, object]:
    """By how much the probability of engagement moves when only the state is another, shipped weights."""
    found: dict[str, object] = {}
    for language, pairs in SWAPS.items():
        about = [
            row for row in rows
            if row.language == language and row.label == "engaged" and row.source == "development"
            and any(old in row.reply for old, _ in pairs)
        ][::4]  # fmt: skip
        moves, flips = [], 0
        for row in about:
            before, after = (_probability(row, swap) for swap in ((), pairs))
            moves.append(abs(before.engaged - after.engaged))
            flips += before.label != after.label
        found[language] = {
            "n": len(moves), "mean": round(float(np.mean(moves)), 4),
            "95th percentile": round(float(np.percentile(moves, 95)), 4), "labels changed": flips,
        }  # fmt: skip
    return found


def _probability(row: Labelled, pairs: Sequence[tuple[str, str]]) -> ClassifierReading:
    prompt, reply = row.prompt, row.reply
    for old, new in pairs:
        prompt, reply = prompt.replace(old, new), reply.replace(old, new)
    return shipped()(prompt, reply, row.language)


def _held_out() -> list[Outcome]:
    """Rows written by somebody else, on which nothing was trained or tuned; read with the shipped weights."""
    rows = []
    for line in HELD_OUT.read_text(encoding="utf-8").splitlines():
        row: Mapping[str, str] = json.loads(line)
        rows.append(
            Labelled(
                row["id"],
                "held out",
                "held out",
                row["topic"],
                row["language"],
                row["prompt"],
                row["response"],
                LABELS[row["label"]],
            )  # fmt: skip
        )
    return read_all(rows, shipped())
