"""Puts the comparison of two stored scans together; nothing is fetched and no question is asked again."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from policies.decided import review_of
from policies.decisions import DecisionKind, DecisionRecord
from probes.regression.measurements import measured_changes
from probes.regression.pairing import pair_scans
from reports.masking import Masks
from scanner.changes.contents import part_changes
from scanner.changes.findings import finding_changes, lost_evidence
from scanner.changes.parts import file_changes
from scanner.check import Needs
from scanner.comparison import Comparison, Flip, Side
from scanner.errors import ScanError

if TYPE_CHECKING:
    from cli.criteria import Criteria
    from cli.workplace import Workplace
    from db.store import Store
    from policies.assessment import Assessment
    from scanner.check import Check
    from scanner.evidence import EvidenceRef, EvidenceStore
    from scanner.findings import Finding, Measurement
    from scanner.scan import Scan

ALPHA: Final = 0.05


class SameScanError(ScanError):
    """A scan cannot be held against itself."""


def compare_scans(
    base: Scan,
    candidate: Scan,
    checks: Mapping[str, Check],
    evidence: EvidenceStore,
    *,
    alpha: float = ALPHA,
    with_values: bool = False,
    approval: str = "",
) -> Comparison:
    """Everything that differs between two scans.

    Args:
        base: The earlier scan.
        candidate: The later scan.
        checks: Every check there is, by id: what they declare of their measurements.
        evidence: Where the transcripts of both lie.
        alpha: The chance of any false alarm among all tests of figures.
        with_values: Whether to read the weights of both again, tensor by tensor.
        approval: Who approved the base and when, "" where nobody did.

    Raises:
        SameScanError: when both are one scan, which would show no change whatever it is.
    """
    if base.id == candidate.id:
        raise SameScanError(
            f"scan {base.id} was named as base and as candidate", hint="`weighbridge history` lists the scans"
        )
    pairing = pair_scans(base, candidate, evidence)
    specs = {spec.name: spec for check in checks.values() for spec in check.measures}
    questioning = {check.id for check in checks.values() if check.needs is not Needs.STATIC}
    files = file_changes(base.snapshot, candidate.snapshot)
    masks = Masks.read([ref for scan in (base, candidate) for ref in _evidence(scan)], evidence)
    flips = [_masked(flip, masks) for cell in pairing.cells for flip in cell.flips]
    return Comparison(
        base=Side.of(base, approval),
        candidate=Side.of(candidate),
        alpha=alpha,
        findings=finding_changes(base, candidate),
        lost=lost_evidence(base, candidate, questioning=questioning),
        measurements=measured_changes(base, candidate, pairing.cells, specs, alpha=alpha),
        flips=tuple(sorted(flips, key=lambda flip: not flip.is_worse)),
        parts=part_changes(base.snapshot, candidate.snapshot, files, with_values=with_values),
        files=files,
        notes=(*_conditions(base, candidate), *pairing.notes),
    )


def compare_with_base(
    base: Scan,
    scan: Scan,
    criteria: Criteria,
    decisions: Sequence[DecisionRecord],
    workplace: Workplace,
    as_of: datetime.date,
) -> Comparison:
    """A scan held against its base as a policy asks for it, with who approved the base as of a day."""
    from cli.checks import known_checks

    review = review_of(decisions, base, as_of)
    is_approved = review is not None and review.decision.kind is DecisionKind.APPROVAL
    approval = f"{review.decision.person.in_words} on {review.decision.day}" if review and is_approved else ""
    return compare_scans(
        base,
        scan,
        known_checks(),
        workplace.evidence,
        alpha=criteria.policy.gate.alpha,
        approval=approval,
    )


def comparison_of(
    scan: Scan, assessment: Assessment, formats: Sequence[str], store: Store, workplace: Workplace
) -> Comparison | None:
    """The comparison that an assessment was made with, for the formats that show it; None without a base.

    Raises:
        StoreError: when the base is no longer stored.
    """
    base_id = assessment.verdict.base
    if not base_id or not {"sarif", "markdown"}.intersection(formats):
        return None
    from cli.checks import known_checks

    return compare_scans(store.load_scan(base_id), scan, known_checks(), workplace.evidence)


def _evidence(scan: Scan) -> Iterator[EvidenceRef]:
    grounds: list[Finding | Measurement] = [*scan.findings, *scan.measurements]
    return (ref for ground in grounds for ref in ground.evidence)


def _masked(flip: Flip, masks: Masks) -> Flip:
    """The flip with what the scans found to be personal data masked in both replies."""
    sides = [
        replace(each, reply=replace(each.reply, text=masks.apply(each.reply.text)))
        for each in (flip.base, flip.candidate)
    ]
    is_examined = all(masks.was_examined(each.reply.text) for each in (flip.base, flip.candidate))
    return replace(flip, base=sides[0], candidate=sides[1], is_examined=is_examined)


def _conditions(base: Scan, candidate: Scan) -> Iterator[str]:
    """What was not the same about the two scans themselves, and may be why figures moved."""
    if base.started_at > candidate.started_at:
        yield "the base was scanned after the candidate"
    old, new = base.engine, candidate.engine
    if old and new:
        for what in ("backend", "version", "device", "dtype", "prompt_format"):
            before, after = getattr(old, what), getattr(new, what)
            if before != after:
                yield f"the engine's {what.replace('_', ' ')} differs: {before} in the base, {after} now"
    for what in ("profile", "seed"):
        before, after = getattr(base.request, what), getattr(candidate.request, what)
        if before != after:
            yield f"the {what} differs: {_plain(before)} in the base, {_plain(after)} now"
    names = ("weighbridge", "garak", "data of probes")
    for name in names:
        before, after = base.versions.get(name, "unknown"), candidate.versions.get(name, "unknown")
        if before != after:
            yield f"{name} differs: {before} in the base, {after} now"


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))
