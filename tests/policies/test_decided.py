"""Which decisions touch a scan: those for its model's name, reviews for its bytes, none for ever."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from policies.decided import about, code_digest, in_effect, model_name, review_of, with_decisions
from policies.decisions import DecisionKind
from scanner.check import CheckRecord
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Outcome, Severity
from scanner.references import ModelRef
from scanner.scan import Scan
from tests.db.values import scan
from tests.policies.decision_values import (
    AT,
    accepted,
    answered,
    chain,
    numbers,
    prepared,
    reviewed,
    seen,
)
from tests.policies.pack_files import policy, statement

SCAN = scan()
TODAY = datetime.date(2026, 11, 23)
LATER = AT + datetime.timedelta(days=30)


def other_revision() -> Scan:
    """The same model's next commit: other bytes."""
    ref = ModelRef.parse("hf://org/name@v2")
    snapshot = dataclasses.replace(SCAN.snapshot, ref=ref, files=SCAN.snapshot.files[:1])
    return dataclasses.replace(SCAN, id="next", snapshot=snapshot)


def other_model() -> Scan:
    """The same bytes under another name."""
    snapshot = dataclasses.replace(SCAN.snapshot, ref=ModelRef.parse("hf://other/name@main"))
    return dataclasses.replace(SCAN, id="other", snapshot=snapshot)


def with_code(*digests: str) -> Scan:
    """The scan with listings of code in its evidence."""
    refs = tuple(EvidenceRef(digest, "text/plain", 1, "code") for digest in digests)
    finding = Finding("remote-code", Outcome.FAIL, Severity.HIGH, "runs code", evidence=refs)
    record = CheckRecord("remote-code", (finding,), (), SCAN.started_at, 1.0)
    return dataclasses.replace(SCAN, records=(*SCAN.records, record))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("hf://org/name@main", "hf://org/name"), ("HF://org/name", "hf://org/name"), ("demo", "demo"),
        ("./x", "/models/x"), ("weights/a.GGUF", "/models/x/a.GGUF"),
        ("file:///models/x", "/models/x"), ("oci://host:1/a/b:v1", "oci://host:1/a/b"),
        ("ollama://tiny:1b", "ollama://tiny"),
    ],
)  # fmt: skip
def test_model_is_its_name_without_revision(written: str, name: str) -> None:
    snapshot = dataclasses.replace(SCAN.snapshot, ref=ModelRef.parse(written))
    assert model_name(dataclasses.replace(SCAN, snapshot=snapshot)) == name


def test_layout_is_named_by_its_place_however_it_is_written() -> None:
    facts = (("layout", "/models/kit"),)
    for written in ("oci-layout:kit@v1", "kit", "oci-layout://kit"):
        snapshot = dataclasses.replace(SCAN.snapshot, ref=ModelRef.parse(written), source=facts)
        assert model_name(dataclasses.replace(SCAN, snapshot=snapshot)) == "oci-layout:/models/kit"


def test_code_digest_is_the_one_that_the_check_names() -> None:
    assert code_digest(SCAN) == ""
    assert code_digest(with_code("a" * 64)) == "a" * 64
    both = code_digest(with_code("a" * 64, "b" * 64))
    assert both == code_digest(with_code("b" * 64, "a" * 64))
    assert both not in ("a" * 64, "b" * 64)


def test_waiver_and_answer_hold_for_another_revision_but_for_no_other_model() -> None:
    records = chain(accepted(SCAN, check="remote-code"), answered(SCAN, "euaia-art4"))
    assert numbers(in_effect(records, other_revision(), TODAY)) == [1, 2]
    assert in_effect(records, other_model(), TODAY) == []


def test_answer_for_every_model_holds_for_every_model_and_the_special_one_goes_before_it() -> None:
    records = chain(answered(SCAN, "euaia-art4", "no"), answered(SCAN, "euaia-art4", "yes", everywhere=True))
    assert numbers(in_effect(records, other_model(), TODAY)) == [2]
    assert numbers(in_effect(records, SCAN, TODAY)) == [1]


def test_later_record_speaks_instead_of_an_earlier_one() -> None:
    records = chain(
        accepted(SCAN, check="remote-code", expires=datetime.date(2027, 6, 1)),
        accepted(SCAN, check="remote-code", expires=datetime.date(2026, 11, 22)),
    )
    assert numbers(in_effect(records, SCAN, TODAY)) == [2]
    assert not records[1].decision.counts_on(TODAY)


