"""Waivers of controls: they count to their last day, keep the finding, and are not needed for support."""

from __future__ import annotations

import datetime
from pathlib import Path

from tests.policies.fake_checks import AS_OF, failed, record, scan_of
from tests.policies.pack_files import answers, policy
from tests.policies.test_assess import S, assessed, by_id


def waiver(expires: str, **target: str) -> dict[str, str]:
    return {"reason": "replaced in spring", "owner": "Jane Roe", "expires": expires, **target}


def test_waiver_of_a_control_counts_to_its_last_day_and_keeps_the_finding(tmp_path: Path) -> None:
    name = "euaia-art15-cybersecurity"
    own = policy(tmp_path, organisation=answers(), waivers=[waiver("2026-11-22", control=name)])
    scan = scan_of(None, record("remote-code", failed("remote-code")))
    found = by_id(assessed(scan, own))[name]
    assert (found.status, found.waived_until) == (S.WAIVED, AS_OF)
    assert "Waived by Jane Roe until 2026-11-22: replaced in spring" in found.reason.replace(
        "waived", "Waived"
    )
    assert "without the waiver: not supported" in found.reason
    after = by_id(assessed(scan, own, AS_OF + datetime.timedelta(days=1)))[name]
    assert (after.status, after.waived_until) == (S.NOT_SUPPORTED, None)
    assert "the waiver by Jane Roe ended on 2026-11-22 and no longer counts" in after.reason


def test_waiver_is_not_needed_where_the_evidence_supports(tmp_path: Path) -> None:
    own = policy(tmp_path, organisation=answers(), waivers=[waiver("2027-01-01", control="euaia-art51")])
    found = by_id(assessed(scan_of(), own))["euaia-art51"]
    assert found.status is S.SUPPORTED
    assert "is not needed" in found.reason
