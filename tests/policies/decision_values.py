"""Decisions for tests: one of each kind about a scan, changed in one place."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from policies.decided import seen_of
from policies.decisions import (
    Accepted,
    Answered,
    Decision,
    DecisionKind,
    DecisionRecord,
    Person,
    Reviewed,
    Seen,
)
from scanner.records import encode
from scanner.scan import Scan

JUNE = Person("June Reed", "CISO", "option")
PAT = Person("Pat Doe", "engineer", "option")
AT = datetime.datetime(2026, 11, 22, 9, 30, tzinfo=datetime.UTC)
UNTIL = datetime.date(2026, 12, 31)


def seen(scan: Scan, **changes: Any) -> Seen:
    """What somebody has before them who decides about a scan that was not judged."""
    whole = seen_of(encode(scan), None)
    return Seen(**{**{name: getattr(whole, name) for name in whole.__dataclass_fields__}, **changes})


def answered(
    scan: Scan, control: str, answer: str = "yes", *, everywhere: bool = False, **changes: Any
) -> Decision:
    """An attestation by June."""
    part = Answered(control, answer, everywhere)
    return _decision(DecisionKind.ATTESTATION, scan, answered=part, expires=UNTIL, **changes)


def accepted(scan: Scan, *, owner: str = "June Reed", **target: Any) -> Decision:
    """A waiver recorded by June; besides finding, check or control, fields of the decision may be given."""
    about = {name: target.pop(name) for name in ("finding", "check", "control") if name in target}
    part = Accepted(owner, "kept behind a proxy", **about)
    return _decision(DecisionKind.WAIVER, scan, accepted=part, **{"expires": UNTIL, **target})


def reviewed(scan: Scan, kind: DecisionKind = DecisionKind.APPROVAL, **changes: Any) -> Decision:
    """June's review of what Pat prepared."""
    return _decision(kind, scan, reviewed=Reviewed("Pat Doe", "the reviewer"), **changes)


def prepared(scan: Scan, **changes: Any) -> Decision:
    """Pat, who ran the scan."""
    return _decision(DecisionKind.PREPARATION, scan, **{"person": PAT, "reason": "ran the scan", **changes})


def chain(*decisions: Decision) -> list[DecisionRecord]:
    """These decisions, one after the other."""
    records: list[DecisionRecord] = []
    for decision in decisions:
        records.append(DecisionRecord.after(records[-1] if records else None, decision))
    return records


def numbers(records: Sequence[DecisionRecord]) -> list[int]:
    """Their places in the chain."""
    return [record.number for record in records]


def _decision(kind: DecisionKind, scan: Scan, **parts: Any) -> Decision:
    return Decision(
        **{"kind": kind, "person": JUNE, "at": AT, "reason": "read by us", "seen": seen(scan), **parts}
    )
