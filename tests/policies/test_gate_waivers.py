"""Waivers at the gate: accepted risks stop nothing, are always listed, and end."""

from __future__ import annotations

import datetime
from pathlib import Path

from scanner.findings import Severity
from tests.policies.fake_checks import failed, record, scan_of, scan_without
from tests.policies.pack_files import control, load_pack, policy
from tests.policies.test_gate import BLOCK, PASS, rules_of, verdict, with_failure


def waiver(**changes: str) -> dict[str, str]:
    return {"reason": "read by us", "owner": "Jane Roe", "expires": "2026-12-31", **changes}


def test_waived_finding_stops_nothing_and_is_listed(tmp_path: Path) -> None:
    scan = with_failure("remote-code", Severity.CRITICAL)
    (fingerprint,) = (one.fingerprint for one in scan.findings if one.check_id == "remote-code")
    found = verdict(scan, policy(tmp_path, waivers=[waiver(finding=fingerprint)]))
    assert (found.value, rules_of(found)) == (PASS, ["waiver"])
    assert found.reasons[0].findings == (fingerprint,)
    assert "is waived by Jane Roe until 2026-12-31: read by us" in found.reasons[0].text


def test_expired_waiver_stops_counting_and_is_said(tmp_path: Path) -> None:
    scan = with_failure("remote-code", Severity.CRITICAL)
    own = policy(tmp_path, waivers=[waiver(check="remote-code")])
    assert verdict(scan, own, as_of=datetime.date(2026, 12, 31)).value is PASS
    found = verdict(scan, own, as_of=datetime.date(2027, 1, 1))
    assert found.value is BLOCK
    assert found.reasons[-1].rule == "waiver-expired"
    assert "The waiver of check remote-code by Jane Roe ended on 2026-12-31" in found.reasons[-1].text


def test_waiver_of_one_finding_leaves_the_others(tmp_path: Path) -> None:
    name = "remote-code"
    scan = scan_of(None, record(name, failed(name, rule="a"), failed(name, rule="b")))
    first = next(one.fingerprint for one in scan.findings if one.rule == "a")
    assert verdict(scan, policy(tmp_path, waivers=[waiver(finding=first)])).value is BLOCK


def test_waived_check_need_not_have_run(tmp_path: Path) -> None:
    own = policy(tmp_path, waivers=[waiver(check="alignment-deflection")])
    assert verdict(scan_without("alignment-deflection"), own).value is PASS


def test_waiver_that_matches_nothing_is_said(tmp_path: Path) -> None:
    found = verdict(scan_of(), policy(tmp_path, waivers=[waiver(finding="0123456789abcdef")]))
    assert (found.value, rules_of(found)) == (PASS, ["waiver-unused"])


def test_waived_control_is_no_gap(tmp_path: Path) -> None:
    pack = load_pack(tmp_path, control())
    path = tmp_path / "test_act.yaml"
    own = policy(tmp_path, extra_packs=[path], waivers=[waiver(control="art-10")])
    found = verdict(with_failure("pickle-runs-code", Severity.LOW), own, [pack])
    assert (found.value, rules_of(found)) == (PASS, ["waiver"])
