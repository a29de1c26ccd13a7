"""Runs one static check on a folder, in this process, and hands back what it said."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement
from scanner.manifest import FileEntry, Snapshot
from scanner.records import decode, encode
from scanner.references import ModelRef


def snapshot_of(folder: Path, *entries: FileEntry) -> Snapshot:
    """A snapshot of these files of `folder`, or of every file below it."""
    return Snapshot(ModelRef.parse(str(folder)), None, str(folder), entries or _entries_of(folder))


def context_of(folder: Path, *entries: FileEntry) -> CheckContext:
    """A context of the same, whose evidence lies beside `folder`."""
    evidence = EvidenceStore(folder.parent / f"{folder.name}-evidence")
    return CheckContext(snapshot_of(folder, *entries), evidence)


def findings_of(check: Check, folder: Path, *entries: FileEntry) -> list[Finding]:
    """The findings of `check` about these files of `folder`, or all; each must survive JSON."""
    return [item for item in said_by(check, folder, *entries) if isinstance(item, Finding)]


def measurements_of(check: Check, folder: Path) -> list[Measurement]:
    """The measurements of `check`."""
    return [item for item in said_by(check, folder) if isinstance(item, Measurement)]


def said_by(check: Check, folder: Path, *entries: FileEntry) -> list[Finding | Measurement]:
    """Everything that `check` yields."""
    said = list(check.run(context_of(folder, *entries)))
    assert all(decode(encode(item), type(item)) == item for item in said)
    return said


def _entries_of(folder: Path) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(path.relative_to(folder).as_posix(), path.stat().st_size, _sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
