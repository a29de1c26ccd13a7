"""Turns what all checks said into one verdict a file: the worst, with its reasons.

A pure function of the snapshot and the records. A file that no check looked at is not readable, and a check
that broke as a whole is held against every file that it does not speak about: nothing passes in silence.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from scanner.check import Check, CheckRecord
from scanner.file_check import NOT_FETCHED, FileCheck, FileVerdict
from scanner.file_kinds.kinds import Fate, kinds
from scanner.findings import Finding, Location, Outcome, Severity
from scanner.manifest import FileEntry, Snapshot

KIND_CHECK: Final = "file-kind-unclear"
_NO_CHECK: Final = "no-check"
_NOTHING: Final = "nothing-to-examine"


@runtime_checkable
class JudgesFiles(Protocol):
    """A check that can say what a finding of its own means for the file that it is about."""

    id: str

    def verdict_of(self, finding: Finding) -> FileVerdict | None:
        """What this finding says of its file; None: nothing."""
        ...


class Gate(enum.Enum):
    """What a gate does with a file."""

    PASS = "pass"
    REVIEW = "review"
    INCOMPLETE = "incomplete"
    BLOCK = "block"


@dataclass(frozen=True)
class Reason:
    """Why a file is judged as it is.

    Attributes:
        check_id: Who says so; "" when nobody looked.
        rule: Its rule.
        outcome: FAIL, NOT_RUN or ERROR.
        severity: Of a FAIL; of others, how bad a FAIL would have been.
        message: One plain sentence.
        place: Where in the file, or "".
        verdict: What this reason alone says of the file.
    """

    check_id: str
    rule: str
    outcome: Outcome
    severity: Severity
    message: str
    place: str
    verdict: FileVerdict


@dataclass(frozen=True)
class FileJudgement:
    """What is to be said of one file.

    Attributes:
        path: Path inside the snapshot.
        verdict: The worst that a check said.
        kind: What it is, in words; "" when `file-kind-unclear` did not say.
        reasons: Worst first; none for a file with nothing to remark.
        looked_at_by: The checks that judged it, sorted.
    """

    path: str
    verdict: FileVerdict
    kind: str
    reasons: tuple[Reason, ...]
    looked_at_by: tuple[str, ...]

    @property
    def gate(self) -> Gate:
        """What a gate does with it: a malformed file is blocked, one that was not judged is incomplete."""
        if self.verdict is FileVerdict.ATTACK:
            return Gate.BLOCK
        if self.verdict is FileVerdict.NOT_READABLE:
            is_malformed = any(
                reason.verdict is FileVerdict.NOT_READABLE and reason.outcome is Outcome.FAIL
                for reason in self.reasons
            )
            return Gate.BLOCK if is_malformed else Gate.INCOMPLETE
        return Gate.REVIEW if self.verdict is FileVerdict.NEEDS_CLASS_INSTANCE else Gate.PASS


def file_verdicts(
    snapshot: Snapshot, records: Iterable[CheckRecord], checks: Iterable[Check]
) -> tuple[FileJudgement, ...]:
    """One judgement a file, in the order of the snapshot.

    Args:
        snapshot: The files.
        records: What checks said about them; those of checks that do not judge files are left aside.
        checks: The checks that said it.
    """
    judges = {check.id: check for check in checks if isinstance(check, JudgesFiles)}
    said = _Said(snapshot, [record for record in records if record.check_id in judges], judges)
    return tuple(said.judgement(entry) for entry in snapshot.files)


class _Said:
    """What was said, by file."""

    def __init__(
        self, snapshot: Snapshot, records: Sequence[CheckRecord], judges: Mapping[str, JudgesFiles]
    ) -> None:
        self._judges = judges
        self._by_path: dict[str, list[tuple[Finding, Location]]] = {
            entry.path: [] for entry in snapshot.files
        }
        self._of_all: list[Finding] = []
        for record in records:
            for finding in record.findings:
                self._file(finding)
        broken = {finding.check_id for finding in self._of_all}
        # Checks of the whole model do not name every file that they found nothing in.
        self._saw_all = {
            record.check_id for record in records if not isinstance(judges[record.check_id], FileCheck)
        } - broken

    def judgement(self, entry: FileEntry) -> FileJudgement:
        """The verdict on one file."""
        said = self._by_path[entry.path]
        reasons = [*self._reasons(said), *self._broken(said)]
        spoke = {finding.check_id for finding, _ in said if self._verdict(finding) is not None}
        kind = next((place.detail for finding, place in said if finding.check_id == KIND_CHECK), "")
        if all(reason.verdict.rank < FileVerdict.NOT_READABLE.rank for reason in reasons):
            reasons += _unread(entry, kind, spoke, self._saw_all)
        reasons.sort(key=lambda reason: (-reason.verdict.rank, -reason.severity.rank))
        verdict = reasons[0].verdict if reasons else FileVerdict.PLAIN_DATA
        return FileJudgement(entry.path, verdict, kind, tuple(reasons), tuple(sorted(spoke)))

    def _file(self, finding: Finding) -> None:
        """Puts a finding to the files that it is about: of a FAIL its first place, of others every place."""
        places = finding.locations[:1] if finding.outcome is Outcome.FAIL else finding.locations
        if not places and finding.subject in self._by_path:
            places = (Location(finding.subject),)
        for place in places:
            if place.path in self._by_path:
                self._by_path[place.path].append((finding, place))
        is_of_all = not places and not finding.outcome.is_judged
        if is_of_all and finding.rule not in (_NOTHING, NOT_FETCHED):  # the latter is told by each entry
            self._of_all.append(finding)

    def _reasons(self, said: Sequence[tuple[Finding, Location]]) -> Iterator[Reason]:
        for finding, place in said:
            verdict = self._verdict(finding)
            says_nothing = verdict is FileVerdict.PLAIN_DATA and finding.outcome is not Outcome.FAIL
            if finding.outcome is not Outcome.PASS and verdict is not None and not says_nothing:
                yield _reason(finding, place.detail, verdict)

    def _broken(self, said: Sequence[tuple[Finding, Location]]) -> Iterator[Reason]:
        """Checks that broke, or could not be run, as a whole, and said nothing of this file before."""
        spoke = {finding.check_id for finding, _ in said}
        for finding in self._of_all:
            verdict = self._verdict(finding)
            if finding.check_id not in spoke and verdict not in (None, FileVerdict.PLAIN_DATA):
                yield _reason(finding, "", verdict)

    def _verdict(self, finding: Finding) -> FileVerdict | None:
        return self._judges[finding.check_id].verdict_of(finding)


def _reason(finding: Finding, place: str, verdict: FileVerdict) -> Reason:
    message = finding.reason or finding.message
    return Reason(finding.check_id, finding.rule, finding.outcome, finding.severity, message, place, verdict)


def _unread(entry: FileEntry, kind: str, spoke: set[str], saw_all: set[str]) -> Iterator[Reason]:
    """Why a file cannot count as looked at, if it cannot."""
    known = kinds().get(kind)
    readers = known.readers if known and known.fate is Fate.READ else ()
    if not entry.is_whole:
        why = entry.parts.reason if entry.parts else "nothing of it was read"
        yield _not_looked_at(f"{entry.path}: {why}", NOT_FETCHED)
    elif readers and not (spoke | saw_all) & set(readers):
        message = f"{entry.path}: is {kind}, and {' or '.join(readers)} did not look at it"
        yield _not_looked_at(message, _NO_CHECK)
    elif not readers and not spoke:
        named = f": {kind}" if kind else ""
        yield _not_looked_at(f"{entry.path}: no check reads this kind of file{named}", _NO_CHECK)


def _not_looked_at(message: str, rule: str) -> Reason:
    return Reason("", rule, Outcome.NOT_RUN, Severity.MEDIUM, message, "", FileVerdict.NOT_READABLE)
