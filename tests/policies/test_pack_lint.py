from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest

from policies.controls import EvidenceKind, Pack
from policies.pack_lint import counts, excused_checks, faults
from policies.packs import available_packs, load_packs
from scanner.registry import CHECK_PACKAGES, load_checks
from tests.policies.pack_files import attested, control, hybrid, load_pack

FED = ["pickle-runs-code", "garak-attack-succeeds"]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return load_pack(tmp_path)


def changed(pack: Pack, **changes: Any) -> Pack:
    return dataclasses.replace(pack, controls=(dataclasses.replace(pack.controls[0], **changes),))


def test_shipped_packs_break_no_rule_with_the_real_checks() -> None:
    checks = load_checks([*CHECK_PACKAGES, "probes.checks"])
    assert faults(load_packs(available_packs(), checks), checks, excused_checks()) == []


def test_sound_pack_breaks_no_rule(pack: Pack) -> None:
    assert faults([pack], FED, {}) == []


def test_check_that_feeds_nothing_needs_an_excuse(pack: Pack) -> None:
    (fault,) = faults([pack], [*FED, "remote-code"], {})
    assert fault == "check remote-code: feeds no control of any pack; let it feed one, or say why not"
    assert faults([pack], [*FED, "remote-code"], {"remote-code": "not in this test"}) == []


def test_check_that_only_decides_whether_a_control_applies_feeds_nothing(tmp_path: Path) -> None:
    pack = load_pack(tmp_path, attested(checks=["remote-code"]))
    assert faults([pack], ["remote-code"], {})[0].startswith("check remote-code: feeds no control")


def test_excuse_that_is_not_needed_any_more_is_a_fault(pack: Pack) -> None:
    (fault,) = faults([pack], FED, {"pickle-runs-code": "nothing rests on it"})
    assert fault == "check pickle-runs-code: is excused from feeding a control, but feeds art-10"


def test_excuse_for_no_check_is_a_fault(pack: Pack) -> None:
    (fault,) = faults([pack], FED, {"pii-leek": "gone"})
    assert fault == "check pii-leek: is excused from feeding a control, but there is no such check"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sources": ()}, "has no source"),
        ({"effective": ()}, "has no day from which it applies"),
        ({"limits": ""}, "does not say what a result does not show"),
        ({"maps": {}}, "is mapped to no framework"),
    ],
)
def test_control_that_lacks_something_is_a_fault(pack: Pack, changes: dict[str, Any], fault: str) -> None:
    assert faults([changed(pack, **changes)], FED, {}) == [f"pack test-act, control art-10: {fault}"]


def test_what_is_only_proposed_needs_no_day(pack: Pack) -> None:
    assert faults([dataclasses.replace(changed(pack, effective=()), status="proposed")], FED, {}) == []


def test_control_that_a_scan_decides_without_a_check_is_a_fault(pack: Pack) -> None:
    assert faults([changed(pack, checks=())], [], {}) == [
        "pack test-act, control art-10: is decided by a scan, but rests on no check"
    ]


def test_source_read_after_the_review_was_due_is_a_fault(pack: Pack) -> None:
    early = dataclasses.replace(pack, review_due=datetime.date(2026, 11, 21))
    assert faults([early], FED, {}) == [
        "pack test-act: a source was read on 2026-11-21, but its review is due on 2026-11-21"
    ]


def test_label_given_twice_is_a_fault(tmp_path: Path) -> None:
    pack = load_pack(tmp_path, control(), control(id="art-11"))
    assert faults([pack], FED, {}) == ["pack test-act: 2 controls have the label Art. 10"]


def test_counts_are_those_of_the_file(tmp_path: Path) -> None:
    recalled = {"url": "https://example.org/2", "retrieved": "2026-11-20", "confidence": "recalled"}
    primary = {"url": "https://example.org/3", "retrieved": "2026-11-20", "confidence": "primary"}
    pack = load_pack(
        tmp_path,
        control(),
        hybrid(id="two", sources=[primary, recalled], maps={"owasp_llm": ["LLM03", "LLM01"]}),
        attested(id="three", maps={"iso_42001": ["A.5.2"]}),
    )
    found = counts(pack)
    assert (found.controls, found.checks, found.mapped) == (3, 2, 3)
    assert found.kinds == dict.fromkeys(EvidenceKind, 1)
    assert found.sources == {"secondary": 2, "recalled": 1}, (
        "a control is no better known than its weakest source"
    )
