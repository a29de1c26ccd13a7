from __future__ import annotations

import pytest

from reports.charts import LONGEST_LABEL, MOST_ROWS, interval_charts
from scanner.findings import Interval, Measurement


def _share(value: float, low: float, high: float, unit: str = "share", **dimensions: str) -> Measurement:
    return Measurement("m", value, unit, 10, Interval(low, high, 0.95), "Wilson", "c", dimensions)


def test_each_kind_of_subject_has_its_own_chart() -> None:
    charts = list(
        interval_charts(
            "Hits", "share",
            [
                _share(0.1, 0, 0.2, module="a"),
                _share(0.2, 0.1, 0.3, probe="a.B", detector="d"),
                _share(0.1, 0, 0.2, module="b"),
            ],
        )
    )  # fmt: skip
    assert [len(chart.rows) for chart in charts] == [2, 1]
    assert charts[0].title == "Hits, by module"


def test_nothing_measured_draws_no_chart() -> None:
    assert list(interval_charts("Hits", "share", [])) == []


def test_dimension_that_never_changes_moves_to_the_title() -> None:
    (chart,) = interval_charts(
        "Gap",
        "share",
        [_share(0.1, 0, 0.2, language="en", state="a"), _share(0.1, 0, 0.2, language="en", state="b")],
    )
    assert chart.title == "Gap, by state (language en)"
    assert [row.label for row in chart.rows] == ["a", "b"]


def test_estimate_lies_within_its_interval_and_the_axis() -> None:
    measurements = [
        _share(value, max(0, value - 0.1), min(1, value + 0.15), m=str(value)) for value in (0.0, 0.3, 1.0)
    ]
    (chart,) = interval_charts("Hits", "share", measurements)
    for row in chart.rows:
        assert chart.left <= row.low <= row.x <= row.high <= chart.right


def test_zero_is_the_left_end_for_shares_and_the_middle_for_differences() -> None:
    (shares,) = interval_charts("Hits", "share", [_share(0.3, 0.1, 0.5)])
    (gaps,) = interval_charts("Gap", "share difference", [_share(0.3, 0.1, 0.5, unit="share difference")])
    assert shares.zero == shares.left
    assert gaps.zero == pytest.approx((gaps.left + gaps.right) / 2)
    assert [tick.text for tick in gaps.ticks] == ["−0.5", "−0.25", "0", "+0.25", "+0.5"]


def test_long_chart_keeps_the_highest_intervals_and_says_so() -> None:
    measurements = [_share(index / 200, 0, (index + 1) / 100, probe=f"p{index}") for index in range(60)]
    (chart,) = interval_charts("Hits", "share", measurements)
    assert len(chart.rows) == MOST_ROWS
    assert chart.rows[-1].full_label == "p59"
    assert chart.note.startswith(f"{MOST_ROWS} of 60 rows")


def test_long_labels_keep_their_ends_and_widen_their_column() -> None:
    (short,) = interval_charts("Hits", "share", [_share(0.1, 0, 0.2, probe="a.B", detector="c.D")])
    names = {"probe": "latentinjection." + "x" * 60 + "Eiffel7", "detector": "base.TriggerListDetector"}
    (chart,) = interval_charts("Hits", "share", [_share(0.1, 0, 0.2, **names)])
    (row,) = chart.rows
    assert len(row.label) <= LONGEST_LABEL
    assert row.label.split(" · ")[0].endswith("Eiffel7")
    assert row.label.endswith("ListDetector")
    assert chart.left > short.left


def test_modules_come_before_their_probes() -> None:
    charts = interval_charts(
        "Hits", "share", [_share(0.1, 0, 0.2, probe="a.B", detector="d"), _share(0.1, 0, 0.2, module="a")]
    )
    assert [chart.title for chart in charts] == ["Hits, by probe and detector", "Hits, by module"][::-1]


def test_values_beyond_a_share_still_fit() -> None:
    (chart,) = interval_charts("Odd", "ratio", [_share(3.0, 2.0, 4.0, unit="ratio")])
    assert chart.rows[0].high <= chart.right
