"""The verdict: BLOCK beats INCOMPLETE beats REVIEW beats PASS, and every reason is listed.

PASS is what remains when no rule of the gate speaks; it needs a gate with rules, and a scan that judged
something and read every byte. Waived findings stop nothing, but they are listed; an expired waiver counts
for nothing and is listed too.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policies.assessment import ControlResult, PackResult, Standing, Verdict, VerdictReason, VerdictValue
from policies.gate_comparison import beside_base, marks_of
from policies.gate_limits import beyond_limits
from policies.gate_rules import ControlMatcher, Extent, FailedMatcher, GateRule
from policies.policy_file import PolicyFile, Waiver
from policies.scope import COHERENCE_CHECK, Scope
from policies.signed_by import about_signers
from policies.statuses import capitalised
from scanner.check import CheckRecord
from scanner.comparison import Comparison
from scanner.errors import InvalidValueError
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.lock.model_lock import HELD
from scanner.manifest import Snapshot
from scanner.runner import records_by_id
from scanner.scan import Scan
from scanner.signatures.signers import CHECK_ID as SIGNATURE_CHECK

_STRONGEST_FIRST: Final = (
    VerdictValue.BLOCK,
    VerdictValue.INCOMPLETE,
    VerdictValue.REVIEW,
    VerdictValue.PASS,
)
_CONFIDENCES: Final = list(Confidence)
# The controls of such packs are shown, and stop nothing under any gate.
_BINDING_NOBODY: Final = ("proposed", "superseded")


def decide(
    scan: Scan,
    packs: Sequence[PackResult],
    policy: PolicyFile,
    *,
    as_of: datetime.date,
    comparison: Comparison | None = None,
    demands: Sequence[VerdictReason] = (),
) -> Verdict:
    """The verdict of the policy's gate on a scan and its judged packs, beside a base if there is one.

    `demands` are answers to what was asked for beside the policy, such as a lock that the bytes must match.

    Raises:
        InvalidValueError: when the comparison is about another candidate.
    """
    if comparison is not None and comparison.candidate.scan_id != scan.id:
        raise InvalidValueError(f"the comparison is of {comparison.candidate.scan_id}, judged is {scan.id}")
    bench = _Bench(scan, packs, policy, as_of, comparison, demands)
    reasons = sorted(bench.reasons(), key=lambda reason: _STRONGEST_FIRST.index(reason.value))
    return Verdict(
        value=reasons[0].value if reasons else VerdictValue.PASS,
        reasons=tuple(reasons),
        gate=policy.gate.name,
        gate_digest=policy.gate.digest,
        scope=_scope(packs, policy, as_of)
        + (f"; held against {comparison.base.scan_id}" if comparison else ""),
        base=comparison.base.scan_id if comparison else "",
    )


def _scope(packs: Sequence[PackResult], policy: PolicyFile, as_of: datetime.date) -> str:
    titles = ", ".join(f"{pack.title} {pack.version}" for pack in packs) or "no control pack"
    return f"{policy.scope.in_words}; {titles}; as of {as_of}"


@dataclass(frozen=True)
class _Bench:
    """Everything one verdict is reached from."""

    scan: Scan
    packs: Sequence[PackResult]
    policy: PolicyFile
    as_of: datetime.date
    comparison: Comparison | None = None
    demands: Sequence[VerdictReason] = ()

    def reasons(self) -> Iterator[VerdictReason]:
        if not any(finding.outcome.is_judged for finding in self.scan.findings):
            yield _reason(
                VerdictValue.INCOMPLETE, "nothing-judged", "no check of this scan reached a conclusion"
            )
        if not self.scan.snapshot.is_whole:
            yield _reason(VerdictValue.INCOMPLETE, "not-whole", _unread(self.scan.snapshot))
        if not self.policy.gate.rules:
            yield _reason(
                VerdictValue.INCOMPLETE, "empty-gate", "the gate has no rules, so nothing can pass it"
            )
        elif self.comparison is None and all(rule.needs_base for rule in self.policy.gate.rules):
            text = "every rule of the gate waits for a base, and none was named (--base)"
            yield _reason(VerdictValue.INCOMPLETE, "no-base", text)
        if self.comparison is not None and not any(rule.needs_base for rule in self.policy.gate.rules):
            text = f"no rule of the gate looks at the base {self.comparison.base.scan_id}"
            yield _reason(VerdictValue.PASS, "base-unused", text)
        for rule in self.policy.gate.rules:
            yield from self._spoken(rule)
        yield from beyond_limits(self.scan, self.policy.thresholds, self.policy.scope)
        if not self._is_waived_check(SIGNATURE_CHECK):
            yield from about_signers(self.scan, self.policy)
        yield from self.demands
        yield from self._waivers()
        yield from self._stale_packs()

    def _spoken(self, rule: GateRule) -> Iterator[VerdictReason]:
        if rule.failed:
            yield from self._failed(rule, rule.failed)
        if rule.unjudged:
            for check_id in rule.unjudged.checks:
                yield from self._unjudged(rule, check_id, rule.unjudged.extent)
        if rule.unproven_language:
            yield from self._unproven(rule)
        if rule.control:
            yield from self._controls(rule, rule.control)
        if rule.unlocked and not self._is_locked():
            yield _reason(rule.verdict, rule.id, f"{rule.says}: the bytes were held to no lock (--lock)")
        if rule.needs_base:
            yield from beside_base(rule, self.comparison, self.policy.scope, self._is_waived_mark)

    def _is_locked(self) -> bool:
        """Whether the scan found its bytes to be those of a lock, or the gate was given one and did."""
        check_id, held = HELD
        record = records_by_id(self.scan.records).get(check_id)
        held_now = [reason for reason in self.demands if reason.rule == "lock"]
        return any(reason.value is VerdictValue.PASS for reason in held_now) or any(
            finding.rule == held and finding.outcome is Outcome.PASS
            for finding in (record.findings if record else ())
        )

    def _failed(self, rule: GateRule, matcher: FailedMatcher) -> Iterator[VerdictReason]:
        for record in self.scan.records:
            found = [
                finding
                for finding in self.policy.scope.counted(record)
                if _matches(matcher, finding) and not self._is_waived(finding)
            ]
            if found:
                worst = max(found, key=lambda finding: finding.severity.rank)
                more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
                text = f"{rule.says}: {record.check_id}, {worst.severity.value}: {worst.message}{more}"
                yield _reason(rule.verdict, rule.id, text, found)

    def _unjudged(self, rule: GateRule, check_id: str, extent: Extent) -> Iterator[VerdictReason]:
        record = records_by_id(self.scan.records).get(check_id)
        counted = list(self.policy.scope.counted(record)) if record else []
        is_part = any(finding.outcome.is_judged for finding in counted)
        if self._is_waived_check(check_id) or extent is (Extent.WHOLE if is_part else Extent.PART):
            return
        unjudged = self.policy.scope.unjudged(record) if record else []
        found = [finding for finding in unjudged if not self._is_waived(finding)]
        if record is None:
            yield _reason(rule.verdict, rule.id, f"{rule.says}: {check_id} was not part of the scan")
        elif found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            yield _reason(rule.verdict, rule.id, f"{rule.says}: {check_id}: {found[0].reason}{more}", found)
        elif not counted:
            text = f"{rule.says}: {check_id} said nothing about {self.policy.scope.in_words}"
            yield _reason(rule.verdict, rule.id, text)

    def _unproven(self, rule: GateRule) -> Iterator[VerdictReason]:
        unproven = self.policy.scope.unproven(self.scan)
        if not unproven or self._is_waived_check(COHERENCE_CHECK):
            return
        record = records_by_id(self.scan.records).get(COHERENCE_CHECK)
        found = [finding for finding in self._coherence(record) if finding.outcome is not Outcome.PASS]
        why = f": {_what(found[0])}" if found else ""
        text = f"{rule.says}: not shown for {Scope(unproven).in_words} by {COHERENCE_CHECK}{why}"
        yield _reason(rule.verdict, rule.id, text, found)

    def _coherence(self, record: CheckRecord | None) -> Iterator[Finding]:
        return self.policy.scope.counted(record) if record else iter(())

    def _controls(self, rule: GateRule, matcher: ControlMatcher) -> Iterator[VerdictReason]:
        for pack in (one for one in self.packs if one.status not in _BINDING_NOBODY):
            for control in pack.controls:
                if _concerns(matcher, control):
                    status = control.status.value.replace("_", " ")
                    text = f"{rule.says}: {pack.title}, {control.label}: {status}. {control.reason}"
                    yield VerdictReason(rule.verdict, rule.id, capitalised(text), control.findings)

    def _waivers(self) -> Iterator[VerdictReason]:
        for waiver in self.policy.waivers:
            about = f"the waiver of {waiver.target} by {waiver.owner}"
            covered = [
                finding for finding in self.scan.findings if _covers(waiver, finding) and _could_stop(finding)
            ]
            is_used = bool(covered or waiver.check or waiver.control) or waiver.finding in self._marks()
            if not waiver.counts_on(self.as_of):
                text = f"{about} ended on {waiver.expires} and no longer counts"
                yield _reason(VerdictValue.PASS, "waiver-expired", text, covered)
            elif is_used:
                text = f"{waiver.target} is waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
                yield _reason(VerdictValue.PASS, "waiver", text, covered)
            else:
                text = f"{about} matches nothing in this scan"
                yield _reason(VerdictValue.PASS, "waiver-unused", text)

    def _stale_packs(self) -> Iterator[VerdictReason]:
        for pack in self.packs:
            if pack.is_stale:
                text = f"the pack {pack.id} {pack.version} was due for review on {pack.review_due}"
                yield _reason(VerdictValue.PASS, "pack-stale", text)
            if pack.later_text_since:
                text = (
                    f"the pack {pack.id} {pack.version} reads the law as it is since {pack.later_text_since}"
                )
                yield _reason(VerdictValue.PASS, "pack-later-text", text)

    def _marks(self) -> frozenset[str]:
        """What a waiver of the kind `finding` may name beside findings: what moved, is lost or changed."""
        return marks_of(self.comparison) if self.comparison else frozenset()

    def _is_waived_mark(self, mark: str, check_id: str) -> bool:
        waivers = self._current_waivers()
        return any(each.finding == mark or (check_id and each.check == check_id) for each in waivers)

    def _is_waived(self, finding: Finding) -> bool:
        return any(_covers(waiver, finding) for waiver in self._current_waivers())

    def _is_waived_check(self, check_id: str) -> bool:
        return any(waiver.check == check_id for waiver in self._current_waivers())

    def _current_waivers(self) -> Iterator[Waiver]:
        return (waiver for waiver in self.policy.waivers if waiver.counts_on(self.as_of))


def _reason(value: VerdictValue, rule: str, text: str, findings: Sequence[Finding] = ()) -> VerdictReason:
    fingerprints = dict.fromkeys(finding.fingerprint for finding in findings)
    return VerdictReason(value, rule, capitalised(text), tuple(fingerprints))


def _unread(snapshot: Snapshot) -> str:
    return (
        f"{len(snapshot.partly_read)} of {len(snapshot.files)} files were not read whole "
        f"({snapshot.bytes_read:,} of {snapshot.total_bytes:,} bytes were); "
        "nobody knows what the rest holds, so nothing can pass"
    )


def _what(finding: Finding) -> str:
    return finding.reason or finding.message


def _matches(matcher: FailedMatcher, finding: Finding) -> bool:
    return (
        finding.outcome is Outcome.FAIL
        and finding.severity.rank >= matcher.severity_at_least.rank
        and _CONFIDENCES.index(finding.confidence) >= _CONFIDENCES.index(matcher.confidence_at_least)
        and (not matcher.checks or finding.check_id in matcher.checks)
    )


def _concerns(matcher: ControlMatcher, control: ControlResult) -> bool:
    return (
        control.status in matcher.statuses
        and Severity(control.severity_if_failed).rank >= matcher.severity_at_least.rank
        and (not matcher.packs or control.pack_id in matcher.packs)
        and (control.is_in_force or not matcher.in_force_only)
        and (control.standing is not Standing.RELIANCE or matcher.owed_by_others)
    )


def _covers(waiver: Waiver, finding: Finding) -> bool:
    return waiver.finding == finding.fingerprint or (bool(waiver.check) and waiver.check == finding.check_id)


def _could_stop(finding: Finding) -> bool:
    return finding.outcome is not Outcome.PASS
