"""A report as a SARIF log: rules, results, taxonomies, artifacts and how the run went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import scanner
from policies.assessment import Statement, VerdictReason, VerdictValue
from reports.format import Report
from reports.sarif_places import artifacts, place_of
from reports.sarif_taxonomies import Taxonomies
from scanner.comparison import Fate
from scanner.findings import Finding, Outcome, Severity
from scanner.scan import Scan

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION: Final = "2.1.0"
_FINGERPRINT: Final = "weighbridge/v1"
_NOTHING_TO_EXAMINE: Final = "nothing-to-examine"
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# Where GitHub draws its lines: critical from 9.0, high from 7.0, medium from 4.0, low above 0.
_SECURITY: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
_GATE_LEVELS: Final = {
    VerdictValue.BLOCK: "error",
    VerdictValue.INCOMPLETE: "warning",
    VerdictValue.REVIEW: "note",
    VerdictValue.PASS: "none",
}
_BASELINE: Final = {
    Fate.NEW: "new",
    Fate.WORSE: "updated",
    Fate.MILDER: "updated",
    Fate.SAME: "unchanged",
    Fate.UNJUDGED: "unchanged",
    Fate.FIXED: "absent",
}


def sarif_log(report: Report) -> dict[str, Any]:
    """The log of a report, as plain values."""
    scan = report.scan
    told = list(_told(report))
    taxonomies = Taxonomies.of([finding for finding, _, _ in told])
    rules = _rules([finding for finding, _, _ in told], report)
    order = [rule["id"] for rule in rules]
    results = [_result(report, *each, order, taxonomies) for each in told]
    results += [_gate_result(report, reason, order) for reason in _gate_reasons(report)]
    run = {
        "tool": {
            "driver": {
                "name": "Weighbridge",
                "version": scanner.__version__,
                "rules": rules,
                "supportedTaxonomies": taxonomies.references(),
            }
        },
        "automationDetails": {"id": f"weighbridge/{scan.request.ref.text}/{scan.id}"},
        "invocations": [_invocation(scan)],
        "artifacts": artifacts(scan.snapshot),
        "originalUriBaseIds": {"MODEL": {"description": {"text": "The folder of the model."}}},
        "taxonomies": taxonomies.components(),
        "results": results,
        "properties": {
            "verdict": report.assessment.verdict.value.value,
            "gate": report.assessment.verdict.gate,
            "modelDigest": scan.snapshot.digest,
            "base": report.assessment.verdict.base,
        },
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _told(report: Report) -> Iterator[tuple[Finding, Fate | None, str]]:
    """Every failure with its fate and what is said of it beside its own message.

    Beside a base also those that are fixed, and those that nobody judged again: an alert that is left out
    would be closed as if it were fixed.
    """
    if report.comparison is None:
        failed = (finding for finding in report.scan.findings if finding.outcome is Outcome.FAIL)
        yield from ((finding, None, "") for finding in failed)
        return
    for change in report.comparison.findings:
        if change.fate is Fate.FIXED and change.base is not None:
            yield change.base, change.fate, ""
        elif change.fate is Fate.UNJUDGED and change.base is not None:
            yield change.base, change.fate, "not judged in this scan: "
        else:
            yield change.finding, change.fate, ""


def _rule_id(finding: Finding) -> str:
    return f"{finding.check_id}/{finding.rule}" if finding.rule else finding.check_id


def _rules(findings: Sequence[Finding], report: Report) -> list[dict[str, Any]]:
    """A descriptor per check and rule, at the gravest severity found (section 3.49)."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        name = _rule_id(finding)
        if name not in worst or finding.severity.rank > worst[name].severity.rank:
            worst[name] = finding
    rules = [
        {
            "id": name,
            "shortDescription": {"text": finding.check_id.replace("-", " ").capitalize()},
            "help": {"text": finding.remediation or f"weighbridge checks {finding.check_id} explains it."},
            "defaultConfiguration": {"level": _LEVELS[finding.severity]},
            "properties": {
                "tags": ["security", *finding.tags],
                "security-severity": _SECURITY[finding.severity],
                "precision": {"low": "low", "medium": "medium", "high": "high"}[finding.confidence.value],
            },
        }
        for name, finding in worst.items()
    ]
    rules += [
        {
            "id": name,
            "shortDescription": {"text": f"Rule {name.removeprefix('gate/')} of the gate"},
            "help": {"text": f"It stands in the policy {report.assessment.verdict.gate}."},
            "properties": {"tags": ["gate"]},
        }
        for name in dict.fromkeys(f"gate/{reason.rule}" for reason in _gate_reasons(report))
    ]
    return rules


