"""What the checks of graphs have in common: faults become findings, and what cannot be read is told."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding, Location, Severity
from scanner.graphs.fault import HIDDEN, MALFORMED, GraphFault
from scanner.manifest import FileEntry

_FAULTS_PER_FILE: Final = 20
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
        """One finding per fault, at most twenty, or the PASS of the file.

        Reading stops after the twentieth fault: what a file of a million faults is, is known by then.
        """
        told = 0
        for fault in itertools.islice(_once(faults), _FAULTS_PER_FILE + 1):
            told += 1
            if told > _FAULTS_PER_FILE:
                fault = dataclasses.replace(fault, place="further faults", message="more faults follow")
            yield self._finding(entry, fault)
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


def _once(faults: Iterable[GraphFault]) -> Iterator[GraphFault]:
    """Each fault once per place and rule, which identify a finding."""
    seen: set[tuple[str, str]] = set()
    for fault in faults:
        if (fault.code, fault.place) not in seen:
            seen.add((fault.code, fault.place))
            yield fault
