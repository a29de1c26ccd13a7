"""What a person reads at the end of a scan, within 80 columns, and the same as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from cli.exit_codes import ExitCode
from cli.terminal import stderr, stdout
from cli.workplace import as_json
from policies.assessment import Assessment, PackResult, VerdictValue
from reports.glyphs import visible
from reports.wording import pack_state
from scanner.check import Check, Cost
from scanner.findings import Finding, Outcome
from scanner.records import to_builtins
from scanner.scan import Scan, ScanRequest

if TYPE_CHECKING:
    from cli.criteria import Criteria
    from cli.weighing import Weighing
    from policies.decisions import Person

_SHOWN_FINDINGS = 12
_STYLES = {
    VerdictValue.PASS: "bold green",
    VerdictValue.REVIEW: "bold yellow",
    VerdictValue.BLOCK: "bold red",
    VerdictValue.INCOMPLETE: "bold magenta",
}


def announce(
    request: ScanRequest, checks: Sequence[Check], criteria: Criteria, preparer: Person | None
) -> None:
    """Says on stderr what is about to be done, what it costs at most, by what it is judged, and by whom."""
    cost = sum((check.cost(request.profile) for check in checks), Cost())
    line = f"Weighing {visible(request.ref.text)}: {len(checks)} checks, profile {request.profile.value}"
    if request.backend and cost.questions:
        line += f", at most {cost.questions:,} questions and {cost.reply_tokens:,} reply tokens"
    stderr().print(line)
    stderr().print(visible(f"Judged by {criteria.policy.in_words}"))
    if preparer is not None:
        stderr().print(visible(f"Prepared by {preparer.in_words} (from {preparer.known_from})"))


def print_summary(weighing: Weighing, files: Sequence[Path], *, output: str) -> None:
    """Prints the result of a scan that has just ended."""
    if output == "json":
        document = summary_document(weighing.scan, weighing.assessment)
        document["reports"] = [str(path) for path in files]
        document["questions"] = {"asked": weighing.asked, "recalled": weighing.recalled}
        click.echo(as_json(document))
        return
    print_scan(weighing.scan, weighing.assessment)
    _print_run(weighing, files)
    print_counts(weighing.scan, weighing.assessment)


def summary_document(scan: Scan, assessment: Assessment) -> dict[str, Any]:
    """The result as plain values, for scripts; the full report is `report.json`."""
    verdict = assessment.verdict
    return {
        "schema": "weighbridge.summary/1",
        "scan": scan.id,
        "model": scan.request.ref.text,
        "commit": scan.snapshot.commit,
        "digest": scan.snapshot.digest,
        "lock": scan.request.lock,
        "verdict": verdict.value.value,
        "exit_code": int(ExitCode.of(verdict.value)),
        "scope": verdict.scope,
        "overrides": list(assessment.overrides),
        "base": verdict.base,
        "reasons": to_builtins(verdict.reasons),
        "findings": dict(_outcomes(scan)),
        "controls": {pack.id: dict(_statuses(assessment, pack.id)) for pack in assessment.packs},
        "gaps_of_others": {pack.id: _gaps_of_others(pack) for pack in assessment.packs},
        "stale_packs": [pack.id for pack in assessment.packs if pack.is_stale],
    }


def print_scan(scan: Scan, assessment: Assessment) -> None:
    """Prints model, findings, controls and verdict."""
    console = stdout()
    console.print(_heading(scan))
    failed = [finding for finding in scan.findings if finding.outcome is Outcome.FAIL]
    open_ones = [
        finding
        for finding in scan.findings
        if not finding.outcome.is_judged and finding.rule != "nothing-to-examine"
    ]
    if failed:
        console.print()
        console.print(_findings_table(sorted(failed, key=lambda each: -each.severity.rank)))
    if open_ones:
        console.print()
        console.print(_open_table(open_ones))
    console.print()
    _print_stale(assessment)
    console.print(_controls_table(assessment))
    console.print()
    _print_verdict(assessment)


def print_judgement(scan: Scan, assessment: Assessment) -> None:
    """Prints what was judged, the statuses of its controls and the verdict, without the findings."""
    console = stdout()
    console.print(Text(f"{scan.id}  {visible(scan.request.ref.text)}"), soft_wrap=True)
    if assessment.packs:
        console.print(_controls_table(assessment))
    _print_verdict(assessment)
    print_counts(scan, assessment)


def print_counts(scan: Scan, assessment: Assessment) -> None:
    """Prints the last line: how many findings of each outcome."""
    counts = _outcomes(scan)
    waived = {
        each for reason in assessment.verdict.reasons if reason.rule == "waiver" for each in reason.findings
    }
    stdout().print(
        f"{counts['fail']} failed, {counts['pass']} passed, {counts['not_run']} not run, "
        f"{counts['error']} errors, {len(waived)} suppressed by waivers"
    )


def _heading(scan: Scan) -> Table:
    table = _plain_table()
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    snapshot, engine = scan.snapshot, scan.engine
    size = f"{len(snapshot.files)} file(s), {snapshot.total_bytes / 1e6:,.1f} MB"
    table.add_row("Scan", scan.id)
    table.add_row("Model", _text(f"{snapshot.ref.text}  {size}"))
    table.add_row("Commit", _text(snapshot.commit or "none: the source has no commits"))
    of_parts = "" if snapshot.is_whole else " of what was read"
    table.add_row("Digest", f"sha256 {snapshot.digest}{of_parts}")
    if scan.request.lock:
        table.add_row("Lock", _text(f"sha256 {scan.request.lock}"))
    said = f"{engine.version}, {engine.device}, {engine.dtype}" if engine else "not questioned"
    table.add_row("Engine", _text(said))
    return table


def _findings_table(findings: Sequence[Finding]) -> Table:
    table = _plain_table("Failed")
    table.add_column("severity", no_wrap=True)
    table.add_column("finding", overflow="fold")
    for finding in findings[:_SHOWN_FINDINGS]:
        table.add_row(finding.severity.value, _finding_text(finding, finding.message))
    if len(findings) > _SHOWN_FINDINGS:
        table.add_row("", f"... and {len(findings) - _SHOWN_FINDINGS} more in the report")
    return table


def _open_table(findings: Sequence[Finding]) -> Table:
    """One row per check and reason: a model that cannot answer leaves every probe with the same one."""
    table = _plain_table("Not judged")
    table.add_column("outcome", no_wrap=True)
    table.add_column("reason", overflow="fold")
    alike: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.check_id, finding.reason].append(finding)
    for same in list(alike.values())[:_SHOWN_FINDINGS]:
        first = same[0] if len(same) == 1 else replace(same[0], subject=f"{len(same)} parts")
        table.add_row(first.outcome.value.replace("_", " "), _finding_text(first, first.reason))
    if len(alike) > _SHOWN_FINDINGS:
        table.add_row("", f"... and {len(alike) - _SHOWN_FINDINGS} more in the report")
    return table


def _finding_text(finding: Finding, said: str) -> Text:
    about = f" ({finding.subject})" if finding.subject else ""
    return Text.assemble((finding.check_id + about, "bold"), "  ", visible(said))


def _controls_table(assessment: Assessment) -> Table:
    table = _plain_table(f"Controls as of {assessment.as_of}")
    table.add_column("pack", no_wrap=True)
    table.add_column("status of its controls", overflow="fold")
    for pack in assessment.packs:
        counts = _statuses(assessment, pack.id)
        said = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.items())
        if pack.status != "in_force":
            said = f"{pack_state(pack.status)}: {said}"
        if others := _gaps_of_others(pack):
            said += f"; {others} of the not supported owed by others, on whom you rely"
        table.add_row(
            f"{pack.id} {pack.version}", said + (" (pack is past its review date)" if pack.is_stale else "")
        )
    return table


def _print_stale(assessment: Assessment) -> None:
    """A banner for every pack that was not held against the law in time, or reads the law of a later day."""
    for pack in assessment.packs:
        name = f"Attention: {pack.title} {pack.version}"
        lines = []
        if pack.is_stale:
            lines.append(f"{name} was due for review on {pack.review_due}. The law may have changed since.")
        if pack.later_text_since:
            lines.append(f"{name} reads the law as it is since {pack.later_text_since}, not of earlier days.")
        for line in lines:
            stdout().print(Text(line, style="bold yellow"))


def _gaps_of_others(pack: PackResult) -> int:
    return sum(control.is_gap_of_others for control in pack.controls)


def _print_verdict(assessment: Assessment) -> None:
    verdict, console = assessment.verdict, stdout()
    code = int(ExitCode.of(verdict.value))
    console.print(Text(f"{verdict.value.value.upper()}  (exit code {code})", style=_STYLES[verdict.value]))
    table = _plain_table()
    table.add_column("value", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for reason in verdict.reasons:
        table.add_row(reason.value.value, _text(reason.text))
    if verdict.scope:
        table.add_row("scope", _text(verdict.scope))
    if assessment.overrides:
        table.add_row("policy", _text(f"with its overrides for {', '.join(assessment.overrides)}"))
    console.print(table)


def _print_run(weighing: Weighing, files: Sequence[Path]) -> None:
    console = stdout()
    console.print()
    if weighing.was_resumed:
        console.print(f"Resumed: {weighing.recalled} answers recalled, {weighing.asked} questions asked now.")
    for path in files:
        console.print(Text(f"Wrote {path}"), soft_wrap=True)


def _outcomes(scan: Scan) -> Counter[str]:
    counts = Counter({outcome.value: 0 for outcome in Outcome})
    counts.update(finding.outcome.value for finding in scan.findings)
    return counts


def _statuses(assessment: Assessment, pack_id: str) -> Counter[str]:
    controls = (control for control in assessment.controls if control.pack_id == pack_id)
    return Counter(control.status.value for control in controls)


def _plain_table(title: str | None = None) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        show_header=False,
        padding=(0, 2, 0, 0),
    )


def _text(said: str) -> Text:
    return Text(visible(said))
