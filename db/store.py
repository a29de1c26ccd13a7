"""The store: scans, assessments and decisions in, the same values out, each write in one transaction.

>>> with Store.open("sqlite://") as store:
...     store.history(limit=5)
[]
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.errors import BrokenChainError, StoreError, UnknownScanError, as_store_errors
from policies.assessment import Assessment
from policies.decided import seen_of
from policies.decisions import Decision, DecisionRecord, Seen
from scanner.records import decode
from scanner.scan import Scan

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from db.chain import ChainCheck

__all__ = ["BrokenChainError", "ScanSummary", "Store", "StoreError", "UnknownScanError"]


@dataclass(frozen=True)
class ScanSummary:
    """A line of the history.

    Attributes:
        id: The scan.
        model: As it was asked for.
        commit: Resolved commit, None for sources without.
        digest: Of everything scanned.
        profile: "quick", "standard" or "deep".
        started_at: UTC.
        verdict: Of the newest assessment, "" when there is none.
        failed: How many findings failed.
    """

    id: str
    model: str
    commit: str | None
    digest: str
    profile: str
    started_at: datetime.datetime
    verdict: str
    failed: int


class Store:
    """An open database that holds scans. Use `Store.open`."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where

    @classmethod
    @contextmanager
    def open(cls, url: str) -> Iterator[Store]:
        """Opens the database at an SQLAlchemy URL, bringing its tables up to date first.

        Raises:
            StoreError: when the URL is wrong, the database cannot be opened or is damaged, or a newer
                Weighbridge wrote it.
        """
        from db.connection import connect, upgrade

        engine, where = connect(url)
        try:
            with as_store_errors(where):
                upgrade(engine, where)
            yield cls(engine, where)
        finally:
            engine.dispose()

    def save_scan(self, scan: Scan) -> None:
        """Stores a scan whole, or not at all.

        A scan that was stored just before its program was killed may come again, finished a second time:
        then the stored one stays, and nothing is wrong.

        Raises:
            StoreError: when another scan has its id, or it cannot be written.
        """
        from db.rows import scan_rows

        try:
            with self._transaction() as session:
                rows = scan_rows(scan)
                session.add(next(rows))
                session.flush()  # the tables know of no relationships: parents must be written first
                session.add_all(rows)
        except StoreError:
            if not self._holds(scan):
                raise

    def save_assessment(self, assessment: Assessment) -> None:
        """Stores a judgement of a stored scan whole, or not at all; earlier ones stay.

        Raises:
            StoreError: when its scan is not stored or it cannot be written.
        """
        from db.rows import assessment_row, control_rows

        with self._transaction() as session:
            row = assessment_row(assessment)
            session.add(row)
            session.flush()
            session.add_all(control_rows(row.id, assessment))

    def load_scan(self, scan_id: str) -> Scan:
        """The scan as it was stored.

        Raises:
            UnknownScanError: when there is none with this id.
            StoreError: when it cannot be read.
        """
        from db.tables import ScanTable

        with self._transaction() as session:
            row = session.get(ScanTable, scan_id)
            if row is None:
                raise self._unknown(session, scan_id)
            return decode(row.document, Scan)

    def load_assessment(self, scan_id: str) -> Assessment:
        """The newest assessment of a scan, as it was stored.

        Raises:
            UnknownScanError: when there is no such scan.
            StoreError: when the scan was never judged, or it cannot be read.
        """
        from db.tables import ScanTable

        with self._transaction() as session:
            document = self._newest_assessment(session, scan_id)
            if document is None and session.get(ScanTable, scan_id) is not None:
                raise StoreError(
                    f"scan '{scan_id}' is stored, but was stopped before it was judged",
                    hint="run the same `weighbridge scan` again: it takes the scan up and judges it",
                )
            if document is None:
                raise self._unknown(session, scan_id)
            return decode(document, Assessment)

    def record(self, decision: Decision) -> DecisionRecord:
        """Adds a decision to the chain; nothing that is in it is ever changed or taken out.

        Raises:
            BrokenChainError: when an earlier one was changed, moved or removed.
            StoreError: when its scan is not stored, or it cannot be written.
        """
        from db.chain import append

        with self._transaction(writes=True) as session:
            return append(session, decision)

    def decisions(self) -> list[DecisionRecord]:
        """Every decision, the first one first.

        Raises:
            BrokenChainError: when one was changed, moved or removed.
            StoreError: when the store cannot be read.
        """
        from db.chain import sound_chain

        with self._transaction() as session:
            return sound_chain(session)

    def check_decisions(self, head: str = "") -> ChainCheck:
        """What is wrong with the chain of decisions, and with what they were based on.

        Args:
            head: A digest kept elsewhere, or its beginning, that one of them must have.

        Raises:
            StoreError: when the store cannot be read.
        """
        from db.chain import check_chain

        with self._transaction() as session:
            return check_chain(session, head)

    def seen(self, scan_id: str) -> Seen:
        """What somebody who decides about this scan today has before them.

        Raises:
            UnknownScanError: when there is no such scan.
            StoreError: when it cannot be read.
        """
        from db.tables import ScanTable

        with self._transaction() as session:
            row = session.get(ScanTable, scan_id)
            if row is None:
                raise self._unknown(session, scan_id)
            return seen_of(row.document, self._newest_assessment(session, scan_id))

    def history(self, *, limit: int, model: str | None = None) -> list[ScanSummary]:
        """The newest scans first, at most `limit`; with `model`, those whose reference contains it.

        Raises:
            StoreError: when the store cannot be read.
        """
        from db.rows import history_query

        with self._transaction() as session:
            return [ScanSummary(*row) for row in session.execute(history_query(limit, model))]

    def find(self, beginning: str) -> str:
        """The id of the one scan whose id begins so.

        Raises:
            UnknownScanError: when no scan or more than one does; the hint names the nearest.
        """
        from sqlalchemy import select

        from db.tables import ScanTable

        with self._transaction() as session:
            fits = session.scalars(
                select(ScanTable.id)
                .where(ScanTable.id.startswith(beginning, autoescape=True))
                .order_by(ScanTable.id)  # an id that is the whole of `beginning` comes first
                .limit(4)
            ).all()
            if len(fits) == 1 or beginning in fits:
                return beginning if beginning in fits else fits[0]
            if not fits:
                raise self._unknown(session, beginning)
        raise UnknownScanError(
            f"several scans begin with '{beginning}': {', '.join(fits[:3])}", hint="write more of the id"
        )

    def newest_of(self, digest: str) -> str | None:
        """The id of the newest scan of exactly the bytes with this digest; None when there is none.

        Raises:
            StoreError: when the store cannot be read.
        """
        from db.rows import newest_query

        with self._transaction() as session:
            return session.scalars(newest_query(digest)).first()

    def _holds(self, scan: Scan) -> bool:
        """Whether the same work is stored under this id, whenever and on whatever engine it was finished."""
        from db.tables import ScanTable

        with self._transaction() as session:
            row = session.get(ScanTable, scan.id)
            stored = None if row is None else decode(row.document, Scan)
        if stored is None:
            return False
        return dataclasses.replace(stored, finished_at=scan.finished_at, engine=scan.engine) == scan

    @contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[Session]:
        """A transaction; one that reads before it writes takes the write lock at once."""
        from sqlalchemy.orm import Session

        from db.connection import LOCKS

        engine = self._engine.execution_options(**{LOCKS: writes})
        with as_store_errors(self._where), Session(engine) as session, session.begin():
            yield session

    def _newest_assessment(self, session: Session, scan_id: str) -> bytes | None:
        from sqlalchemy import select

        from db.tables import AssessmentTable

        return session.scalar(
            select(AssessmentTable.document)
            .where(AssessmentTable.scan_id == scan_id)
            .order_by(AssessmentTable.id.desc())
            .limit(1)
        )

    def _unknown(self, session: Session, scan_id: str) -> UnknownScanError:
        from sqlalchemy import select

        from db.tables import ScanTable

        known = session.scalars(select(ScanTable.id).order_by(ScanTable.started_at.desc()).limit(1000)).all()
        nearest = difflib.get_close_matches(scan_id, known, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else "`weighbridge history` lists the scans"
        return UnknownScanError(f"no scan '{scan_id}' in store {self._where}", hint=hint)
