"""Two scans side by side, as values: what is new, fixed, lost, moved or changed between them.

`scanner.changes` and `probes.regression` make them, the gate of `policies` and the formats of `reports` read
them. The earlier scan is the base, the one that wants to take its place the candidate.

>>> PartChange(Part.LICENCE, PartState.UNKNOWN, ("the files are gone",)).is_same
False
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scanner.errors import InvalidValueError
from scanner.findings import Finding
from scanner.manifest import FileEntry
from scanner.measured_change import ChangeTest, MeasuredChange
from scanner.measures import Worse
from scanner.scan import Scan
from scanner.transcripts import Exchange

__all__ = [
    "ChangeTest", "Comparison", "Fate", "FileChange", "FindingChange", "Flip", "LostEvidence",
    "MeasuredChange", "Part", "PartChange", "PartState", "Side",
]  # fmt: skip


class Fate(enum.Enum):
    """What became of a finding; only failures have one."""

    NEW = "new"
    WORSE = "worse"
    SAME = "same"
    MILDER = "milder"
    FIXED = "fixed"
    UNJUDGED = "unjudged"


@dataclass(frozen=True)
class FindingChange:
    """A failure of either scan, recognised in the other by its fingerprint.

    Attributes:
        fate: NEW fails in the candidate alone, FIXED in the base alone; WORSE and MILDER changed their
            severity; UNJUDGED failed in the base and was not judged in the candidate.
        base: In the base, None where it had no such finding.
        candidate: In the candidate, None where it has no such finding.
        was_judged: Whether the check had judged anything in the base: without that, NEW may be old.
    """

    fate: Fate
    base: Finding | None
    candidate: Finding | None
    was_judged: bool = True

    @property
    def finding(self) -> Finding:
        """The finding as it stands now: that of the candidate where it has one.

        Raises:
            InvalidValueError: when neither scan has it, which no comparison makes.
        """
        found = self.candidate or self.base
        if found is None:
            raise InvalidValueError("a change without a finding on either side")
        return found


@dataclass(frozen=True)
class LostEvidence:
    """What the base had judged and the candidate did not.

    Attributes:
        check_id: The check.
        subject: The part of it that was not judged ("zh", "garak dan.Ablation"), "" for all of it.
        reason: Why, a sentence fragment.
    """

    check_id: str
    subject: str
    reason: str

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name this part of this check, for waivers."""
        return _mark("lost", self.check_id, self.subject)


@dataclass(frozen=True)
class Flip:
    """A question that the two models treat differently.

    Attributes:
        name: The figure that it counts in.
        dimensions: Of that figure.
        is_worse: Whether the candidate is the worse one.
        base: Question and reply of the base.
        candidate: Of the candidate.
        is_examined: Whether both replies were examined for personal data, and are masked here.
    """

    name: str
    dimensions: Mapping[str, str]
    is_worse: bool
    base: Exchange
    candidate: Exchange
    is_examined: bool = False


class Part(enum.Enum):
    """What the files of a model are for."""

    WEIGHTS = "weights"
    TOKENIZER = "tokenizer"
    TEMPLATE = "template"
    LICENCE = "licence"
    CODE = "code"
    CONFIG = "config"
    CARD = "card"
    OTHER = "other"


class PartState(enum.Enum):
    """What is known about a part; UNKNOWN is never SAME."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PartChange:
    """One part of the model in both scans.

    Attributes:
        part: Which.
        state: Whether it changed.
        told: What changed, or why nothing is known; empty when it is the same.
        diff: A unified diff of what can be read, "" without; hostile text.
    """

    part: Part
    state: PartState
    told: tuple[str, ...] = ()
    diff: str = ""

    @property
    def is_same(self) -> bool:
        """Whether it was shown not to have changed."""
        return self.state is PartState.SAME

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name exactly this change, for waivers: another change has others."""
        return _mark("part", self.part.value, *self.told, self.diff)


@dataclass(frozen=True)
class FileChange:
    """A file that was added (no base), removed (no candidate) or changed (both)."""

    part: Part
    base: FileEntry | None
    candidate: FileEntry | None

    @property
    def path(self) -> str:
        """Path inside the snapshot, that of the candidate where it has one."""
        entry = self.candidate or self.base
        return entry.path if entry else ""

    @property
    def verb(self) -> str:
        """What happened to it: "added", "removed" or "changed"."""
        if self.base is None:
            return "added"
        return "removed" if self.candidate is None else "changed"


def _mark(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Side:
    """Which scan stands on one side of a comparison; `approval` is "" where nobody approved it."""

    scan_id: str
    model: str
    commit: str | None
    digest: str
    weights_digest: str
    profile: str
    engine: str
    approval: str = ""

    @classmethod
    def of(cls, scan: Scan, approval: str = "") -> Side:
        """The side that a scan is; `approval` says who approved it and when."""
        engine, snapshot = scan.engine, scan.snapshot
        told = f"{engine.version}, {engine.device}, {engine.dtype}" if engine else "not questioned"
        return cls(
            scan.id, scan.request.ref.text, snapshot.commit, snapshot.digest, snapshot.weights_digest,
            scan.request.profile.value, told, approval,
        )  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A candidate held against its base.

    Attributes:
        base: The earlier scan.
        candidate: The later one.
        alpha: The level that the detectable changes are computed for.
        findings: Failures of either, the gravest news first.
        lost: What only the base had judged.
        measurements: Every figure of either.
        flips: Questions treated differently, worse before better.
        parts: Every part of the model.
        files: Every file that differs, sorted by path.
        notes: What limits the comparison, a sentence each.
    """

    base: Side
    candidate: Side
    alpha: float
    findings: tuple[FindingChange, ...] = ()
    lost: tuple[LostEvidence, ...] = ()
    measurements: tuple[MeasuredChange, ...] = ()
    flips: tuple[Flip, ...] = ()
    parts: tuple[PartChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def tested(self) -> Iterator[MeasuredChange]:
        """The figures that were tested."""
        return (change for change in self.measurements if change.test is not None)

    @property
    def moved(self) -> Iterator[MeasuredChange]:
        """The figures that were found to have moved, in whichever direction."""
        return (change for change in self.measurements if change.is_found(self.alpha))

    @property
    def is_blind(self) -> bool:
        """Whether there are figures that could have got worse, and none in which it could have been seen."""
        directed = [change for change in self.measurements if change.worse is not Worse.NEITHER]
        return bool(directed) and not any(
            change.test is not None and change.test.detectable is not None for change in directed
        )

    def with_fate(self, *fates: Fate) -> Iterator[FindingChange]:
        """The findings with one of these fates."""
        return (change for change in self.findings if change.fate in fates)
