"""The verdict page: which model, what the gate answers and why, and what the answer does not cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.assessment import ControlStatus, PackResult, VerdictReason, VerdictValue
from reports.contents import Contents
from reports.wording import (
    GAP_OF_OTHERS,
    Tag,
    counted,
    day,
    meaning,
    outcome_tag,
    reason_tag,
    status_tag,
    verdict_tag,
)
from scanner.findings import Outcome

_MOST_LINKS: Final = 6


@dataclass(frozen=True)
class Fact:
    """One labelled fact; `is_code` for digests, commands and identifiers."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True)
class Count:
    """How many findings or controls are in one state."""

    tag: Tag
    count: int


@dataclass(frozen=True)
class ReasonView:
    """One rule of the gate that spoke, with the findings behind it."""

    tag: Tag
    rule: str
    text: str
    findings: tuple[str, ...]
    left_out: str


@dataclass(frozen=True)
class VerdictView:
    """The verdict page.

    Attributes:
        tag: The gate's answer.
        meaning: What it says, in one sentence.
        scope: What it covers.
        identity: Which model: id, commit, digests.
        gate: The gate policy.
        gate_digest: Its digest.
        reasons: Why, the deciding rules first.
        outcomes: Findings by outcome.
        statuses: Controls by status, without those of packs that are only proposed.
        not_covered: What the answer does not cover, one sentence each.
    """

    tag: Tag
    meaning: str
    scope: str
    identity: tuple[Fact, ...]
    gate: str
    gate_digest: str
    reasons: tuple[ReasonView, ...]
    outcomes: tuple[Count, ...]
    statuses: tuple[Count, ...]
    not_covered: tuple[str, ...]


def verdict_view(contents: Contents) -> VerdictView:
    """The verdict page of these contents."""
    verdict = contents.assessment.verdict
    outcomes = Counter(finding.outcome for finding in contents.findings)
    statuses = Counter(control.status for pack in _binding(contents) for control in pack.controls)
    return VerdictView(
        tag=verdict_tag(verdict.value),
        meaning=meaning(verdict.value),
        scope=verdict.scope or "not stated by the gate",
        identity=tuple(_identity(contents)),
        gate=verdict.gate,
        gate_digest=verdict.gate_digest,
        reasons=tuple(_reason(reason) for reason in verdict.reasons),
        outcomes=tuple(Count(outcome_tag(outcome), outcomes[outcome]) for outcome in _outcome_order()),
        statuses=tuple(_statuses(contents, statuses)),
        not_covered=tuple(_not_covered(contents, outcomes, statuses)),
    )


def _identity(contents: Contents) -> Iterator[Fact]:
    model = contents.model
    yield Fact("Model", model.ref.text, is_code=True)
    yield Fact("Commit", model.commit or "none: the source keeps no commits", is_code=bool(model.commit))
    yield Fact("Digest of all files", model.digest, is_code=True)
    yield Fact("Digest of the weights", model.weights_digest, is_code=True)


def _reason(reason: VerdictReason) -> ReasonView:
    hidden = len(reason.findings) - _MOST_LINKS
    return ReasonView(
        reason_tag(reason.value),
        reason.rule,
        reason.text,
        reason.findings[:_MOST_LINKS],
        f"and {hidden} more" if hidden > 0 else "",
    )


def _outcome_order() -> tuple[Outcome, ...]:
    return (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_RUN, Outcome.PASS)


def _binding(contents: Contents) -> list[PackResult]:
    """Law, and what the organisation adopted; what is only proposed is no gap on the first page."""
    return [pack for pack in contents.assessment.packs if pack.status != "proposed"]


def _statuses(contents: Contents, statuses: Counter[ControlStatus]) -> Iterator[Count]:
    """Every status, gaps in what others owe apart from the organisation's own."""
    others = sum(control.is_gap_of_others for pack in _binding(contents) for control in pack.controls)
    for status in ControlStatus:
        is_gap = status is ControlStatus.NOT_SUPPORTED
        yield Count(status_tag(status), statuses[status] - others * is_gap)
        if is_gap and others:
            yield Count(GAP_OF_OTHERS, others)


def _not_covered(
    contents: Contents, outcomes: Counter[Outcome], statuses: Counter[ControlStatus]
) -> Iterator[str]:
    yield (
        "It is no certificate and no legal advice: it says what evidence supports, for these files, "
        f"as of {day(contents.assessment.as_of)}."
    )
    yield "It covers the model, not the system, prompts, filters or people around it in use."
    unjudged = outcomes[Outcome.NOT_RUN] + outcomes[Outcome.ERROR]
    if unjudged:
        yield (
            f"{counted(unjudged, 'finding')} could not be judged; the reasons are in the section on "
            "findings. What was not judged was not passed."
        )
    asked = statuses[ControlStatus.ATTESTATION_REQUIRED]
    if asked:
        wait = "waits" if asked == 1 else "wait"
        yield f"{counted(asked, 'control')} {wait} for a person's answer, which no scan can replace."
    unreviewed = [pack.title for pack in contents.assessment.packs if not pack.reviewed_by]
    if unreviewed:
        yield f"No person has yet held these control packs against the law: {', '.join(unreviewed)}."
    if contents.scan.engine is None:
        yield "The model was not questioned: nothing is said about its behaviour."
    if partly := sum(not entry.is_whole for entry in contents.model.files):
        yield (
            f"Of {counted(partly, 'file')} only parts were read: nothing is said about the rest, and the "
            "digests cover what was read."
        )
    if contents.model.missing:
        yield f"{counted(len(contents.model.missing), 'file')} that the source lists could not be scanned."
    if contents.assessment.verdict.value is VerdictValue.PASS:
        yield "A pass is the absence of an objection in these tests. It does not show the absence of a fault."
