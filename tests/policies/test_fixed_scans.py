"""Twenty fixed scans: every control of every pack they are judged by has exactly the expected status."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from policies.assessment import ControlStatus
from scanner.check import Check
from scanner.registry import CHECK_PACKAGES, load_checks
from tests.policies.fixed import FOLDER, fixed_files, read_fixed, statuses_of, write_expected


@pytest.fixture(scope="module")
def real() -> dict[str, Check]:
    return load_checks([*CHECK_PACKAGES, "probes.checks"])


@pytest.mark.parametrize("path", fixed_files(), ids=lambda path: path.stem)
def test_every_control_of_a_fixed_scan_has_the_expected_status(
    path: Path, real: Mapping[str, Check], tmp_path: Path, *, update_golden: bool
) -> None:
    fixed = read_fixed(path)
    found = fixed.assessed(real, tmp_path)
    if update_golden:
        write_expected(path, found)
        return
    assert statuses_of(found) == fixed.statuses
    assert found.verdict.value.value == fixed.verdict


def test_there_are_twenty_and_they_cover_every_status() -> None:
    fixed = [read_fixed(path) for path in fixed_files()]
    assert len(fixed) >= 20
    seen = {status.partition(",")[0] for each in fixed for status in each.statuses.values()}
    assert seen == {status.value for status in ControlStatus}


def test_gap_in_what_others_owe_is_among_them() -> None:
    card = read_fixed(FOLDER / "12-card-with-gaps.yaml").statuses
    assert card["euaia-art53-1-b"] == "not_supported, reliance"


def test_two_days_apart_only_what_the_law_changed_differs() -> None:
    """Art. 5(1)(ba) and (bb), and the end of the grace period of Art. 50(2) for older systems."""
    before, after = (
        read_fixed(FOLDER / f"{name}.yaml").statuses
        for name in ("04-day-before-intimate-images", "05-day-of-intimate-images")
    )
    assert {name for name in before if before[name] != after[name]} == {
        "euaia-art5-intimate-images",
        "euaia-art50-2",
    }


def test_a_waiver_counts_on_its_last_day_and_no_longer() -> None:
    on_the_day, after = (
        read_fixed(FOLDER / f"{name}.yaml")
        for name in ("17-leaks-waived-to-the-day", "18-waiver-past-its-day")
    )
    waived = "hipaa-164.308-a-1-ii-b"
    assert on_the_day.statuses[waived] == "waived"
    assert after.statuses[waived] not in ("waived", "supported")


@pytest.mark.parametrize("name", ["14-static-only", "15-incapable-model", "20-nothing-answered"])
def test_what_was_not_shown_never_passes(name: str) -> None:
    assert read_fixed(FOLDER / f"{name}.yaml").verdict in ("incomplete", "review", "block")
