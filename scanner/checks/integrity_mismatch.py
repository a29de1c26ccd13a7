"""Files that are not the bytes their source has on record.

What it looks for: every file whose digest, computed here over every byte, differs from one that somebody
else recorded: the hub's tree at the fetched commit, the hub client's notes or SHA256SUMS in a local
folder, the record of the package that carries the model, the lock that the scan was told to demand. Also
files on record that are not there, files and commits that are not those of the lock, links that lead out of
the folder, and folders that mix files of several commits.

Why it matters: the hub's client accepts wrong bytes of the right length, and proxies and mirrors stand
in between; everything else that is said about a model is said about other bytes if these differ.

How it can be wrong: a record that lies in the same folder as the file can be changed along with it, so a
match only shows that nothing was damaged since; the origin of each digest is in the evidence. A file that
was edited on purpose fails as well. A hub that was broken into serves wrong bytes with a fitting tree.

What it needs: digests on record. Where there are none it is not run.

Source: Hugging Face Hub API, `tree` route (oid, lfs.oid); git-scm.com, Pro Git 2nd ed., section 10.2;
SLSA 1.1, "Verifying artifacts"; MITRE ATLAS AML.T0010 (AI Supply Chain Compromise); CWE-345, CWE-353.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Interval, Location, Measurement, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.records import encode_pretty

_TAGS: Final = ("CWE-345", "CWE-353", "AML.T0010", "OWASP-LLM03:2025")


class IntegrityMismatch(Check):
    """Holds our digests against those on record."""

    id: ClassVar[str] = "integrity-mismatch"
    title: ClassVar[str] = "Files differ from what their source recorded"
    severity: ClassVar[Severity] = Severity.CRITICAL
    order: ClassVar[int] = 10
    measures: ClassVar[tuple[MeasureSpec, ...]] = (
        MeasureSpec("integrity.files_verified", "files", "Files whose digest equals the one on record"),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """One finding per file that differs, is missing or leads out; else one for all files."""
        snapshot = context.snapshot
        evidence = (_keep_table(context),)
        failures = [
            *(self._mismatch(entry, evidence) for entry in snapshot.files if entry.matches_source is False),
            *(self._missing(path, evidence) for path in snapshot.missing),
            *self._strange_facts(snapshot, evidence),
            *self._not_in_lock(snapshot, evidence),
        ]
        yield from failures
        yield from self._beside_lock(snapshot, bool(failures), evidence)
        yield from self._left_out(snapshot)
        for key, problem in snapshot.source:
            if key == "digest_unreadable":
                yield self.errored(f"a digest is on record and cannot be read: {problem}", subject=problem)
        yield from self._judged(snapshot, bool(failures), evidence)

    def _judged(
        self, snapshot: Snapshot, has_failed: bool, evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding | Measurement]:
        on_record = [entry for entry in snapshot.files if entry.source_digest is not None]
        if not on_record:
            yield self.not_run(
                "nobody recorded digests for these files; compare those in the manifest with the publisher's"
            )
            return
        verified = sum(entry.matches_source is True for entry in on_record)
        partly = len(snapshot.partly_read)
        unread = sum(not entry.is_whole for entry in on_record)
        if partly:
            yield self.not_run(
                f"{partly} of {len(snapshot.files)} files were read in part only, and a digest takes every "
                f"byte; of the {len(snapshot.files) - partly} read whole, {verified} are the bytes on record",
                subject="files read in part",
            )
        elif not has_failed:
            origins = sorted({entry.source_digest.origin for entry in on_record if entry.source_digest})
            yield self.passed(
                f"{verified} of {len(snapshot.files)} files are the bytes on record ({_some(origins)})",
                evidence=evidence,
            )
        if unrecorded := _unrecorded(snapshot):
            yield self.not_run(
                f"no digest on record for {_some(unrecorded)}", subject="files without a record"
            )
        yield self.measured(
            "integrity.files_verified",
            float(verified),
            n=len(snapshot.files),
            interval=Interval(float(verified), float(verified + unread)),
            method="exact count of files whose sha256 or git blob id equals the one on record",
            evidence=evidence,
        )

    def _mismatch(self, entry: FileEntry, evidence: tuple[EvidenceRef, ...]) -> Finding:
        recorded = entry.source_digest
        assert recorded is not None  # noqa: S101 - matches_source is False only beside a record
        got = entry.sha256 if recorded.algorithm == "sha256" else entry.git_sha1
        return self.failed(
            f"{entry.path}: {recorded.algorithm} is {got}, expected {recorded.value} ({recorded.origin})",
            rule="DIFFERS",
            locations=(Location(entry.path),),
            evidence=evidence,
            remediation="Do not load the model. Remove the file, fetch it again without a proxy or mirror, "
            "and compare; if it still differs, tell whoever runs the source.",
            tags=_TAGS,
        )

    def _missing(self, path: str, evidence: tuple[EvidenceRef, ...]) -> Finding:
        return self.failed(
            f"{path}: on record and not there; the model that was scanned is not complete",
            severity=Severity.HIGH,
            rule="MISSING",
            locations=(Location(path),),
            evidence=evidence,
            remediation="Fetch the model again, completely.",
            tags=_TAGS,
        )

    def _strange_facts(self, snapshot: Snapshot, evidence: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        for key, value in snapshot.source:
            if key == "link_outside":
                yield self.failed(
                    f"{value}: a link that leads out of the model's folder; what it leads to was not scanned",
                    severity=Severity.HIGH,
                    rule="LINK-OUT",
                    locations=(Location(value.partition(" -> ")[0]),),
                    evidence=evidence,
                    remediation="Replace the link by the file itself, or scan the folder that it leads to.",
                    tags=("CWE-59",),
                )
            elif key == "commits_mixed":
                yield self.failed(
                    f"the folder mixes files of several commits: {value}",
                    severity=Severity.MEDIUM,
                    rule="MIXED",
                    evidence=evidence,
                    remediation="Fetch one commit into an empty folder.",
                    tags=_TAGS,
                )

    def _not_in_lock(self, snapshot: Snapshot, evidence: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        for key, value in snapshot.source:
            if key == "lock_commit":
                yield self.failed(
                    value,
                    rule="LOCK-COMMIT",
                    evidence=evidence,
                    remediation="Fetch the commit of the lock, or look at what changed and update the lock.",
                    tags=_TAGS,
                )
            elif key == "lock_extra":
                yield self.failed(
                    f"{value}: there and not in the lock",
                    severity=Severity.HIGH,
                    rule="EXTRA",
                    locations=(Location(value),),
                    evidence=evidence,
                    remediation="Remove the file, or look at it and update the lock.",
                    tags=_TAGS,
                )

    def _beside_lock(
        self, snapshot: Snapshot, has_failed: bool, evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        facts = dict(snapshot.source)
        if "lock" in facts and not has_failed:
            yield self.passed(
                f"all {len(snapshot.files)} files are those of the lock ({facts['lock']})",
                rule="LOCK",
                subject="lock",
                evidence=evidence,
            )
        if "lock_same_tensors" in facts:
            yield self.passed(
                f"the weights are those of the lock, in other files ({facts['lock_same_tensors']})",
                rule="LOCK-TENSORS",
                subject="tensors",
                evidence=evidence,
            )

    def _left_out(self, snapshot: Snapshot) -> Iterator[Finding]:
        """A part of a model was asked for: nothing that is said here is about the rest."""
        chosen = [f"{key} {value}" for key, value in snapshot.source if key in ("subset", "allow", "ignore")]
        left_out = [value for key, value in snapshot.source if key == "left_out"]
        if chosen and left_out:
            yield self.not_run(
                f"{len(left_out)} files were left out ({_some(chosen)}): {_some(left_out)}",
                subject="files left out",
            )


def _keep_table(context: CheckContext) -> EvidenceRef:
    snapshot = context.snapshot
    table = {
        "commit": snapshot.commit,
        "files": snapshot.files,
        "missing": snapshot.missing,
        "lock": [value for key, value in snapshot.source if key.startswith("lock")],
    }
    return context.evidence.put(encode_pretty(table), "application/json", "digests computed and on record")


def _unrecorded(snapshot: Snapshot) -> list[str]:
    """Files without a record, except the records themselves."""
    origins = {entry.source_digest.origin for entry in snapshot.files if entry.source_digest is not None}
    return [
        entry.path for entry in snapshot.files if entry.source_digest is None and entry.path not in origins
    ]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


CHECK = IntegrityMismatch()
