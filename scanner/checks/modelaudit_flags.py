"""modelaudit-flags: modelaudit, another scanner, finds something in a file that our own checks may not know.

What it looks for: whatever modelaudit calls critical or a warning about a file, held against a table of ours
(scanner/data/modelaudit_calibration.yaml) of findings that honest models bring about: those are remarks.

Why it matters: a second scanner by other authors misses other things. It knows some forty formats.

How it can be wrong: it goes by words in places where words are data, and the table can lag behind its
versions (measured with 0.2.54); a finding says "read this", and blocks only where modelaudit calls it
critical and the table does not know it. Where it calls its own analysis inconclusive, is killed or fails,
nothing was judged, which is no PASS; our own checks judge the file all the same.

What it needs: modelaudit, which is not installed with Weighbridge because it pins numpy tightly and brings
eighty packages: name the interpreter of an environment that has it (--set modelaudit.python=PATH), or install
it beside Weighbridge. About three seconds for each scan and a second for each pickle. It runs in a process
of its own with an empty home, without telemetry (which it sends by default) and with sockets refused, one
file at a time, each with a time and a memory limit.

Source: github.com/promptfoo/modelaudit (MIT), 0.2.54; measured over tests/assets/file_corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from scanner.check import CheckContext
from scanner.engines.modelaudit import (
    PYTHON_SETTING,
    Issue,
    Meaning,
    Modelaudit,
    ModelauditError,
    calibration,
    interpreter,
)
from scanner.errors import NotAvailableError
from scanner.file_check import FileCheck, FileVerdict
from scanner.file_limits import file_limits
from scanner.findings import Confidence, Finding, Location, Measurement, Outcome, Severity
from scanner.manifest import FileEntry

_NOT_INSTALLED: Final = "not-installed"
_NOT_JUDGED: Final = "not-judged"
_SHOWN_CHARACTERS: Final = 300
_SHOWN_ISSUES: Final = 5
_SPARE_SECONDS: Final = 5.0
_TAGS: Final = ("CWE-502", "OWASP-LLM03:2025", "AML.T0010.003")
_REMEDIATION: Final = (
    "Read what modelaudit says and hold it against the findings of our own checks about this file; "
    "do not load the file before one of them is explained."
)
_SEVERITIES: Final = {
    Meaning.ATTACK: Severity.HIGH,
    Meaning.REVIEW: Severity.MEDIUM,
    Meaning.REMARK: Severity.LOW,
}


class ModelauditFlags(FileCheck):
    """Asks modelaudit about every file, where it is installed."""

    id = "modelaudit-flags"
    title = "modelaudit finds something in a file"
    severity = Severity.HIGH
    settings = (*FileCheck.settings, PYTHON_SETTING)
    order = 900
    timeout_seconds = 3600.0
    kind = "files"
    clean = "have nothing that modelaudit remarks on"

    def __init__(self) -> None:
        self._engine: Modelaudit | None = None

    def examine(self, context: CheckContext, entry: FileEntry) -> Iterator[Finding | Measurement]:
        """Yields what modelaudit says of the file, the worst of it first."""
        try:
            answer = self._started(context).ask(context.snapshot.local_path(entry.path))
        except NotAvailableError as error:
            yield self.not_run(f"{error} ({error.hint})", rule=_NOT_INSTALLED)
            return
        except ModelauditError as error:
            if self._engine is not None:
                self._engine.close()
            self._engine = None
            yield self._not_judged(entry, f"{entry.path}: {error}")
            return
        if answer.failure:
            yield self._not_judged(
                entry, f"modelaudit did not judge {entry.path}: {_visible(answer.failure)}"
            )
        meanings = [(calibration().meaning(issue), issue) for issue in answer.issues if _is_told(issue)]
        for meaning in Meaning:
            issues = [issue for each, issue in meanings if each is meaning]
            if issues:
                yield self._finding(entry, meaning, issues)
        if not answer.failure and not meanings:
            yield self.sound(entry)

    def is_joined(self, item: Finding | Measurement) -> bool:
        """Sound files are told together, and that modelaudit is not installed is told once."""
        is_absent = isinstance(item, Finding) and item.rule == _NOT_INSTALLED
        return is_absent or super().is_joined(item)

    def conclude(self, said: Iterable[Finding]) -> Iterator[Finding | Measurement]:
        """The joined PASS, or one NOT_RUN where modelaudit is not installed."""
        said = list(said)
        absent = [finding for finding in said if finding.rule == _NOT_INSTALLED]
        if absent:
            yield absent[0]
        else:
            yield from super().conclude(said)

    def verdict_of(self, finding: Finding) -> FileVerdict | None:
        """Nothing where modelaudit did not judge: our own checks do, and it is not needed."""
        if finding.outcome in (Outcome.NOT_RUN, Outcome.ERROR):
            return None
        return super().verdict_of(finding)

    def _started(self, context: CheckContext) -> Modelaudit:
        if self._engine is None:
            seconds = file_limits(context.settings, seconds=self.file_seconds).seconds
            self._engine = Modelaudit(
                interpreter(context.settings), seconds=max(1.0, seconds - _SPARE_SECONDS)
            )
        return self._engine

    def _not_judged(self, entry: FileEntry, reason: str) -> Finding:
        return self.not_run(reason, subject=entry.path, rule=_NOT_JUDGED)

    def _finding(self, entry: FileEntry, meaning: Meaning, issues: list[Issue]) -> Finding:
        said = "; ".join(_shown(issue) for issue in issues[:_SHOWN_ISSUES])
        more = f"; and {len(issues) - _SHOWN_ISSUES} more" if len(issues) > _SHOWN_ISSUES else ""
        return self.failed(
            f"modelaudit says of {entry.path}: {said}{more}",
            severity=_SEVERITIES[meaning],
            confidence=Confidence.LOW if meaning is Meaning.REMARK else Confidence.MEDIUM,
            rule=meaning.value,
            locations=(Location(entry.path),),
            remediation=_REMEDIATION,
            tags=_TAGS,
        )


def _is_told(issue: Issue) -> bool:
    return issue.severity in ("critical", "warning")


def _shown(issue: Issue) -> str:
    rule = f" ({issue.rule})" if issue.rule else ""
    return f"{issue.severity}: {_visible(issue.message)}{rule}"


def _visible(text: str) -> str:
    """Text that came out of a file, without signs that steer a terminal, and of bounded length."""
    shown = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + " ..."


CHECK = ModelauditFlags()
