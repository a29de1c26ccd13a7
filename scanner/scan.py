"""One scan: what was asked, what was scanned, what answered, and all that was found."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from scanner.check import CheckRecord, Profile
from scanner.conversation import EngineDescription
from scanner.findings import Finding, Measurement
from scanner.manifest import Snapshot
from scanner.records import digest
from scanner.references import ModelRef


@dataclass(frozen=True)
class Budget:
    """What questioning the model may cost; 0 is no limit.

    Attributes:
        max_tokens: Reply tokens of the whole scan; holds exactly, and alike when a scan is taken up.
        max_minutes: Minutes from the first question of this process; what is done by then depends on
            the machine. A scan that is taken up gets them anew.
    """

    max_tokens: int = 0
    max_minutes: float = 0.0


@dataclass(frozen=True)
class ScanRequest:
    """What the user asked for; two equal requests over equal bytes are the same scan.

    Attributes:
        ref: The model.
        profile: How thorough.
        check_ids: The checks to run, sorted.
        seed: For every random choice.
        backend: Name of the inference backend; "" when the model is not questioned.
        device: As asked: "auto", "cpu", "cuda:0", "npu:0", ...
        dtype: As asked: "auto", "float32", ...
        as_of: The day on which facts with dates are judged.
        settings: Settings of single checks.
        is_fast: Whether speed may cost exactness.
        budget: What questioning may cost.
        allow: Patterns of the files to take, none for all.
        ignore: Patterns of the files to leave out.
        lock: Digest of the lock that the model must match, "" without one; its patterns count then.
        is_inspection: Whether weight files are read no further than their headers.
    """

    ref: ModelRef
    profile: Profile
    check_ids: tuple[str, ...]
    seed: int
    backend: str
    device: str
    dtype: str
    as_of: datetime.date
    settings: Mapping[str, str] = field(default_factory=dict)
    is_fast: bool = False
    budget: Budget = field(default_factory=Budget)
    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    lock: str = ""
    is_inspection: bool = False

    def identity(self, snapshot: Snapshot, versions: Mapping[str, str]) -> str:
        """Digest that names the scan's work: a killed scan with this identity is taken up again.

        The day is no part of it: a scan that is taken up after midnight keeps every reply it has.
        """
        undated = replace(self, as_of=datetime.date.min)
        return digest((undated, snapshot.digest, dict(versions)))


@dataclass(frozen=True)
class Scan:
    """A finished scan.

    Attributes:
        id: Name in the store, "20261122-0130-smollm2-1f3a".
        request: What was asked for.
        snapshot: The bytes that were scanned.
        engine: What answered the questions; None when none was asked.
        started_at: UTC, of the first run when the scan was resumed.
        finished_at: UTC.
        versions: Of Weighbridge, of the libraries that decide results, of data files (with digests).
        records: One per check, in the order in which they ran.
    """

    id: str
    request: ScanRequest
    snapshot: Snapshot
    engine: EngineDescription | None
    started_at: datetime.datetime
    finished_at: datetime.datetime
    versions: Mapping[str, str]
    records: tuple[CheckRecord, ...]

    @property
    def findings(self) -> Iterator[Finding]:
        """Every finding of every check."""
        return (finding for record in self.records for finding in record.findings)

    @property
    def measurements(self) -> Iterator[Measurement]:
        """Every measurement of every check."""
        return (measurement for record in self.records for measurement in record.measurements)
