"""The rules of a gate that hold a scan against an earlier one: new, regressed, not run any more, changed.

A comparison that could not have seen what a rule forbids is INCOMPLETE, and so is a rule that needs a base
and has none, unless it says that it speaks only when there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from policies.assessment import VerdictReason, VerdictValue
from policies.gate_rules import (
    ChangedMatcher,
    GateRule,
    NewMatcher,
    NotRunMatcher,
    RegressedMatcher,
    When,
)
from policies.scope import Scope
from policies.statuses import capitalised
from scanner.comparison import Comparison, Fate, FindingChange, PartState
from scanner.findings import Confidence
from scanner.measured_change import MeasuredChange
from scanner.measures import Worse

_CONFIDENCES: Final = list(Confidence)
_MOST_FLIPS: Final = 5
IsWaived = Callable[[str, str], bool]


def beside_base(
    rule: GateRule, comparison: Comparison | None, scope: Scope, is_waived: IsWaived
) -> Iterator[VerdictReason]:
    """What a rule says of a comparison.

    Args:
        rule: One with `needs_base`.
        comparison: None when the scan was judged alone.
        scope: The languages that count.
        is_waived: Whether a fingerprint, or a check as a whole, is waived today.
    """
    if comparison is None:
        if rule.when is not When.COMPARED:
            text = f"{rule.says}: the rule holds the scan against an earlier one, and none was named (--base)"
            yield _incomplete(rule, text)
        return
    if rule.unapproved_base and not comparison.base.approval:
        yield _said(rule, rule.verdict, f"nobody approved the base {comparison.base.scan_id}")
    if rule.new:
        yield from _new(rule, rule.new, comparison, is_waived)
    if rule.regressed:
        yield from _regressed(rule, rule.regressed, comparison, scope, is_waived)
    if rule.not_run:
        yield from _not_run(rule, rule.not_run, comparison, scope, is_waived)
    if rule.changed:
        yield from _changed(rule, rule.changed, comparison, is_waived)


def marks_of(comparison: Comparison) -> frozenset[str]:
    """The fingerprints of everything in a comparison that a waiver may name beside findings."""
    figures = (change.fingerprint for change in comparison.measurements)
    lost = (each.fingerprint for each in comparison.lost)
    parts = (part.fingerprint for part in comparison.parts if not part.is_same)
    return frozenset((*figures, *lost, *parts))


def _new(
    rule: GateRule, matcher: NewMatcher, comparison: Comparison, is_waived: IsWaived
) -> Iterator[VerdictReason]:
    for change in comparison.with_fate(Fate.NEW, Fate.WORSE):
        finding = change.finding
        if _is_news(matcher, change) and not is_waived(finding.fingerprint, finding.check_id):
            was = change.base.severity.value if change.fate is Fate.WORSE and change.base else ""
            how = f"was {was}" if was else "" if change.was_judged else "the base had not judged it"
            text = (
                f"{finding.check_id}, {finding.severity.value}{f' ({how})' if how else ''}: {finding.message}"
            )
            yield _said(rule, rule.verdict, text, finding.fingerprint)


def _is_news(matcher: NewMatcher, change: FindingChange) -> bool:
    finding, least = change.finding, matcher.severity_at_least.rank
    was_as_grave = change.fate is Fate.WORSE and change.base and change.base.severity.rank >= least
    return (
        not was_as_grave
        and finding.severity.rank >= least
        and _CONFIDENCES.index(finding.confidence) >= _CONFIDENCES.index(matcher.confidence_at_least)
        and (not matcher.checks or finding.check_id in matcher.checks)
    )


def _regressed(
    rule: GateRule, matcher: RegressedMatcher, comparison: Comparison, scope: Scope, is_waived: IsWaived
) -> Iterator[VerdictReason]:
    concerned = [change for change in comparison.measurements if _concerns(matcher, change)]
    tested = [change for change in concerned if change.test is not None]
    for change in concerned:
        if is_waived(change.fingerprint, change.check_id):
            continue
        if _is_regression(matcher, change):
            text = f"{_in_words(change)}{_flipped(comparison, change)}"
            yield _said(rule, rule.verdict, text, change.fingerprint)
        elif not scope.is_beside(change.dimensions.get("language", "")):
            why = _why_unseen(matcher, change)
            if why:
                yield _incomplete(rule, f"{rule.says}: {change.label}: {why}", change.fingerprint)
    if not tested:
        named = ", ".join(matcher.measurements)
        yield _incomplete(rule, f"{rule.says}: no figure {named} could be compared with the base")


def _concerns(matcher: RegressedMatcher, change: MeasuredChange) -> bool:
    names = (change.name, *change.stands_for)
    return change.worse is not Worse.NEITHER and any(matcher.names(name) for name in names)


def _is_regression(matcher: RegressedMatcher, change: MeasuredChange) -> bool:
    return change.is_found(matcher.alpha) and (change.worsening or 0.0) >= matcher.by_at_least


def _why_unseen(matcher: RegressedMatcher, change: MeasuredChange) -> str:
    """Why a change that matters may have been missed, "" where it would have been seen or is ruled out."""
    test = change.test
    if test is None:
        # A part of another figure, or one made of the same replies, is judged with that one.
        is_lost = change.base is not None and change.candidate is None
        is_silent = change.base is not None and change.untested.startswith("its interval")
        return change.untested if is_lost or is_silent else ""
    by = matcher.by_at_least
    if test.detectable is not None and test.detectable <= by:
        return ""
    if change.worst_case is not None and change.worst_case < by:
        return ""
    limit = "no change at all" if test.detectable is None else f"none below {test.detectable:.3g}"
    return (
        f"too few to tell: a change of {by:.3g} for the worse would have been missed (n = {change.n}, "
        f"{limit} can be detected, and it may be worse by up to {change.worst_case or 0.0:.3g})"
    )


def _in_words(change: MeasuredChange) -> str:
    test = change.test
    assert test is not None
    interval = f"[{test.interval.low:.3g}, {test.interval.high:.3g}]"
    return (
        f"{change.label} went from {change.base:.3g} to {change.candidate:.3g} (difference "
        f"{change.delta:+.3g} {interval}, n = {change.n}, p = {test.adjusted_p:.2g} after Holm)"
    )


def _flipped(comparison: Comparison, change: MeasuredChange) -> str:
    own = [
        flip.candidate.id
        for flip in comparison.flips
        if flip.is_worse and (flip.name, flip.dimensions) == (change.name, change.dimensions)
    ]
    more = f" and {len(own) - _MOST_FLIPS} more" if len(own) > _MOST_FLIPS else ""
    return f"; flipped: {', '.join(own[:_MOST_FLIPS])}{more}" if own else ""


def _not_run(
    rule: GateRule, matcher: NotRunMatcher, comparison: Comparison, scope: Scope, is_waived: IsWaived
) -> Iterator[VerdictReason]:
    for lost in comparison.lost:
        is_meant = matcher.checks == "required" or lost.check_id in matcher.checks
        if is_meant and not scope.is_beside(lost.subject) and not is_waived(lost.fingerprint, lost.check_id):
            about = f" ({lost.subject})" if lost.subject else ""
            text = f"{lost.check_id}{about} was judged in the base and is not any more: {lost.reason}"
            yield _said(rule, rule.verdict, text, lost.fingerprint)


def _changed(
    rule: GateRule, matcher: ChangedMatcher, comparison: Comparison, is_waived: IsWaived
) -> Iterator[VerdictReason]:
    for part in comparison.parts:
        if part.part not in matcher.parts or part.is_same or is_waived(part.fingerprint, ""):
            continue
        more = f" (and {len(part.told) - 1} more)" if len(part.told) > 1 else ""
        told = f"{part.part.value}: {part.told[0] if part.told else 'it differs'}{more}"
        if part.state is PartState.CHANGED:
            yield _said(rule, rule.verdict, told, part.fingerprint)
        else:
            yield _incomplete(rule, f"{rule.says}: whether it changed is not known; {told}", part.fingerprint)


def _said(rule: GateRule, value: VerdictValue, text: str, *marks: str) -> VerdictReason:
    return VerdictReason(value, rule.id, capitalised(f"{rule.says}: {text}"), marks)


def _incomplete(rule: GateRule, text: str, *marks: str) -> VerdictReason:
    return VerdictReason(VerdictValue.INCOMPLETE, rule.id, capitalised(text), marks)
