from __future__ import annotations

import dataclasses

import pytest

from reports.numbers import duration_text, figure, figure_groups, number, size_text
from scanner.findings import Interval, Measurement


def _measured(
    value: float, n: int, low: float, high: float, unit: str = "share", **dimensions: str
) -> Measurement:
    return Measurement("garak.hit_rate", value, unit, n, Interval(low, high, 0.95), "Wilson", "c", dimensions)


def _note(measurement: Measurement) -> str:
    (group,) = figure_groups([measurement])
    return group.figures[0].note


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (1.0, "1"), (0.1254, "0.125"), (0.0004, "4.00\xa0×\xa010⁻⁴"), (-0.5, "−0.500"),
        (999.5, "999.500"),
        (12345.6, "12,345.6"), (3_800_000.0, "3.80\xa0×\xa010⁶"), (1.3e23, "1.30\xa0×\xa010²³"),
    ],
)  # fmt: skip
def test_number_keeps_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_differences_show_their_sign() -> None:
    shown = figure(_measured(0.41, 120, -0.02, 0.52, unit="share difference"))
    assert (shown.value, shown.interval) == ("+0.410", "[−0.020, +0.520]")


def test_nothing_seen_comes_with_its_upper_bound() -> None:
    assert _note(_measured(0.0, 60, 0.0, 0.0596)) == "none of 60, at most 0.060"


def test_share_of_whole_units_is_also_a_count() -> None:
    assert _note(_measured(7 / 60, 60, 0.05, 0.2)) == "7 of 60"


def test_weighted_share_claims_no_count() -> None:
    assert _note(_measured(0.123, 60, 0.05, 0.2)) == ""


def test_only_shares_are_counts() -> None:
    assert _note(_measured(5.0, 8, 5, 5, unit="files")) == ""


def test_groups_keep_every_measurement_in_order() -> None:
    measurements = [
        _measured(0.1, 10, 0, 0.3, module="dan"),
        _measured(0.2, 10, 0, 0.5, module="xss"),
        _measured(0.3, 10, 0, 0.6, probe="dan.A", detector="d"),
    ]
    groups = list(figure_groups(measurements))
    assert [group.by for group in groups] == ["by module", "by probe and detector"]
    assert [shown.subject for group in groups for shown in group.figures] == ["dan", "xss", "dan.A · d"]
    assert {group.level for group in groups} == {"95 % intervals"}


def test_what_a_group_shares_is_said_once() -> None:
    one = dataclasses.replace(_measured(0.1, 10, 0, 0.3, state="a"), method="bootstrap; p = 0.01 after Holm")
    two = dataclasses.replace(_measured(0.2, 10, 0, 0.5, state="b"), method="bootstrap; p = 0.5 after Holm")
    (group,) = figure_groups([one, two])
    assert group.method == "bootstrap"
    notes = [shown.note for shown in group.figures]
    assert notes == ["1 of 10; p = 0.01 after Holm", "2 of 10; p = 0.5 after Holm"]


def test_number_with_a_method_of_its_own_says_all_of_it() -> None:
    same = _measured(0.15, 10, 0, 0.3, probe="a")
    usual = [dataclasses.replace(same, method="Wilson; hits") for _ in range(3)]
    odd = dataclasses.replace(_measured(0.15, 10, 0, 0.3, probe="d"), method="Wilson; misses")
    (group,) = figure_groups([*usual, odd])
    assert group.method == "Wilson; hits"
    assert [shown.note for shown in group.figures] == ["", "", "", "Wilson; misses"]


def test_bounds_are_not_called_confidence() -> None:
    bound = Measurement("integrity.files_verified", 5, "files", 8, Interval(5, 5), "count")
    assert next(figure_groups([bound])).level == "bounds"


def test_sizes_and_durations_are_readable_and_exact() -> None:
    assert size_text(269_060_552) == "269.1 MB (269,060,552 bytes)"
    assert size_text(12) == "12 bytes"
    assert (duration_text(0.44), duration_text(59.99), duration_text(200), duration_text(7500)) == (
        "0.4 s", "60.0 s", "3 min 20 s", "2 h 05 min",
    )  # fmt: skip
