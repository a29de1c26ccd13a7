"""Properties of assessing: whatever is taken away from a scan, nothing looks better for it."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.assess import assess
from policies.assessment import Assessment, ControlResult, ControlStatus
from policies.packs import available_packs, load_packs
from policies.policy_file import PolicyFile
from scanner.check import CheckRecord
from scanner.findings import Finding, Outcome, Severity
from scanner.scan import Scan
from tests.policies.fake_checks import (
    AS_OF,
    CHECKS,
    NOW,
    errored,
    failed,
    good_records,
    measured,
    not_run,
    passed,
    record,
    scan_of,
)  # fmt: skip
from tests.policies.pack_files import answers, policy, statement

S = ControlStatus
PACKS = load_packs(available_packs(), CHECKS)


def assessed(scan: Scan, policy: PolicyFile, as_of: datetime.date = AS_OF) -> Assessment:
    return assess(scan, PACKS, policy, as_of=as_of, assessed_at=NOW)


def by_id(assessment: Assessment) -> dict[str, ControlResult]:
    return {one.control_id: one for one in assessment.controls}


OUTCOMES = st.sampled_from(["pass", "fail", "not_run", "error", "nothing"])


def _finding(check_id: str, kind: str, number: int, severity: Severity) -> Finding:
    rule = f"r{number}"
    match kind:
        case "pass":
            return passed(check_id, rule=rule)
        case "fail":
            return failed(check_id, severity, rule=rule)
        case "nothing":
            return not_run(check_id, "none there", rule="nothing-to-examine")
        case "error":
            return dataclasses.replace(errored(check_id), rule=rule)
        case _:
            return not_run(check_id, "not asked", rule=rule)


@st.composite
def records(
    draw: st.DrawFn, outcomes: st.SearchStrategy[str] = OUTCOMES, most: int | None = None
) -> dict[str, CheckRecord]:
    """Any scan: some checks absent, each with a few findings, measurements where one was judged."""
    found: dict[str, CheckRecord] = {}
    for check_id in draw(st.sets(st.sampled_from(sorted(CHECKS)), min_size=1, max_size=most)):
        kinds = draw(st.lists(outcomes, min_size=1, max_size=3))
        findings = [
            _finding(check_id, kind, number, draw(st.sampled_from(list(Severity))))
            for number, kind in enumerate(kinds)
        ]
        if check_id == "model-incoherent":
            findings = [dataclasses.replace(one, subject="en") for one in findings]
        is_judged = any(one.outcome.is_judged for one in findings)
        values = [
            measured(check_id, spec.name, draw(st.sampled_from([0.0, 5.0, 9.0, 3e24, 5e25])), n=9)
            for spec in CHECKS[check_id].measures
            if is_judged and draw(st.booleans())
        ]
        found[check_id] = record(check_id, *findings, *values)
    return found


@st.composite
def nearly_good(draw: st.DrawFn) -> tuple[dict[str, CheckRecord], str]:
    """A scan where all went well but for a few checks, and the id of one of these."""
    odd = draw(records(most=3))
    return good_records() | odd, draw(st.sampled_from(sorted(odd)))


FULL_ANSWERS = {
    "all": answers(),
    "open": answers(licence_is_free_and_open=True, self_hosted=True),
    "few": {"role": "deployer"},
}
STATED = {
    name: statement(name) for pack in PACKS for name in (one.id for one in pack.controls if one.attestation)
}


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> list[PolicyFile]:
    return [
        policy(tmp_path_factory.mktemp(name), organisation=given, attestations=said)
        for name, given in FULL_ANSWERS.items()
        for said in ([], list(STATED.values()))
    ]


_BINDING = (S.SUPPORTED, S.NOT_APPLICABLE)


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_failure_that_is_no_longer_judged_makes_nothing_supported(
    policies: list[PolicyFile], check_id: str
) -> None:
    """One FAIL beside a PASS, in a scan where all else went well, then the FAIL is lost."""
    lost = dataclasses.replace(failed(check_id, rule="x"), outcome=Outcome.NOT_RUN, reason="taken away")
    for own in policies:
        before = by_id(assessed(scan_of(None, _beside(check_id, failed(check_id, rule="x"))), own))
        after = by_id(assessed(scan_of(None, _beside(check_id, lost)), own))
        for name, one in after.items():
            if one.status is S.SUPPORTED:
                assert before[name].status is S.SUPPORTED, (name, before[name].reason, one.reason)


def _beside(check_id: str, finding: Finding) -> CheckRecord:
    good = good_records()[check_id]
    return dataclasses.replace(good, findings=(*good.findings, finding))


@settings(max_examples=60, deadline=None)
@given(case=nearly_good(), data=st.data())
def test_taking_evidence_away_never_makes_anything_supported(
    policies: list[PolicyFile], case: tuple[dict[str, CheckRecord], str], data: st.DataObject
) -> None:
    """A record removed, or a finding no longer judged, turns no control into supported that was not."""
    own, (found, victim) = data.draw(st.sampled_from(policies)), case
    poorer = dict(found)
    if data.draw(st.booleans()):
        del poorer[victim]
    else:
        poorer[victim] = _poorer(found[victim], data.draw(st.integers(0, len(found[victim].findings) - 1)))
    before, after = by_id(assessed(scan_of(found), own)), by_id(assessed(scan_of(poorer), own))
    for name, one in after.items():
        if one.status is S.SUPPORTED:
            assert before[name].status in _BINDING, (name, before[name].reason, one.reason)
        if one.status is S.NOT_APPLICABLE:
            assert before[name].status is S.NOT_APPLICABLE, (name, before[name].reason, one.reason)


def _poorer(whole: CheckRecord, index: int) -> CheckRecord:
    findings = list(whole.findings)
    lost = findings[index]
    findings[index] = dataclasses.replace(
        lost, outcome=Outcome.NOT_RUN, reason="taken away", rule=f"lost-{index}"
    )
    return dataclasses.replace(whole, findings=tuple(findings))


@settings(max_examples=25, deadline=None)
@given(found=records(st.sampled_from(["not_run", "error", "nothing"])), data=st.data())
def test_nothing_judged_supports_nothing(
    policies: list[PolicyFile], found: dict[str, CheckRecord], data: st.DataObject
) -> None:
    result = assessed(scan_of(found), data.draw(st.sampled_from(policies)))
    assert S.SUPPORTED not in {one.status for one in result.controls}
    assert result.verdict.value.value == "incomplete"


@settings(max_examples=25, deadline=None)
@given(found=records(), data=st.data())
def test_every_status_has_a_reason_and_every_support_has_grounds(
    policies: list[PolicyFile], found: dict[str, CheckRecord], data: st.DataObject
) -> None:
    scan = scan_of(found)
    judged = {finding.fingerprint for finding in scan.findings if finding.outcome.is_judged}
    for one in assessed(scan, data.draw(st.sampled_from(policies))).controls:
        assert len(one.reason) > 10
        assert "complian" not in one.reason.lower()
        if one.status is S.SUPPORTED:
            assert set(one.findings) & judged or one.measurements
