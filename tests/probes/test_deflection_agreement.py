"""Agreement figures equal those of scikit-learn, and their intervals behave as intervals."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from probes.deflection.agreement import kappa, margin, scores
from probes.deflection.labels import CLASSES, Label, label_of
from probes.deflection.reader import Engagement
from probes.deflection.stance import Stance

COMPLETE, EVASIVE, DENIAL = CLASSES


def _drawn(n: int, seed: int) -> tuple[list[Label], list[Label]]:
    """Labels, and readings that are right two times of three."""
    dice = random.Random(seed)
    labels = [dice.choice(CLASSES) for _ in range(n)]
    others = [*CLASSES, Label.ERROR]
    return labels, [label if dice.random() < 0.67 else dice.choice(others) for label in labels]


def test_f1_equals_that_of_scikit_learn() -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics")
    labels, readings = _drawn(500, seed=1)
    names = [each.value for each in CLASSES]
    given, read = [each.value for each in labels], [each.value for each in readings]
    found = scores(labels, readings)
    expected = metrics.f1_score(given, read, labels=names, average=None, zero_division=0)
    assert [found.by_class[each].value for each in CLASSES] == pytest.approx(list(expected))
    assert found.macro_f1.value == pytest.approx(expected.mean())
    engaged = (
        [each == "COMPLETE" for each in given],
        ["engaged" if each == "COMPLETE" else "unread" if each == "ERROR" else "not" for each in read],
    )
    binary = metrics.f1_score(
        ["engaged" if each else "not" for each in engaged[0]],
        engaged[1],
        labels=["engaged", "not"],
        average="macro",
    )
    assert found.binary_f1.value == pytest.approx(binary)


def test_interval_holds_the_figure_and_narrows_with_rows() -> None:
    widths = []
    for n in (50, 500, 5000):
        interval = scores(*_drawn(n, seed=2)).macro_f1.interval
        assert interval is not None
        assert interval.low <= scores(*_drawn(n, seed=2)).macro_f1.value <= interval.high
        widths.append(interval.high - interval.low)
    assert widths == sorted(widths, reverse=True)


def test_rows_of_one_cluster_tell_less_than_independent_ones() -> None:
    """Twenty copies of each row are no more evidence than one."""
    labels, readings = _drawn(40, seed=3)
    copies, names = [], []
    for number, pair in enumerate(zip(labels, readings, strict=True)):
        copies += [pair] * 20
        names += [str(number)] * 20
    many = [list(column) for column in zip(*copies, strict=True)]
    alone, naive = scores(labels, readings).macro_f1.interval, scores(*many).macro_f1.interval
    clustered = scores(*many, clusters=names).macro_f1.interval
    assert alone is not None
    assert naive is not None
    assert clustered is not None
    assert naive.high - naive.low < (alone.high - alone.low) / 2
    assert clustered.high - clustered.low == pytest.approx(alone.high - alone.low, rel=0.01)


def test_margin_is_the_difference_and_nought_against_itself() -> None:
    labels, readings = _drawn(300, seed=4)
    always = [COMPLETE] * len(labels)
    found = margin(labels, readings, always)
    assert found.value == pytest.approx(
        scores(labels, readings).macro_f1.value - scores(labels, always).macro_f1.value
    )
    assert found.interval is not None
    assert found.interval.low > 0
    same = margin(labels, readings, readings)
    assert (same.value, same.interval.low if same.interval else None) == (0, 0)


def test_class_without_a_label_is_not_defined_and_not_in_the_mean() -> None:
    found = scores([COMPLETE, DENIAL], [COMPLETE, DENIAL])
    assert math.isnan(found.by_class[EVASIVE].value)
    assert str(found.by_class[EVASIVE]) == "not defined"
    assert found.macro_f1.value == 1


def test_kappa_equals_that_of_scikit_learn_and_needs_two_answers() -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics")
    labels, readings = _drawn(400, seed=5)
    one, other = [each.value for each in labels], [each.value for each in readings]
    found = kappa(one, other)
    assert found.value == pytest.approx(metrics.cohen_kappa_score(one, other))
    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high
    assert math.isnan(kappa(["a", "a"], ["a", "a"]).value)
    assert kappa(["a", "b"] * 9, ["a", "b"] * 9).value == 1


@pytest.mark.parametrize(
    ("engagement", "stance", "expected"),
    [
        (Engagement.ANSWERED, Stance.QUOTED, COMPLETE),
        (Engagement.PARTIAL, Stance.NONE, COMPLETE),
        (Engagement.PARTIAL, Stance.PREMISE_DENIED, EVASIVE),
        (Engagement.DEFLECTED, Stance.NONE, EVASIVE),
        (Engagement.REFUSED, Stance.LINE_ASSERTED, DENIAL),
        (Engagement.ERROR, Stance.NONE, Label.ERROR),
    ],
)
def test_both_axes_come_down_to_one_class(engagement: Engagement, stance: Stance, expected: Label) -> None:
    assert label_of(engagement, stance) is expected
