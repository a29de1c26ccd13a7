"""The lines that `weighbridge inspect-files` prints: one a file, for people or for scripts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click
from rich.padding import Padding
from rich.text import Text

from cli.terminal import stdout
from policies.assessment import VerdictValue
from reports.glyphs import visible
from scanner.check import Check, CheckRecord
from scanner.file_check import FileVerdict
from scanner.file_verdicts import FileJudgement, Gate, Reason, file_verdicts
from scanner.findings import Outcome, Severity
from scanner.loose_files import LooseFiles, Refused

_WORDS: Final = {
    FileVerdict.PLAIN_DATA: "plain data",
    FileVerdict.NEEDS_CLASS_INSTANCE: "needs class instance",
    FileVerdict.NOT_READABLE: "not readable",
    FileVerdict.ATTACK: "attack",
}
_STYLES: Final = {
    Gate.PASS: "green", Gate.REVIEW: "bold yellow", Gate.INCOMPLETE: "bold magenta", Gate.BLOCK: "bold red",
}  # fmt: skip
_GATES: Final = tuple(Gate)
_REASONS_SHOWN: Final = 3


@dataclass(frozen=True)
class FileLine:
    """What is printed of one file.

    Attributes:
        judgement: Its verdict.
        sha256: 64 hex digits, "" for what was not opened.
        size_bytes: 0 for what was not opened.
    """

    judgement: FileJudgement
    sha256: str
    size_bytes: int


def lines_of(
    files: LooseFiles, records: Iterable[CheckRecord], checks: Iterable[Check]
) -> tuple[FileLine, ...]:
    """One line for each file and for all that was not opened, by path."""
    entries = files.snapshot.files
    judgements = file_verdicts(files.snapshot, records, checks)
    lines = [
        FileLine(judgement, entry.sha256, entry.size_bytes)
        for judgement, entry in zip(judgements, entries, strict=True)
    ]
    lines += [FileLine(_refused(each), "", 0) for each in files.refused]
    return tuple(sorted(lines, key=lambda line: line.judgement.path))


def worst_gate(lines: Sequence[FileLine]) -> VerdictValue:
    """What a gate does with all of them together."""
    worst = max((line.judgement.gate for line in lines), key=_GATES.index)
    return VerdictValue(worst.value)


def print_json(lines: Sequence[FileLine]) -> None:
    """One JSON object a line, by path."""
    for line in lines:
        click.echo(json.dumps(_document(line)))


def print_table(lines: Sequence[FileLine], left_out: Sequence[str]) -> None:
    """One line a file with its reasons below, the worst first, and the counts at the end."""
    console = stdout()
    for line in sorted(lines, key=_worst_first):
        judgement = line.judgement
        head = Text(f"{_WORDS[judgement.verdict]:<22}", style=_STYLES[judgement.gate])
        kind = f"  ({judgement.kind})" if judgement.kind else ""
        console.print(head + Text(visible(judgement.path)) + Text(visible(kind), style="dim"))
        for text in _reasons(judgement):
            console.print(Padding(Text(visible(text)), (0, 0, 0, 4), expand=False))
    for folder in left_out:
        console.print(Text(visible(f"not looked into: {folder}")))
    console.print(Text(_counts(lines)))


def _refused(refused: Refused) -> FileJudgement:
    reason = Reason(
        "", refused.rule, Outcome.NOT_RUN, Severity.MEDIUM,
        f"{refused.path}: {refused.reason}", "", FileVerdict.NOT_READABLE,
    )  # fmt: skip
    return FileJudgement(refused.path, FileVerdict.NOT_READABLE, "", (reason,), ())


def _worst_first(line: FileLine) -> tuple[int, int, str]:
    judgement = line.judgement
    return -_GATES.index(judgement.gate), -judgement.verdict.rank, judgement.path


def _reasons(judgement: FileJudgement) -> Iterator[str]:
    for reason in judgement.reasons[:_REASONS_SHOWN]:
        rule = "/".join(filter(None, (reason.check_id, reason.rule)))
        grade = reason.severity.value if reason.outcome is Outcome.FAIL else "not judged"
        yield f"{grade}: {reason.message} [{rule}]"
    if len(judgement.reasons) > _REASONS_SHOWN:
        yield f"and {len(judgement.reasons) - _REASONS_SHOWN} more reasons (--json lists all)"


def _counts(lines: Sequence[FileLine]) -> str:
    verdicts = Counter(line.judgement.verdict for line in lines)
    gates = Counter(line.judgement.gate for line in lines)
    said = ", ".join(f"{verdicts[verdict]} {_WORDS[verdict]}" for verdict in reversed(FileVerdict))
    gated = ", ".join(f"{gates[gate]} {gate.value}" for gate in reversed(_GATES))
    return f"{len(lines)} files: {said}; gate: {gated}"


def _document(line: FileLine) -> dict[str, object]:
    judgement = line.judgement
    return {
        "path": judgement.path,
        "verdict": judgement.verdict.value,
        "gate": judgement.gate.value,
        "sha256": line.sha256,
        "size_bytes": line.size_bytes,
        "kind": judgement.kind,
        "reasons": [
            {
                "check": reason.check_id,
                "rule": reason.rule,
                "outcome": reason.outcome.value,
                "severity": reason.severity.value,
                "message": reason.message,
                "place": reason.place,
            }
            for reason in judgement.reasons
        ],
        "looked_at_by": list(judgement.looked_at_by),
    }
