"""Judges a scan: every control of every pack, then the gate; each statement leads back to its evidence.

Nothing is fetched, scanned or measured here: equal scan, packs, policy and day give an equal assessment.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from policies.assessment import Assessment, ControlResult, ControlStatus, PackResult, VerdictReason
from policies.controls import Control, Pack
from policies.facts import Facts, gather
from policies.gate import decide
from policies.organisation import in_words as answer_in_words
from policies.policy_file import PolicyFile, Waiver
from policies.scope import Scope
from policies.standing import meaning_of, standing_of
from policies.statements import statements_of
from policies.statuses import Judgement, capitalised, effective_from, in_words, judge
from scanner.comparison import Comparison
from scanner.findings import Finding, Measurement
from scanner.scan import Scan

# Nothing to waive where the evidence supports a control or the control does not bind.
_NEVER_WAIVED = (ControlStatus.SUPPORTED, ControlStatus.NOT_APPLICABLE)


def assess(
    scan: Scan,
    packs: Sequence[Pack],
    policy: PolicyFile,
    *,
    as_of: datetime.date,
    assessed_at: datetime.datetime,
    comparison: Comparison | None = None,
    demands: Sequence[VerdictReason] = (),
) -> Assessment:
    """The statuses of all controls and the verdict.

    Args:
        scan: What was found.
        packs: What to judge by; without any, only the gate speaks.
        policy: Answers, attestations, waivers and the gate.
        as_of: The day on which the law is read, and on which attestations and waivers count.
        assessed_at: Now, UTC.
        comparison: The scan held against an earlier one, for the rules that need a base.
        demands: What the gate says to demands beside the policy, such as a lock.
    """
    facts = gather(
        scan,
        policy.answers,
        policy.scope,
        questioning={check_id for pack in packs for check_id in pack.questioning},
        questions=policy.questions,
        as_of=as_of,
    )
    results = tuple(_pack_result(scan, pack, policy, facts, as_of) for pack in packs)
    return Assessment(
        scan_id=scan.id,
        assessed_at=assessed_at,
        as_of=as_of,
        organisation={key: answer_in_words(answer) for key, answer in sorted(policy.answers.items())},
        packs=results,
        verdict=decide(scan, results, policy, as_of=as_of, comparison=comparison, demands=demands),
        statements=statements_of(policy, as_of),
        overrides=policy.overrides,
    )


def _pack_result(
    scan: Scan, pack: Pack, policy: PolicyFile, facts: Facts, as_of: datetime.date
) -> PackResult:
    is_too_early = pack.text_since is not None and as_of < pack.text_since
    return PackResult(
        id=pack.id,
        title=pack.title,
        version=pack.version,
        digest=pack.digest,
        status=pack.status,
        cite=pack.cite,
        sources=pack.sources,
        review_due=pack.review_due,
        is_stale=as_of > pack.review_due,
        reviewed_by=pack.reviewed_by,
        later_text_since=pack.text_since if is_too_early else None,
        controls=tuple(
            _control_result(scan, pack, control, policy, facts, as_of) for control in pack.controls
        ),
    )


def _control_result(
    scan: Scan, pack: Pack, control: Control, policy: PolicyFile, facts: Facts, as_of: datetime.date
) -> ControlResult:
    attestation = policy.attestations.get(control.id)
    judgement = judge(control, facts, attestation, as_of)
    judgement, waived_until = _waived(control, judgement, policy.waivers, as_of)
    since, note = effective_from(control, facts)
    is_in_force = pack.status == "in_force" and since is not None and since <= as_of
    standing, whose = standing_of(pack.duty_holders.get(control.duty_holder), facts)
    note = ". ".join(capitalised(sentence) for sentence in (note, whose) if sentence)
    findings, measurements = _grounds(scan, control, policy.scope)
    grounds: list[Finding | Measurement] = [*findings, *measurements]
    pieces = (piece for ground in grounds for piece in ground.evidence)
    return ControlResult(
        pack_id=pack.id,
        control_id=control.id,
        label=control.label,
        title=control.title,
        requirement=control.requirement,
        duty_holder=control.duty_holder,
        status=judgement.status,
        reason=_in_time(judgement, pack, since, note, as_of),
        is_in_force=is_in_force,
        effective_from=since,
        checks=control.checks,
        findings=tuple(dict.fromkeys(finding.fingerprint for finding in findings)),
        measurements=tuple(dict.fromkeys(measurement.name for measurement in measurements)),
        evidence=tuple(dict.fromkeys(piece.sha256 for piece in pieces)),
        attestation=control.attestation,
        limits=control.limits,
        severity_if_failed=control.severity_if_failed,
        waived_until=waived_until,
        maps=control.maps,
        relevance=meaning_of(control, standing),
        attested=in_words(attestation) if attestation and attestation.counts_on(as_of) else "",
        sources=control.sources,
        standing=standing,
    )


def _grounds(scan: Scan, control: Control, scope: Scope) -> tuple[list[Finding], list[Measurement]]:
    """Everything the control's checks said within the scope, and the measurements it names."""
    findings = [
        finding
        for record in scan.records
        if record.check_id in control.checks
        for finding in scope.counted(record)
    ]
    measurements = [
        one for one in scan.measurements if one.name in control.measurements and scope.counts(one)
    ]
    return findings, measurements


def _waived(
    control: Control, judgement: Judgement, waivers: Sequence[Waiver], as_of: datetime.date
) -> tuple[Judgement, datetime.date | None]:
    waiver = max(
        (one for one in waivers if one.control == control.id), key=lambda one: one.expires, default=None
    )
    if waiver is None:
        return judgement, None
    if not waiver.counts_on(as_of):
        lapsed = f"the waiver by {waiver.owner} ended on {waiver.expires} and no longer counts"
        return Judgement(judgement.status, f"{judgement.reason}; {lapsed}"), None
    if judgement.status in _NEVER_WAIVED:
        return Judgement(
            judgement.status, f"{judgement.reason}; the waiver by {waiver.owner} is not needed"
        ), None
    reason = (
        f"waived by {waiver.owner} until {waiver.expires}: {waiver.reason}; "
        f"without the waiver: {judgement.status.value.replace('_', ' ')}, {judgement.reason}"
    )
    return Judgement(ControlStatus.WAIVED, reason), waiver.expires


def _in_time(
    judgement: Judgement, pack: Pack, since: datetime.date | None, note: str, as_of: datetime.date
) -> str:
    """The reason in sentences, with the day from which the duty applies where that is not past."""
    status, reason = judgement.status, judgement.reason
    if pack.status == "voluntary":
        ahead = f", published on {since} and read ahead of that day" if since and since > as_of else ""
        sentences = [f"a voluntary framework, not law{ahead}", reason, note]
    elif pack.status != "in_force":
        sentences = [f"not law ({pack.status}), read as if it were", reason, note]
    elif status is ControlStatus.NOT_APPLICABLE:
        sentences = [reason]
    elif since is None:
        sentences = ["no day of application fits the answers given", reason, note]
    elif since > as_of:
        sentences = [f"applies from {since}, read ahead of that day", reason, note]
    else:
        sentences = [reason, note]
    return " ".join(f"{capitalised(sentence)}." for sentence in sentences if sentence)
