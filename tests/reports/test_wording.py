from __future__ import annotations

import datetime
import re
from importlib import resources
from pathlib import Path

import pytest

from policies.assessment import ControlStatus, VerdictValue
from policies.frameworks import load_frameworks
from reports.contents import EvidenceState
from reports.wording import (
    day,
    evidence_tag,
    framework_name,
    legends,
    meaning,
    moment,
    outcome_tag,
    reason_tag,
    status_tag,
    verdict_tag,
)
from scanner.findings import Outcome

_ALL = [
    [outcome_tag(each) for each in Outcome],
    [status_tag(each) for each in ControlStatus],
    [verdict_tag(each) for each in VerdictValue],
    [evidence_tag(each) for each in EvidenceState],
]


@pytest.mark.parametrize("tags", _ALL)
def test_states_differ_in_word_and_in_shape(tags: list[object]) -> None:
    """So that they are told apart without colour, and without reading."""
    assert len({tag.label for tag in tags}) == len(tags)  # type: ignore[attr-defined]
    assert len({tag.shape for tag in tags}) == len(tags)  # type: ignore[attr-defined]


def test_every_outcome_and_status_is_explained() -> None:
    values = {each.value for each in (*Outcome, *ControlStatus)}
    assert {legend.tag.key for legend in legends()} == values | {"gap_of_others"}
    assert all(meaning(value).endswith(".") for value in VerdictValue)


def test_reason_that_stops_nothing_is_no_pass() -> None:
    assert reason_tag(VerdictValue.PASS).label == "Note"
    assert reason_tag(VerdictValue.BLOCK) == verdict_tag(VerdictValue.BLOCK)


def test_nothing_is_ever_called_compliant() -> None:
    folder = Path(str(resources.files("reports")))
    for path in [*folder.rglob("*.j2"), *folder.rglob("*.py")]:
        words = re.findall(r"(?i)\b(non-)?complian(?:t|ce)\b|\bcertified\b", path.read_text(encoding="utf-8"))
        allowed = 1 if path.name == "wording.py" else 0  # its first line says that nothing is
        assert len(words) <= allowed, path


def test_days_and_times_are_unambiguous() -> None:
    assert day(datetime.date(2026, 11, 2)) == "2 November 2026"
    east = datetime.datetime(2026, 11, 2, 1, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=9)))
    assert moment(east) == "1 November 2026, 16:05 UTC"


def test_every_framework_that_packs_are_mapped_to_has_its_name() -> None:
    assert framework_name("nist_ai_600_1") == "NIST AI 600-1"
    fallbacks = {name.replace("_", " ").upper() for name in load_frameworks()} - {
        "GDPR",
        "MITRE ATLAS",
        "NIST AI RMF",
    }
    assert not fallbacks & {framework_name(name) for name in load_frameworks()}
