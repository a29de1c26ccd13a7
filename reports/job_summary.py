"""The decision as Markdown, for the summary of a build and the comment under a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from policies.assessment import Assessment, VerdictReason
from reports.comparison import comparison_markdown
from reports.licence_markdown import licences_markdown
from reports.markdown_text import folded, inline, table
from reports.sections.licences import LicencesView
from scanner.comparison import Comparison
from scanner.findings import Finding, Outcome
from scanner.scan import Scan


def job_summary(
    scan: Scan,
    assessment: Assessment,
    comparison: Comparison | None = None,
    licences: LicencesView | None = None,
) -> str:
    """Verdict, reasons, failures, controls and, with them, the licences and what changed since the base."""
    return "\n".join(part for part in _blocks(scan, assessment, comparison, licences) if part)


def _blocks(
    scan: Scan, assessment: Assessment, comparison: Comparison | None, licences: LicencesView | None
) -> Iterator[str]:
    verdict, snapshot = assessment.verdict, scan.snapshot
    yield f"# {verdict.value.value.upper()}: {inline(snapshot.ref.text)}\n"
    commit = f", commit {inline(snapshot.commit)}" if snapshot.commit else ""
    against = f", held against {inline(verdict.base)}" if verdict.base else ""
    yield f"Scan {inline(scan.id)}{commit}{against}. Files sha256 {snapshot.digest}.\n"
    yield f"Gate {inline(verdict.gate)}, sha256 {verdict.gate_digest[:16]}; {inline(verdict.scope)}.\n"
    rows = [_reason(reason) for reason in verdict.reasons]
    yield table(("answer", "rule", "reason", "fingerprints"), rows) or "No rule of the gate spoke.\n"
    failed = [finding for finding in scan.findings if finding.outcome is Outcome.FAIL]
    failed.sort(key=lambda finding: -finding.severity.rank)
    findings = table(("severity", "check", "finding", "fingerprint"), map(_finding, failed))
    if findings:
        yield folded(f"{len(failed)} findings failed", findings)
    controls = [_pack(assessment, pack.id, f"{pack.title} {pack.version}") for pack in assessment.packs]
    yield table(("pack", f"status of its controls as of {assessment.as_of}"), controls)
    if comparison is not None:
        yield comparison_markdown(comparison)
    if licences is not None:
        yield licences_markdown(licences)
    yield _counts(scan) + "\n"
    yield (
        "This is evidence within the tested scope. It shows what was measured; it does not establish that a "
        "legal duty is met.\n"
    )


def _reason(reason: VerdictReason) -> list[str]:
    marks = reason.findings[:3]
    more = f" and {len(reason.findings) - 3} more" if len(reason.findings) > 3 else ""
    return [reason.value.value, inline(reason.rule), inline(reason.text), ", ".join(marks) + more]


def _finding(finding: Finding) -> list[str]:
    about = f" ({finding.subject})" if finding.subject else ""
    said = inline(finding.check_id + about), inline(finding.message)
    return [finding.severity.value, *said, finding.fingerprint]


def _pack(assessment: Assessment, pack_id: str, title: str) -> list[str]:
    counts = Counter(control.status.value for control in assessment.controls if control.pack_id == pack_id)
    said = (f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
    return [inline(title), ", ".join(said)]


def _counts(scan: Scan) -> str:
    counts = Counter(finding.outcome for finding in scan.findings)
    return ", ".join(f"{counts[outcome]} {outcome.value.replace('_', ' ')}" for outcome in Outcome)
