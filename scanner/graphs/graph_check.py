"""What the checks of graphs have in common: faults become findings, and what cannot be read is told."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Severity
from scanner.graphs.fault import HIDDEN, MALFORMED, GraphFault, malformed
from scanner.manifest import FileEntry

# Of each rule and severity, so that no flood of lesser faults hides an attack.
_FAULTS_TOLD: Final = 20
_MOST_FAULTS: Final = 1_000_000
_TAGS: Final = ("OWASP-LLM03:2025", "AML.T0010.003")
_REVIEW_REMEDIATION: Final = (
    "Let somebody read what the named operations do and where their library comes from, before you load the "
    "file."
)


class GraphCheck(FileCheck):
    """A check of files that hold graphs.

    Attributes:
        remediation: What to do about an attack or a malformed file.
    """

    verdicts: ClassVar = {
        MALFORMED: FileVerdict.NOT_READABLE,
        HIDDEN: FileVerdict.NOT_READABLE,
    }
    remediation: ClassVar[str]

    def tell(self, entry: FileEntry, faults: Iterable[GraphFault]) -> Iterator[Finding]:
        """One finding per fault, at most twenty of each rule and severity, or the PASS of the file.

        Reading stops where an attack was told so often, and after a million faults.
        """
        told: Counter[tuple[str, Severity]] = Counter()
        seen: set[tuple[str, Severity, str]] = set()
        for count, fault in enumerate(faults):
            kind = fault.code, fault.severity
            if count >= _MOST_FAULTS:
                reason = f"it has more than {_MOST_FAULTS} faults; not read to the end"
                yield self._finding(entry, malformed(reason, "end of reading"))
                return
            if told[kind] > _FAULTS_TOLD or (*kind, fault.place) in seen:
                continue
            seen.add((*kind, fault.place))
            told[kind] += 1
            is_last = told[kind] > _FAULTS_TOLD
            if is_last:
                fault = dataclasses.replace(fault, place="further faults", message="more faults follow")
            finding = self._finding(entry, fault)
            yield finding
            if is_last and self.verdict_of(finding) is FileVerdict.ATTACK:
                return
        if not told:
            yield self.sound(entry)

    def _finding(self, entry: FileEntry, fault: GraphFault) -> Finding:
        where = f", {fault.place}" if fault.place else ""
        is_review = fault.severity.rank < Severity.HIGH.rank
        return self.failed(
            f"{entry.path}{where}: {fault.message}",
            severity=fault.severity,
            rule=fault.code,
            locations=(Location(entry.path, detail=fault.place),),
            remediation=_REVIEW_REMEDIATION if is_review else self.remediation,
            tags=(*fault.tags, *_TAGS),
        )
