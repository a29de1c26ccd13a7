"""The chain of decisions: added under a lock, and read with every digest and every link checked.

The chain shows that a row was changed, moved or taken out from between others. Whoever may write to the
database can still take rows off its end or make the whole chain anew: hold it against a digest that was
kept elsewhere, such as the one in a report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from db.errors import BrokenChainError
from db.tables import AssessmentTable, DecisionTable, ScanTable
from policies.decisions import NO_RECORD, Decision, DecisionRecord, record_document
from scanner.errors import InvalidValueError
from scanner.records import decode

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class ChainCheck:
    """What reading the whole chain gave.

    Attributes:
        count: How many decisions there are.
        head: Digest of the last one, 64 zeros without any.
        problems: What is wrong with it, one sentence each; empty when nothing was noticed.
    """

    count: int
    head: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Document:
    """What the document of a record says."""

    number: int
    previous: str
    decision: Decision


def append(session: Session, decision: Decision) -> DecisionRecord:
    """Adds a decision at the end of the chain; the caller's transaction holds the write lock.

    Raises:
        BrokenChainError: when the chain is damaged.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE decisions IN EXCLUSIVE MODE"))
    records = sound_chain(session)
    record = DecisionRecord.after(records[-1] if records else None, decision)
    session.add(
        DecisionTable(
            number=record.number,
            document=record_document(record.number, record.previous, decision),
            previous=record.previous,
            digest=record.digest,
            **_columns(decision),
        )
    )
    return record


def sound_chain(session: Session) -> list[DecisionRecord]:
    """Every record, in order.

    Raises:
        BrokenChainError: when one was changed, moved or removed; nothing is judged by such a chain.
    """
    records, problems = read_chain(session)
    if problems:
        raise BrokenChainError(
            f"the record of decisions is damaged: {problems[0]}",
            hint="`weighbridge decisions --verify` says all that is wrong; restore it from a backup",
        )
    return records


def read_chain(session: Session) -> tuple[list[DecisionRecord], list[str]]:
    """Every record that can be read, in order, and everything that is wrong with the chain."""
    records: list[DecisionRecord] = []
    problems: list[str] = []
    number, head = 0, NO_RECORD
    for row in session.scalars(select(DecisionTable).order_by(DecisionTable.number)):
        problems += (f"decision {missing} is missing" for missing in range(number + 1, row.number))
        problems += _wrong_with(row, head)
        number, head = row.number, row.digest
        document = _document(row)
        if document is not None:
            records.append(DecisionRecord(row.number, row.previous, row.digest, document.decision))
    return records, problems


def check_chain(session: Session, head: str = "") -> ChainCheck:
    """Reads the chain and holds it against what it was made of.

    Args:
        session: Of the store.
        head: A digest kept elsewhere, or its beginning, which a record must have; "" for none.
    """
    records, problems = read_chain(session)
    problems += _no_longer_as_seen(session, records)
    if head and not any(record.digest.startswith(head) for record in records):
        problems.append(f"no decision has the digest {head}: the one that had it was changed or removed")
    return ChainCheck(len(records), records[-1].digest if records else NO_RECORD, tuple(problems))


def _columns(decision: Decision) -> dict[str, object]:
    """What the columns repeat of the document, for searching."""
    return {
        "scan_id": decision.seen.scan_id,
        "model": decision.seen.model,
        "kind": decision.kind.value,
        "person": decision.person.name,
        "decided_at": decision.at,
        "expires": decision.expires,
    }


def _document(row: DecisionTable) -> _Document | None:
    try:
        return decode(row.document, _Document)
    except InvalidValueError:
        return None


def _sha256(document: object) -> str:
    """Of the bytes of a document; whoever edits SQLite by hand leaves text where bytes were."""
    return hashlib.sha256(document if isinstance(document, bytes) else str(document).encode()).hexdigest()


def _wrong_with(row: DecisionTable, before: str) -> Iterator[str]:
    name = f"decision {row.number}"
    if _sha256(row.document) != row.digest:
        yield f"{name} was changed: its document no longer has the digest {row.digest[:16]}"
    document = _document(row)
    if document is None:
        yield f"{name} cannot be read: its document is damaged or of another version"
        return
    if {row.previous, document.previous} != {before}:
        yield f"{name} does not follow the one before it, whose digest is {before[:16]}"
    told = {name: getattr(row, name) for name in _columns(document.decision)}
    if document.number != row.number or told != _columns(document.decision):
        yield f"{name} was changed: its columns and its document say different things"


def _no_longer_as_seen(session: Session, records: Sequence[DecisionRecord]) -> Iterator[str]:
    """Scans and assessments that are not what the people saw who decided."""
    kept = {scan_id: _kept(session, scan_id) for scan_id in {each.decision.seen.scan_id for each in records}}
    for record in records:
        seen = record.decision.seen
        scan, assessments = kept[seen.scan_id]
        if scan != seen.scan:
            yield f"decision {record.number}: scan {seen.scan_id} is not as it was when it was decided on"
        if seen.assessment and seen.assessment not in assessments:
            yield f"decision {record.number}: the assessment it was based on was changed or removed"


def _kept(session: Session, scan_id: str) -> tuple[str, set[str]]:
    """The digests of a scan and of its assessments as they are stored now; "" for no scan."""
    scan = session.scalar(select(ScanTable.document).where(ScanTable.id == scan_id))
    assessments = session.scalars(select(AssessmentTable.document).where(AssessmentTable.scan_id == scan_id))
    return "" if scan is None else _sha256(scan), {_sha256(each) for each in assessments}
