"""The closing summary: what is only proposed is called so where its controls are counted."""

from __future__ import annotations

import datetime

import pytest

from cli.summary import print_scan
from policies.assess import assess
from policies.packs import load_packs
from policies.policy_file import load_policy
from tests.policies.fake_checks import CHECKS, NOW, scan_of


def test_controls_of_a_proposal_are_counted_as_no_law(capsys: pytest.CaptureFixture[str]) -> None:
    packs = load_packs(["hipaa-security", "hipaa-nprm"], CHECKS)
    found = assess(scan_of(), packs, load_policy(), as_of=datetime.date(2026, 11, 26), assessed_at=NOW)
    print_scan(scan_of(), found)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"hipaa-nprm {packs[1].version} proposed, not law: " in shown
    assert f"hipaa-security {packs[0].version} proposed" not in shown
    assert shown.count("proposed, not law") == 1
