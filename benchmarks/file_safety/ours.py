"""Our own verdict of every file of a folder, as `weighbridge inspect-files` gives it."""

from __future__ import annotations

import hashlib
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scanner.check import CheckContext
from scanner.evidence import EvidenceStore
from scanner.file_check import FileCheck, FileVerdict
from scanner.findings import Finding
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from scanner.registry import load_checks
from scanner.runner import run_check


@dataclass(frozen=True)
class Verdicts:
    """What we say of a folder of files.

    Attributes:
        by_path: Path in the folder to its verdict.
        why: Path to what the check with the worst verdict said, with the check's id.
        wall_seconds: For all files.
        cpu_seconds: Of this process and its children.
    """

    by_path: dict[str, str]
    why: dict[str, str]
    wall_seconds: float
    cpu_seconds: float

    def of(self, path: str) -> tuple[str, str]:
        """The worst verdict of a file, or of all files of a folder, and why."""
        inside = [each for each in self.by_path if each == path or each.startswith(f"{path}/")]
        worst = max(inside, key=lambda each: FileVerdict(self.by_path[each]).rank)
        return self.by_path[worst], self.why.get(worst, "")


def verdicts_of(folder: Path) -> Verdicts:
    """Runs every check of files over the folder, as a scan does."""
    began, used = time.monotonic(), _cpu_seconds()
    snapshot = _snapshot(folder)
    verdicts = {entry.path: FileVerdict.PLAIN_DATA for entry in snapshot.files}
    why: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as evidence:
        context = CheckContext(snapshot, EvidenceStore(Path(evidence)))
        for check in load_checks().values():
            if not isinstance(check, FileCheck):
                continue
            for finding in run_check(check, context).findings:
                for path, verdict in _said(check, finding, verdicts):
                    if verdict is not None and verdict.rank > verdicts[path].rank:
                        verdicts[path] = verdict
                        why[path] = f"{check.id}/{finding.rule}: {finding.message} {finding.reason}".strip()
    plain = {path: verdict.value for path, verdict in verdicts.items()}
    return Verdicts(plain, why, time.monotonic() - began, _cpu_seconds() - used)


def _said(
    check: FileCheck, finding: Finding, known: dict[str, FileVerdict]
) -> Iterator[tuple[str, FileVerdict]]:
    verdict = check.verdict_of(finding)
    paths = [location.path for location in finding.locations][:1] or [finding.subject]
    yield from ((path, verdict) for path in paths if path in known and verdict is not FileVerdict.PLAIN_DATA)


def _snapshot(folder: Path) -> Snapshot:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = tuple(
        FileEntry(
            path.relative_to(folder).as_posix(),
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in paths
    )
    return Snapshot(ModelRef.parse(str(folder)), None, str(folder), files)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
