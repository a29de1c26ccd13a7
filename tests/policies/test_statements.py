"""What people said is listed whole: by file or by record, and whether it counted."""

from __future__ import annotations

import datetime
from pathlib import Path

from policies.decided import with_decisions
from policies.statements import statements_of
from tests.db.values import scan
from tests.policies.decision_values import accepted, answered, chain, seen
from tests.policies.pack_files import policy, statement

SCAN = scan()
WAIVER = {"check": "remote-code", "reason": "x", "owner": "Owner", "expires": "2026-11-30"}


def test_each_statement_names_its_source_and_digest(tmp_path: Path) -> None:
    own = policy(tmp_path, attestations=[statement("euaia-art4")], waivers=[WAIVER])
    document = seen(SCAN, document="d" * 64)
    records = chain(
        answered(SCAN, "euaia-art9", "partly", seen=document), accepted(SCAN, check="y", owner="Owner")
    )
    day = datetime.date(2026, 11, 23)
    found = {one.about: one for one in statements_of(with_decisions(own, records, SCAN, day), day)}
    by_file, by_record = found["control euaia-art4"], found["control euaia-art9"]
    assert (by_file.source, by_file.digest) == ("policy file weighbridge.yaml", own.digest)
    assert (by_record.source, by_record.digest) == ("store", records[0].digest)
    assert (by_record.said, by_record.document, by_record.why) == ("partly", "d" * 64, "read by us")
    assert (found["check remote-code"].on, found["check remote-code"].who) == (None, "Owner")
    assert (found["check y"].on, found["check y"].who) == (datetime.date(2026, 11, 22), "June Reed, CISO")
    assert "kept behind a proxy" in found["check y"].said


def test_what_no_longer_counts_is_listed_as_such(tmp_path: Path) -> None:
    own = policy(tmp_path, attestations=[statement("euaia-art4", expires="2026-12-31")], waivers=[WAIVER])
    counts = [
        [one.counts for one in statements_of(own, datetime.date.fromisoformat(day))]
        for day in ("2026-11-30", "2026-12-01", "2027-01-01")
    ]
    assert counts == [[True, True], [True, False], [False, False]]
