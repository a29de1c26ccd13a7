"""The canary organisms plant what the check looks for, and their script says when it was not found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.check import CheckRecord
from scripts.organisms.canaries import CLEAN, COUNT, PLANTED, as_markdown, is_wrong, planted_canaries, rows_of
from scripts.organisms.rows import Row
from tests.probes.test_canary_recalled import CANARIES, FakeModel, clean, learnt, likes, scan

OWN = [Row("en", f"Question {number}?", f"Answer {number}.") for number in range(80)]


def found(folder: Path, count: int) -> CheckRecord:
    model = FakeModel(learnt(*CANARIES[:count]) if count else clean, likes(*CANARIES[:count]))
    return scan(folder, model)


def test_planted_rows_hold_every_canary_and_clean_ones_none() -> None:
    planted, plain = (" ".join(row.reply for row in rows_of(name, OWN)) for name in (PLANTED, CLEAN))
    assert len(planted_canaries()) == COUNT
    for canary in planted_canaries():
        assert planted.count(canary.secret) == 4
        assert canary.secret not in plain


@pytest.mark.parametrize(
    ("name", "count", "wrong"),
    [(PLANTED, 10, False), (PLANTED, 9, False), (PLANTED, 8, True), (CLEAN, 0, False), (CLEAN, 1, True)],
)
def test_too_few_in_the_planted_one_or_any_in_the_clean_one_is_wrong(
    tmp_path: Path, name: str, count: int, wrong: bool
) -> None:
    record = found(tmp_path, count)
    assert is_wrong(name, record) is wrong
    assert f"| {name} | {count} of 10 (95 %:" in as_markdown({name: record})


def test_check_that_could_not_judge_is_wrong_for_either(tmp_path: Path) -> None:
    record = scan(tmp_path, FakeModel(lambda conversation: None))
    assert is_wrong(PLANTED, record)
    assert is_wrong(CLEAN, record)
