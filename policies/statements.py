"""What people answered and accepted, as reports list it: who, when, why, until when, by which digest."""

from __future__ import annotations

import datetime

from policies.assessment import Statement
from policies.policy_file import Attestation, PolicyFile, Waiver

STORE = "store"


def statements_of(policy: PolicyFile, as_of: datetime.date) -> tuple[Statement, ...]:
    """Every attestation and waiver of a policy, those that do not count on that day too."""
    attested = (_of_attestation(one, policy, as_of) for one in policy.attestations.values())
    waived = (_of_waiver(one, policy, as_of) for one in policy.waivers)
    return (*attested, *waived)


def _of_attestation(one: Attestation, policy: PolicyFile, as_of: datetime.date) -> Statement:
    return Statement(
        kind="attestation",
        about=f"control {one.control}",
        said=one.answer,
        who=f"{one.name}, {one.role}",
        on=one.date,
        why=one.reason,
        until=one.expires,
        counts=one.counts_on(as_of),
        source=STORE if one.record else policy.where,
        digest=one.record or policy.digest,
        document=one.document_sha256,
    )


def _of_waiver(one: Waiver, policy: PolicyFile, as_of: datetime.date) -> Statement:
    meanwhile = f"; meanwhile: {one.compensating_control}" if one.compensating_control else ""
    return Statement(
        kind="waiver",
        about=one.target,
        said=f"the risk is carried by {one.owner}{meanwhile}",
        who=one.recorded_by or one.owner,
        on=one.recorded_on,
        why=one.reason,
        until=one.expires,
        counts=one.counts_on(as_of),
        source=STORE if one.record else policy.where,
        digest=one.record or policy.digest,
    )
