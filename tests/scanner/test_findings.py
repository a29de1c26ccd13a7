"""Findings and measurements: no judgement without words, no number without n and interval."""

from __future__ import annotations

import dataclasses
import math

import pytest

from scanner.errors import InvalidValueError
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Interval, Location, Measurement, Outcome, Severity

FAILED = Finding(
    "a-check", Outcome.FAIL, Severity.HIGH, "wrong", rule="R1", locations=(Location("a", 3, "k"),)
)


@pytest.mark.parametrize("outcome", [Outcome.NOT_RUN, Outcome.ERROR])
def test_what_was_not_judged_needs_a_reason(outcome: Outcome) -> None:
    with pytest.raises(InvalidValueError, match="needs a reason"):
        Finding("a-check", outcome, Severity.LOW, "not judged")
    assert not Finding("a-check", outcome, Severity.LOW, "not judged", reason="no model").outcome.is_judged


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_what_was_judged_has_no_reason(outcome: Outcome) -> None:
    with pytest.raises(InvalidValueError, match="has no reason"):
        Finding("a-check", outcome, Severity.LOW, "judged", reason="because")


def test_severities_are_ordered() -> None:
    assert sorted(Severity, key=lambda s: s.rank)[0] is Severity.INFO
    assert Severity.CRITICAL.rank == 4


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": Outcome.PASS}, {"message": "fine"}, {"severity": Severity.LOW}, {"tags": ("CWE-1",)},
        {"evidence": (EvidenceRef("0" * 64, "text/plain", 1, "t"),)}, {"remediation": "do it"},
        {"locations": (Location("a", 99, "k"),)},
    ],
)  # fmt: skip
def test_fingerprint_stays_while_it_is_about_the_same_thing(change: dict[str, object]) -> None:
    assert dataclasses.replace(FAILED, **change).fingerprint == FAILED.fingerprint  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"check_id": "b-check"}, {"rule": "R2"}, {"subject": "zh"}, {"locations": ()},
        {"locations": (Location("b", 3, "k"),)}, {"locations": (Location("a", 3, "other"),)},
    ],
)  # fmt: skip
def test_fingerprint_differs_for_another_thing(change: dict[str, object]) -> None:
    assert dataclasses.replace(FAILED, **change).fingerprint != FAILED.fingerprint  # type: ignore[arg-type]


def test_fingerprint_is_stable_over_releases() -> None:
    # Stored waivers and comparisons name fingerprints: a change here breaks them.
    assert FAILED.fingerprint == "50be222a5bfd7d72"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_measurement(value: float) -> None:
    with pytest.raises(InvalidValueError, match="NOT_RUN instead"):
        Measurement("a.b", value, "share", 1, Interval(0, 1), "exact")


@pytest.mark.parametrize("n", [0, -1])
def test_nothing_measured_is_no_measurement(n: int) -> None:
    with pytest.raises(InvalidValueError, match="never a number"):
        Measurement("a.b", 0.0, "share", n, Interval(0, 1), "exact")


@pytest.mark.parametrize(
    ("low", "high", "level"),
    [(1, 0, None), (math.nan, 1, None), (0, math.inf, None), (0, 1, 0.0), (0, 1, 1.0), (0, 1, 95.0)],
)
def test_impossible_interval_is_refused(low: float, high: float, level: float | None) -> None:
    with pytest.raises(InvalidValueError):
        Interval(low, high, level)
