"""Where decisions stand: each counts, has ended, was replaced or is yet to come, and says which."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from policies.decision_states import states_of
from policies.decisions import DecisionKind
from tests.db.values import scan
from tests.policies.decision_values import AT, accepted, answered, chain, prepared, reviewed, seen

SCAN = scan()
TODAY = datetime.date(2026, 11, 23)
LATER = AT + datetime.timedelta(days=30)


def states(*decisions: object, as_of: datetime.date = TODAY) -> list[tuple[str, bool]]:
    return [(one.state, one.counts) for one in states_of(chain(*decisions), as_of)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "state", "counts"),
    [
        ("2026-11-21", "made on 2026-11-22, after the day of judgement", False),
        ("2026-11-22", "counts until 2026-12-31", True),
        ("2026-12-31", "counts until 2026-12-31", True),
        ("2027-01-01", "ended on 2026-12-31", False),
    ],
)
def test_waiver_counts_from_its_day_to_its_last(day: str, state: str, counts: bool) -> None:
    found = states(accepted(SCAN, check="x"), as_of=datetime.date.fromisoformat(day))
    assert found == [(state, counts)]


def test_only_a_later_one_about_the_same_replaces() -> None:
    other = seen(SCAN, model="hf://org/other")
    found = states(
        accepted(SCAN, check="x"), accepted(SCAN, check="y"), accepted(SCAN, check="x", seen=other),
        answered(SCAN, "c"), answered(SCAN, "c", everywhere=True), accepted(SCAN, check="x"), prepared(SCAN),
        prepared(SCAN),
    )  # fmt: skip
    assert [state for state, _ in found] == [
        "replaced by decision 6", *["counts until 2026-12-31"] * 5, "counts", "counts",
    ]  # fmt: skip


def test_replacement_that_is_yet_to_come_replaces_nothing_yet() -> None:
    both = (accepted(SCAN, check="x"), accepted(SCAN, check="x", at=LATER))
    assert [counts for _, counts in states(*both)] == [True, False]
    assert [counts for _, counts in states(*both, as_of=LATER.date())] == [False, True]


def test_review_of_other_bytes_or_other_code_replaces_nothing() -> None:
    rejected = DecisionKind.REJECTION
    found = states(
        reviewed(SCAN), reviewed(SCAN, rejected, seen=seen(SCAN, snapshot="0" * 64)),
        reviewed(SCAN, rejected, seen=seen(SCAN, code="0" * 64)),
    )  # fmt: skip
    assert [counts for _, counts in found] == [True, True, True]
    assert states(reviewed(SCAN), reviewed(SCAN, rejected))[0] == ("replaced by decision 2", False)


def test_every_kind_says_what_was_decided() -> None:
    judged = seen(SCAN, verdict="review")
    decisions = (
        prepared(SCAN), answered(SCAN, "c", "no", everywhere=True), accepted(SCAN, finding="f" * 16),
        reviewed(SCAN, seen=judged), reviewed(SCAN, DecisionKind.REJECTION),
        dataclasses.replace(reviewed(SCAN, DecisionKind.REJECTION), seen=judged),
    )  # fmt: skip
    assert [(one.about, one.said) for one in states_of(chain(*decisions), TODAY)] == [
        (f"scan {SCAN.id}", "prepared the scan"),
        ("control c, every model", "answered 'no'"),
        (f"finding {'f' * 16}", "the risk is carried by June Reed; meanwhile: kept behind a proxy"),
        (f"scan {SCAN.id}", "approved with the verdict REVIEW"),
        (f"scan {SCAN.id}", "rejected before it was judged"),
        (f"scan {SCAN.id}", "rejected with the verdict REVIEW"),
    ]
