"""The tables: what can be asked of the history in SQL, beside the whole documents.

Each scan and assessment is stored whole as JSON, so that a loaded value equals the stored one; the
other tables hold the parts that people search by. Only `db.store` writes them.
"""

from __future__ import annotations

import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_DIGEST = String(64)


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """Aware times, stored in UTC; SQLite forgets the zone, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """To UTC, before it is stored."""
        return None if value is None else value.astimezone(datetime.UTC)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """With its zone, as it was."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=datetime.UTC)


class Base(DeclarativeBase):
    """Base of all tables, with constraint names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ScanTable(Base):
    """One scan; `document` is the whole `Scan` as JSON."""

    __tablename__ = "scans"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    model: Mapped[str] = mapped_column(Text)
    commit: Mapped[str | None] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(_DIGEST, index=True)
    weights_digest: Mapped[str] = mapped_column(_DIGEST, index=True)
    profile: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    finished_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    document: Mapped[bytes] = mapped_column(LargeBinary)


class FileTable(Base):
    """One file of a scanned snapshot."""

    __tablename__ = "files"

    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(1024), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(_DIGEST, index=True)


class FindingTable(Base):
    """One finding; `position` is its place in the scan."""

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_check_id_outcome", "check_id", "outcome"),)

    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(16), index=True)
    check_id: Mapped[str] = mapped_column(String(80))
    rule: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(16))
    severity: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class MeasurementTable(Base):
    """One measurement; `position` is its place in the scan."""

    __tablename__ = "measurements"
    __table_args__ = (Index("ix_measurements_name", "name"),)

    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(120))
    dimensions: Mapped[dict[str, str]] = mapped_column(JSON)
    value: Mapped[float] = mapped_column(Float)
    low: Mapped[float] = mapped_column(Float)
    high: Mapped[float] = mapped_column(Float)
    level: Mapped[float | None] = mapped_column(Float)
    n: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(Text)


class EvidenceTable(Base):
    """One piece of evidence that a scan points to; the bytes lie in the evidence folder."""

    __tablename__ = "evidence"

    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    media_type: Mapped[str] = mapped_column(String(120))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(Text)


class AssessmentTable(Base):
    """One judgement of a scan; the newest counts. `document` is the whole `Assessment` as JSON."""

    __tablename__ = "assessments"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"), index=True)
    assessed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    as_of: Mapped[datetime.date]
    verdict: Mapped[str] = mapped_column(String(16), index=True)
    gate: Mapped[str] = mapped_column(Text)
    document: Mapped[bytes] = mapped_column(LargeBinary)


class ControlTable(Base):
    """One control of one judgement."""

    __tablename__ = "controls"

    assessment_id: Mapped[int] = mapped_column(
        ForeignKey("assessments.id", ondelete="CASCADE"), primary_key=True
    )
    control_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    pack_id: Mapped[str] = mapped_column(String(80), index=True)
    pack_version: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)


class DecisionTable(Base):
    """One decision of a person; `document` is the record that `digest` is of. Rows are only ever added."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("previous"), UniqueConstraint("digest"))

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id"), index=True)
    model: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    person: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime.date | None]
    previous: Mapped[str] = mapped_column(_DIGEST)
    digest: Mapped[str] = mapped_column(_DIGEST)
    document: Mapped[bytes] = mapped_column(LargeBinary)
