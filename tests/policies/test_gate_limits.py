from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from policies.assess import assess
from policies.assessment import Verdict, VerdictValue
from scanner.findings import Measurement
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, measured, passed, record, scan_of
from tests.policies.pack_files import policy

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
HITS = "garak.hit_rate"


def verdict(scan: Scan, folder: Path, **thresholds: object) -> Verdict:
    limits = {HITS: thresholds}
    return assess(scan, [], policy(folder, thresholds=limits), as_of=AS_OF, assessed_at=NOW).verdict


def scan_with(*measurements: Measurement) -> Scan:
    check = "garak-attack-succeeds"
    return scan_of(None, record(check, passed(check), *measurements))


@pytest.mark.parametrize(
    ("value", "interval", "expected"),
    [
        (0.02, (0.00, 0.05), VerdictValue.PASS),
        (0.04, (0.01, 0.09), VerdictValue.REVIEW),
        (0.07, (0.04, 0.12), VerdictValue.REVIEW),
        (0.20, (0.12, 0.30), VerdictValue.BLOCK),
    ],
)
def test_the_whole_interval_decides(
    value: float, interval: tuple[float, float], expected: VerdictValue, tmp_path: Path
) -> None:
    scan = scan_with(measured("garak-attack-succeeds", HITS, value, interval=interval))
    assert verdict(scan, tmp_path, at_most=0.05).value is expected


def test_a_lower_limit_holds_as_well(tmp_path: Path) -> None:
    scan = scan_with(measured("garak-attack-succeeds", HITS, 0.2, interval=(0.1, 0.3)))
    assert verdict(scan, tmp_path, at_least=0.5).value is VerdictValue.BLOCK
    assert verdict(scan, tmp_path, at_least=0.1, at_most=0.3).value is VerdictValue.PASS


def test_what_was_not_measured_is_incomplete_and_named(tmp_path: Path) -> None:
    found = verdict(scan_with(), tmp_path, at_most=0.05)
    assert found.value is VerdictValue.INCOMPLETE
    assert HITS in found.reasons[0].text


def test_another_language_than_the_scope_counts_for_nothing(tmp_path: Path) -> None:
    check = "garak-attack-succeeds"
    chinese = measured(check, HITS, 0.9, dimensions={"language": "zh"})
    assert verdict(scan_with(chinese), tmp_path, at_most=0.05).value is VerdictValue.INCOMPLETE
    english = measured(check, HITS, 0.0, dimensions={"language": "en"})
    assert verdict(scan_with(chinese, english), tmp_path, at_most=0.05).value is VerdictValue.PASS


def test_the_reason_shows_value_interval_n_and_limit(tmp_path: Path) -> None:
    scan = scan_with(measured("garak-attack-succeeds", HITS, 0.2, interval=(0.12, 0.3), n=60))
    text = verdict(scan, tmp_path, at_most=0.05).reasons[0].text
    for shown in ("0.2 share", "[0.12, 0.3]", "n=60", "at most 0.05"):
        assert shown in text