def _result(
    report: Report,
    finding: Finding,
    fate: Fate | None,
    before: str,
    order: Sequence[str],
    taxonomies: Taxonomies,
) -> dict[str, Any]:
    name = _rule_id(finding)
    place, is_own = place_of(finding.locations, report.scan.snapshot)
    result: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": order.index(name),
        "level": _LEVELS[finding.severity],
        "message": {"text": before + finding.message},
        "locations": [place],
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
        "suppressions": [
            _suppression(each) for each in report.assessment.statements if _covers(each, finding)
        ],
        "taxa": taxonomies.taxa(finding.tags),
        "properties": {
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "subject": finding.subject,
            "isLocated": is_own,
            "evidence": [ref.sha256 for ref in finding.evidence],
        },
    }
    if fate is not None:
        result["baselineState"] = _BASELINE[fate]
    return result


def _covers(statement: Statement, finding: Finding) -> bool:
    subjects = (f"finding {finding.fingerprint}", f"check {finding.check_id}")
    return statement.kind == "waiver" and statement.counts and statement.about in subjects


def _suppression(statement: Statement) -> dict[str, str]:
    """A waiver (section 3.35): it was accepted by somebody, and ends."""
    text = f"{statement.why}; {statement.said}; by {statement.who}, until {statement.until}"
    return {"kind": "external", "status": "accepted", "justification": text}


def _gate_reasons(report: Report) -> list[VerdictReason]:
    """What the gate says that no finding of this scan says already: regressions, lost evidence, changes."""
    known = {finding.fingerprint for finding in report.scan.findings}
    return [
        reason
        for reason in report.assessment.verdict.reasons
        if reason.value is not VerdictValue.PASS and not known.intersection(reason.findings)
    ]


def _gate_result(report: Report, reason: VerdictReason, order: Sequence[str]) -> dict[str, Any]:
    name = f"gate/{reason.rule}"
    place, _ = place_of((), report.scan.snapshot)
    result: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": order.index(name),
        "level": _GATE_LEVELS[reason.value],
        "message": {"text": reason.text},
        "locations": [place],
        "partialFingerprints": {_FINGERPRINT: "/".join((name, *reason.findings))},
        "suppressions": [],
        "properties": {"answer": reason.value.value},
    }
    if report.comparison is not None:
        result["baselineState"] = "new"
    return result


def _invocation(scan: Scan) -> dict[str, Any]:
    """How the run went (section 3.20): what broke makes it unsuccessful, what was not judged is told."""
    notes = [finding for finding in scan.findings if not finding.outcome.is_judged]
    notes = [finding for finding in notes if finding.rule != _NOTHING_TO_EXAMINE]
    return {
        "executionSuccessful": not any(finding.outcome is Outcome.ERROR for finding in scan.findings),
        "startTimeUtc": f"{scan.started_at:%Y-%m-%dT%H:%M:%SZ}",
        "endTimeUtc": f"{scan.finished_at:%Y-%m-%dT%H:%M:%SZ}",
        "toolExecutionNotifications": [
            {
                "level": "error" if finding.outcome is Outcome.ERROR else "warning",
                "message": {"text": f"{_about(finding)}: {finding.reason}"},
                "properties": {"check": finding.check_id, "outcome": finding.outcome.value},
            }
            for finding in notes
        ],
    }


def _about(finding: Finding) -> str:
    return f"{finding.check_id} ({finding.subject})" if finding.subject else finding.check_id
