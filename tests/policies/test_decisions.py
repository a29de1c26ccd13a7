"""Decisions: complete or refused, by two people where two are needed, in a chain anybody can recompute."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from typing import Any

import pytest

from policies.decisions import NO_RECORD, Accepted, Decision, DecisionKind, Person, record_document
from scanner.errors import InvalidValueError
from scanner.records import decode, encode
from tests.db.values import scan
from tests.policies.decision_values import AT, JUNE, accepted, answered, chain, prepared, reviewed, seen

SCAN = scan()


@pytest.mark.parametrize(
    "decision",
    [
        answered(SCAN, "euaia-art4"), accepted(SCAN, check="remote-code"), prepared(SCAN), reviewed(SCAN),
        reviewed(SCAN, DecisionKind.REJECTION),
    ],
)  # fmt: skip
def test_every_kind_survives_json(decision: Decision) -> None:
    assert decode(encode(decision), Decision) == decision


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reason": "  "}, "needs a reason"),
        ({"at": datetime.datetime(2026, 11, 22)}, "has no zone"),
        ({"expires": None}, "needs a last day"),
        ({"accepted": None}, "what was decided is missing"),
        ({"kind": DecisionKind.ATTESTATION}, "parts of another kind"),
        ({"kind": DecisionKind.PREPARATION}, "parts of another kind"),
    ],
)
def test_incomplete_decision_cannot_be_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        dataclasses.replace(accepted(SCAN, check="remote-code"), **changes)


@pytest.mark.parametrize("target", [{}, {"check": "remote-code", "control": "euaia-art4"}])
def test_waiver_is_about_exactly_one_thing(target: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match="exactly one finding, check or control"):
        Accepted("June Reed", "a proxy", **target)


@pytest.mark.parametrize("name", ["Pat Doe", "pat  doe ", "PAT DOE"])
def test_nobody_reviews_what_they_prepared(name: str) -> None:
    with pytest.raises(InvalidValueError, match="prepared this scan") as caught:
        reviewed(SCAN, person=Person(name, "CISO", "option"))
    assert "different people" in caught.value.hint


@pytest.mark.parametrize(("name", "role"), [("", "CISO"), ("June Reed", " ")])
def test_nobody_decides_without_name_and_role(name: str, role: str) -> None:
    with pytest.raises(InvalidValueError):
        Person(name, role, "option")


def test_decision_counts_from_its_day_to_its_last() -> None:
    waiver = accepted(SCAN, check="remote-code", expires=datetime.date(2026, 12, 31))
    days = ("2026-11-21", "2026-11-22", "2026-12-31", "2027-01-01")
    assert [waiver.counts_on(datetime.date.fromisoformat(day)) for day in days] == [False, True, True, False]
    assert reviewed(SCAN).counts_on(datetime.date(2090, 1, 1))


def test_day_is_the_one_in_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=9))
    early = dataclasses.replace(prepared(SCAN), at=datetime.datetime(2026, 11, 23, 4, 0, tzinfo=zone))
    assert early.day == datetime.date(2026, 11, 22)


def test_digests_can_be_recomputed_with_nothing_but_json_and_sha256() -> None:
    records = chain(prepared(SCAN), answered(SCAN, "euaia-art4", reason="größe 中文"), reviewed(SCAN))
    previous = NO_RECORD
    for record in records:
        document = json.loads(record_document(record.number, record.previous, record.decision))
        plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert hashlib.sha256(plain).hexdigest() == record.digest
        assert document["previous"] == previous
        previous = record.digest
    assert [record.number for record in records] == [1, 2, 3]


def test_digest_depends_on_every_word() -> None:
    one = accepted(SCAN, check="remote-code")
    changed = [
        dataclasses.replace(one, reason="read by them"),
        dataclasses.replace(one, person=dataclasses.replace(JUNE, name="June Read")),
        dataclasses.replace(one, at=AT + datetime.timedelta(microseconds=1)),
        dataclasses.replace(one, expires=datetime.date(2027, 1, 1)),
        dataclasses.replace(one, seen=seen(SCAN, document="d" * 64)),
    ]
    assert len({chain(each)[0].digest for each in (one, *changed)}) == 6
