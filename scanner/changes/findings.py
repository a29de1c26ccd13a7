"""Finding by finding: what is new, fixed, graver or milder, and what is no longer judged.

A failure counts as fixed only where the candidate's check looked and reached a conclusion: what was not
judged again is UNJUDGED. A failure that the base could not have had, because its check had not run, is NEW.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from scanner.check import CheckRecord
from scanner.comparison import Fate, FindingChange, LostEvidence
from scanner.findings import Finding, Outcome
from scanner.runner import records_by_id
from scanner.scan import Scan

# The rule of a NOT_RUN that says "the model has no file of this kind": known, not missing.
_NOTHING_TO_EXAMINE: Final = "nothing-to-examine"
_NEWS_FIRST: Final = (Fate.NEW, Fate.WORSE, Fate.UNJUDGED, Fate.SAME, Fate.MILDER, Fate.FIXED)
_OUTCOMES: Final = (Outcome.NOT_RUN, Outcome.ERROR, Outcome.PASS, Outcome.FAIL)


def finding_changes(base: Scan, candidate: Scan) -> tuple[FindingChange, ...]:
    """Every failure of either scan with what became of it, the gravest news first."""
    before, after = _by_fingerprint(_relocated(base, candidate)), _by_fingerprint(candidate.findings)
    records, earlier = records_by_id(candidate.records), records_by_id(base.records)
    changes = [
        change
        for mark in dict.fromkeys([*before, *after])
        if (change := _change(before.get(mark), after.get(mark), records, earlier)) is not None
    ]
    return tuple(sorted(changes, key=_order))


def lost_evidence(
    base: Scan, candidate: Scan, *, questioning: Collection[str] = ()
) -> tuple[LostEvidence, ...]:
    """What the base had judged and the candidate did not.

    Args:
        base: The earlier scan.
        candidate: The later scan.
        questioning: Ids of the checks that question the model: there, a subject that is not mentioned
            was not asked about. In files, it is merely no longer there.
    """
    after = records_by_id(candidate.records)
    return tuple(
        lost
        for record in base.records
        for lost in _lost(record, after.get(record.check_id), is_questioning=record.check_id in questioning)
    )


def _by_fingerprint(findings: Iterator[Finding] | Sequence[Finding]) -> dict[str, Finding]:
    """The gravest finding under each fingerprint: two conclusions about one thing may share it."""
    found: dict[str, Finding] = {}
    for finding in findings:
        mark = finding.fingerprint
        if mark not in found or _gravity(finding) > _gravity(found[mark]):
            found[mark] = finding
    return found


def _gravity(finding: Finding) -> tuple[int, int]:
    return _OUTCOMES.index(finding.outcome), finding.severity.rank


def _relocated(base: Scan, candidate: Scan) -> list[Finding]:
    """The findings of the base; of a model that is one file, as if it had the name of the candidate's."""
    files = [scan.snapshot.files for scan in (base, candidate)]
    if any(len(each) != 1 for each in files):
        return list(base.findings)
    old, new = (each[0].path for each in files)
    return [
        replace(
            finding,
            locations=tuple(
                replace(place, path=new) if place.path == old else place for place in finding.locations
            ),
        )
        for finding in base.findings
    ]


def _change(
    before: Finding | None,
    after: Finding | None,
    records: Mapping[str, CheckRecord],
    earlier: Mapping[str, CheckRecord],
) -> FindingChange | None:
    failed_before, failed_after = (
        each is not None and each.outcome is Outcome.FAIL for each in (before, after)
    )
    if after is not None and failed_after:
        was_judged = _judged_something(earlier.get(after.check_id))
        if before is None or not failed_before:
            return FindingChange(Fate.NEW, before, after, was_judged)
        step = after.severity.rank - before.severity.rank
        fate = Fate.WORSE if step > 0 else Fate.MILDER if step < 0 else Fate.SAME
        return FindingChange(fate, before, after)
    if before is not None and failed_before:
        is_fixed = _is_answered(after, records.get(before.check_id))
        return FindingChange(Fate.FIXED if is_fixed else Fate.UNJUDGED, before, after)
    return None


def _is_answered(after: Finding | None, record: CheckRecord | None) -> bool:
    """Whether the check looked again: at this very thing, or at everything without finding it."""
    if after is not None:
        return after.outcome is Outcome.PASS or after.rule == _NOTHING_TO_EXAMINE
    return record is not None and all(_is_conclusion(finding) for finding in record.findings)


def _is_conclusion(finding: Finding) -> bool:
    return finding.outcome.is_judged or finding.rule == _NOTHING_TO_EXAMINE


def _judged_something(record: CheckRecord | None) -> bool:
    return record is not None and any(_is_conclusion(finding) for finding in record.findings)


def _lost(before: CheckRecord, after: CheckRecord | None, *, is_questioning: bool) -> Iterator[LostEvidence]:
    judged = [finding for finding in before.findings if finding.outcome.is_judged]
    if not judged:
        return
    if after is None:
        yield LostEvidence(before.check_id, "", "it was not part of the scan")
        return
    if not _judged_something(after):
        yield LostEvidence(before.check_id, "", _why(after.findings))
        return
    concluded = {finding.subject for finding in after.findings if _is_conclusion(finding)}
    open_ones = [finding for finding in after.findings if not _is_conclusion(finding)]
    for subject in dict.fromkeys(finding.subject for finding in judged):
        about = [finding for finding in open_ones if finding.subject == subject]
        if subject in concluded:
            continue
        if about:
            yield LostEvidence(before.check_id, subject, _why(about))
        elif subject and is_questioning:
            yield LostEvidence(before.check_id, subject, "nothing was said about it")


def _why(findings: Sequence[Finding]) -> str:
    return next((finding.reason for finding in findings if finding.reason), "no conclusion was reached")


def _order(change: FindingChange) -> tuple[int, int, str]:
    found = change.finding
    return _NEWS_FIRST.index(change.fate), -found.severity.rank, found.check_id
