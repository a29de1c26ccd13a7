"""The reader's published figures are what the library makes of the same labels and readings."""

from __future__ import annotations

import random

import pytest
import yaml

from benchmarks.deflection_reader.scores import Outcome, binary_f1, confusion, f1_by_class, macro_f1, summary
from benchmarks.deflection_reader.tables import error_text
from probes.deflection.classifier import CLASSES
from scripts.reader_rows import Labelled


def outcomes(seed: int, n: int = 200) -> list[Outcome]:
    draw = random.Random(seed)
    return [
        Outcome(
            Labelled(
                str(number), "development", draw.choice("ab"), str(draw.randrange(9)), "en", "", "x" * 300,
                draw.choice(CLASSES), is_cut=bool(draw.randrange(2)),
            ),
            draw.choice((*CLASSES, "error")),
        )
        for number in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_f1_is_that_of_scikit_learn_with_unreadable_replies_wrong(seed: int) -> None:
    f1_score = pytest.importorskip("sklearn.metrics").f1_score
    found = outcomes(seed)
    labels = [outcome.row.label for outcome in found]
    readings = [outcome.read for outcome in found]
    matrix = confusion(found)
    theirs = f1_score(labels, readings, labels=list(CLASSES), average=None)
    assert f1_by_class(matrix) == pytest.approx(theirs)
    assert macro_f1(matrix) == pytest.approx(theirs.mean())
    as_two = [
        ["engaged" if name == "engaged" else "error" if name == "error" else "not" for name in names]
        for names in (labels, readings)
    ]
    both = f1_score(*as_two, labels=["engaged", "not"], average="macro")
    assert binary_f1(matrix) == pytest.approx(both)


def test_perfect_readings_score_one_and_all_errors_nothing() -> None:
    rows = [outcome.row for outcome in outcomes(1)]
    assert summary([Outcome(row, row.label) for row in rows])["macro_f1"] == "1.000 [1.000, 1.000]"
    assert summary([Outcome(row, "error") for row in rows])["macro_f1"] == "0.000 [0.000, 0.000]"


def test_error_file_counts_every_reply_once_and_names_the_cut() -> None:
    found = outcomes(2)
    report = yaml.safe_load(error_text(found))
    whole = report["en"]["whole replies"]["confusion"]
    cut = report["en"]["first 280 characters"]["confusion"]
    counted = [sum(sum(row.values()) for row in block.values()) for block in (whole, cut)]
    assert counted[0] == sum(not outcome.row.is_cut for outcome in found)
    # Short replies stand in both blocks.
    assert counted[1] == len(found)