def test_what_was_decided_later_does_not_enter_an_earlier_day() -> None:
    records = chain(
        answered(SCAN, "euaia-art4", "no"),
        answered(SCAN, "euaia-art4", at=LATER),
        accepted(SCAN, check="x", at=LATER),
    )
    assert numbers(in_effect(records, SCAN, TODAY)) == [1]
    assert numbers(in_effect(records, SCAN, LATER.date())) == [2, 3]


def test_approval_is_for_these_bytes_and_this_code_alone() -> None:
    records = chain(reviewed(SCAN))
    assert review_of(records, SCAN, TODAY) == records[0]
    assert review_of(records, dataclasses.replace(SCAN, id="again"), TODAY) == records[0]
    assert review_of(records, other_revision(), TODAY) is None
    assert review_of(records, with_code("a" * 64), TODAY) is None
    assert review_of(chain(reviewed(SCAN, seen=seen(with_code("a" * 64)))), SCAN, TODAY) is None


def test_newest_review_that_counts_speaks() -> None:
    records = chain(
        reviewed(SCAN),
        reviewed(SCAN, DecisionKind.REJECTION, at=AT + datetime.timedelta(hours=1)),
        reviewed(SCAN, at=LATER),
    )
    found = review_of(records, SCAN, TODAY)
    assert found is not None
    assert found.decision.kind is DecisionKind.REJECTION
    assert review_of(records, SCAN, LATER.date()) == records[2]
    assert review_of(records, SCAN, datetime.date(2026, 11, 1)) is None


def test_expired_approval_stops_counting() -> None:
    records = chain(reviewed(SCAN, expires=datetime.date(2026, 12, 31)))
    assert review_of(records, SCAN, datetime.date(2026, 12, 31)) == records[0]
    assert review_of(records, SCAN, datetime.date(2027, 1, 1)) is None


def test_all_about_a_scan_are_listed_the_replaced_ones_too() -> None:
    again = dataclasses.replace(SCAN, id="again")
    records = chain(
        prepared(SCAN), prepared(again), accepted(SCAN, check="x"), accepted(SCAN, check="x"),
        accepted(other_model(), check="x"), reviewed(SCAN), reviewed(other_revision()),
    )  # fmt: skip
    assert numbers(about(records, SCAN)) == [1, 3, 4, 6]


def test_policy_and_store_are_merged_and_each_says_where_it_comes_from(tmp_path: Path) -> None:
    own = policy(
        tmp_path,
        attestations=[statement("euaia-art4", date="2026-10-01")],
        waivers=[{"check": "remote-code", "reason": "x", "owner": "y", "expires": "2026-12-31"}],
    )
    records = chain(
        answered(SCAN, "euaia-art4", "partly", reason="half"), answered(SCAN, "euaia-art9"),
        accepted(SCAN, finding="0123456789abcdef", owner="Owner"), reviewed(SCAN),
    )  # fmt: skip
    merged = with_decisions(own, records, SCAN, TODAY)
    assert {name: (one.answer, one.record) for name, one in merged.attestations.items()} == {
        "euaia-art4": ("partly", records[0].digest), "euaia-art9": ("yes", records[1].digest),
    }  # fmt: skip
    assert [(one.target, one.record) for one in merged.waivers] == [
        ("check remote-code", ""), ("finding 0123456789abcdef", records[2].digest),
    ]  # fmt: skip
    waiver = merged.waivers[1]
    assert (waiver.owner, waiver.compensating_control) == ("Owner", "kept behind a proxy")
    assert (waiver.recorded_by, waiver.recorded_on) == ("June Reed, CISO", AT.date())
    assert (merged.gate, merged.answers, merged.digest) == (own.gate, own.answers, own.digest)


@pytest.mark.parametrize(
    ("day_of_file", "answer"),
    [("2026-11-21", "no"), ("2026-11-22", "no"), ("2026-11-23", "yes"), ("2026-11-24", "no")],
)
def test_newer_of_file_and_store_counts_unless_it_is_dated_ahead(
    tmp_path: Path, day_of_file: str, answer: str
) -> None:
    own = policy(tmp_path, attestations=[statement("euaia-art4", "yes", date=day_of_file)])
    merged = with_decisions(own, chain(answered(SCAN, "euaia-art4", "no")), SCAN, TODAY)
    assert merged.attestations["euaia-art4"].answer == answer


def test_expired_record_is_handed_on_so_that_it_can_be_said(tmp_path: Path) -> None:
    late = datetime.date(2027, 1, 1)
    merged = with_decisions(policy(tmp_path), chain(accepted(SCAN, check="x")), SCAN, late)
    assert [one.counts_on(late) for one in merged.waivers] == [False]
