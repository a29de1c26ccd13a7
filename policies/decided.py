"""Which decisions are about a scan, and how they enter its judgement beside what the policy file says.

What "the same model" is: statements and waivers hold for a model's name, approvals for its bytes.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import Final

from policies.assessment import Assessment
from policies.decisions import Decision, DecisionKind, DecisionRecord, Seen
from policies.policy_file import Attestation, PolicyFile, Waiver
from scanner.findings import Finding
from scanner.records import decode
from scanner.scan import Scan

_CODE_CHECK: Final = "remote-code"


def seen_of(scan_document: bytes, assessment_document: bytes | None) -> Seen:
    """What lies before somebody who decides about a scan, from both documents as they are stored.

    Raises:
        InvalidValueError: when one of them cannot be read.
    """
    scan = decode(scan_document, Scan)
    assessment = None if assessment_document is None else decode(assessment_document, Assessment)
    return Seen(
        scan_id=scan.id,
        scan=hashlib.sha256(scan_document).hexdigest(),
        assessment=hashlib.sha256(assessment_document).hexdigest() if assessment_document else "",
        verdict=assessment.verdict.value.value if assessment else "",
        model=model_name(scan),
        snapshot=scan.snapshot.digest,
        code=code_digest(scan),
    )


def model_name(scan: Scan) -> str:
    """What makes two scans ones of the same model: its name, not its bytes.

    For a source such as the hub it is scheme and repository without the revision
    ("hf://org/name"); for a folder or file on this machine its absolute path.
    """
    ref = scan.snapshot.ref
    if ref.scheme == "gguf":
        return os.path.join(scan.snapshot.root, os.path.basename(ref.location))
    if layout := dict(scan.snapshot.source).get("layout"):
        return f"oci-layout:{layout}"
    if ref.scheme == "directory":
        return scan.snapshot.root
    return f"{ref.scheme}://{ref.location}" if "://" in ref.text else ref.text


def code_digest(scan: Scan) -> str:
    """sha256 of the listing of all Python code that comes with the model; "" when there is none.

    It is what the check `remote-code` names in its messages; the digest over the digests, should it have
    kept more than one listing.
    """
    kept = {piece.sha256 for one in scan.findings if one.check_id == _CODE_CHECK for piece in one.evidence}
    if len(kept) <= 1:
        return "".join(kept)
    return hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()


def evidence_behind(findings: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
    """Digests of the evidence behind findings, by fingerprint."""
    behind: dict[str, list[str]] = {}
    for finding in findings:
        behind.setdefault(finding.fingerprint, []).extend(piece.sha256 for piece in finding.evidence)
    return {fingerprint: tuple(dict.fromkeys(digests)) for fingerprint, digests in behind.items()}


def preparation_of(records: Sequence[DecisionRecord], scan_id: str) -> DecisionRecord | None:
    """Who prepared a scan, None when nobody recorded it."""
    fits = (
        one
        for one in records
        if one.decision.kind is DecisionKind.PREPARATION and one.decision.seen.scan_id == scan_id
    )
    return next(fits, None)


def review_of(records: Sequence[DecisionRecord], scan: Scan, as_of: datetime.date) -> DecisionRecord | None:
    """The newest approval or rejection of exactly these bytes and this code that counts on that day.

    An approval is for one snapshot digest and one code digest alone: another commit needs its own.
    """
    fits = [one for one in reviews_of(records, scan) if one.decision.counts_on(as_of)]
    return fits[-1] if fits else None


def reviews_of(records: Sequence[DecisionRecord], scan: Scan) -> list[DecisionRecord]:
    """Every approval and rejection of exactly these bytes and this code, in the order of the chain."""
    bytes_and_code = (scan.snapshot.digest, code_digest(scan))
    return [
        one
        for one in records
        if one.decision.kind.is_review
        and (one.decision.seen.snapshot, one.decision.seen.code) == bytes_and_code
    ]


def about(records: Sequence[DecisionRecord], scan: Scan) -> list[DecisionRecord]:
    """Every decision that may touch this scan, in the order of the chain.

    These are the statements and waivers for its model or for every model, the reviews of exactly its bytes
    and code, and who prepared it.
    """
    name, reviews = model_name(scan), {one.number for one in reviews_of(records, scan)}
    return [
        one
        for one in records
        if one.number in reviews
        or (one.decision.kind is DecisionKind.PREPARATION and one.decision.seen.scan_id == scan.id)
        or (_is_standing(one.decision) and _is_for(one.decision, name))
    ]


def in_effect(records: Sequence[DecisionRecord], scan: Scan, as_of: datetime.date) -> list[DecisionRecord]:
    """The statements and waivers that speak to a scan as of a day, expired ones too; one per subject.

    Of several about one subject the newest made by that day speaks, so that a later record corrects or ends
    an earlier one; an answer for this model goes before one for every model.
    """
    name = model_name(scan)
    spoken: dict[tuple[str, str], DecisionRecord] = {}
    fits = [
        one
        for one in records
        if _is_standing(one.decision) and _is_for(one.decision, name) and one.decision.day <= as_of
    ]
    for one in sorted(fits, key=lambda each: (_is_for_this_model(each.decision), each.number)):
        spoken[_subject(one.decision)] = one
    return sorted(spoken.values(), key=lambda each: each.number)


def with_decisions(
    policy: PolicyFile, records: Sequence[DecisionRecord], scan: Scan, as_of: datetime.date
) -> PolicyFile:
    """The policy with what people decided about this scan's model beside its own statements and waivers.

    Where file and store both answer for a control, the later answer counts, and the stored one on the same
    day. Waivers of both count. What was decided after `as_of` does not enter.
    """
    attestations, waivers = dict(policy.attestations), list(policy.waivers)
    for record in in_effect(records, scan, as_of):
        if (attestation := attestation_of(record)) is not None:
            own = attestations.get(attestation.control)
            if own is None or own.date > as_of or own.date <= attestation.date:
                attestations[attestation.control] = attestation
        elif (waiver := waiver_of(record)) is not None:
            waivers.append(waiver)
    return dataclasses.replace(policy, attestations=attestations, waivers=tuple(waivers))


def attestation_of(record: DecisionRecord) -> Attestation | None:
    """The statement that a record holds, None when it holds none."""
    decision = record.decision
    if decision.answered is None or decision.expires is None:
        return None
    return Attestation(
        control=decision.answered.control,
        answer=decision.answered.answer,
        name=decision.person.name,
        role=decision.person.role,
        date=decision.day,
        expires=decision.expires,
        reason=decision.reason,
        document_sha256=decision.seen.document,
        record=record.digest,
    )


def waiver_of(record: DecisionRecord) -> Waiver | None:
    """The waiver that a record holds, None when it holds none."""
    decision = record.decision
    if decision.accepted is None or decision.expires is None:
        return None
    return Waiver(
        reason=decision.reason,
        owner=decision.accepted.owner,
        expires=decision.expires,
        control=decision.accepted.control,
        check=decision.accepted.check,
        finding=decision.accepted.finding,
        compensating_control=decision.accepted.compensating_control,
        recorded_by=decision.person.in_words,
        recorded_on=decision.day,
        record=record.digest,
    )


def _is_standing(decision: Decision) -> bool:
    return decision.kind in (DecisionKind.ATTESTATION, DecisionKind.WAIVER)


def _is_for(decision: Decision, name: str) -> bool:
    return decision.seen.model == name or not _is_for_this_model(decision)


def _is_for_this_model(decision: Decision) -> bool:
    return decision.answered is None or not decision.answered.is_for_every_model


def _subject(decision: Decision) -> tuple[str, str]:
    """What a decision is about; of two about the same, the later one speaks."""
    if decision.answered is not None:
        return "answer", decision.answered.control
    return "waiver", decision.accepted.target if decision.accepted else ""
