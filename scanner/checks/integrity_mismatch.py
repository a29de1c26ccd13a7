"""Files that are not the bytes their source has on record.

What it looks for: every file whose digest, computed here over every byte, differs from one that somebody
else recorded: the hub's tree at the fetched commit, the hub client's notes or SHA256SUMS in a local
folder, the record of the package that carries the model, the lock that the scan was told to demand. Also
files on record that are not there; files that are there and not in the tree or the lock; another commit
than the lock's; links that lead out of the folder; folders that mix files of several commits. Wrong bytes
that another commit fetched here has at the same path are named as such, and so is a branch that went back
to an older commit: both are how a stale mirror or cache falls back in silence. The evidence holds the
identity of the weights whatever files they lie in (docs/integrity.md).

Why it matters: the hub's client accepts wrong bytes of the right length, and proxies and mirrors stand
in between; everything else that is said about a model is said about other bytes if these differ.

How it can be wrong: a record that lies in the same folder as the file can be changed along with it, so a
match only shows that nothing was damaged since; the origin of each digest is in the evidence. A file that
was edited on purpose fails as well, and a branch that its publisher reset. A hub that was broken into serves
wrong bytes with a fitting tree. Older commits are known only if they were fetched here.

What it needs: digests on record. Where there are none it is not run.

Source: Hugging Face Hub API, `tree` route (oid, lfs.oid); git-scm.com, Pro Git 2nd ed., section 10.2;
SLSA 1.1, "Verifying artifacts"; MITRE ATLAS AML.T0010 (AI Supply Chain Compromise); CWE-345, CWE-353.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Interval, Location, Measurement, Severity
from scanner.lock.model_lock import HELD
from scanner.manifest import FileEntry, Snapshot
from scanner.records import encode_pretty

_TAGS: Final = ("CWE-345", "CWE-353", "AML.T0010", "OWASP-LLM03:2025")


@dataclass(frozen=True)
class _Kind:
    """How a fact that a source told becomes a failure; `message` takes the fact."""

    rule: str
    severity: Severity
    message: str
    remediation: str
    names_a_file: bool = False
    tags: tuple[str, ...] = _TAGS


_FACTS: Final[Mapping[str, _Kind]] = {
    "link_outside": _Kind(
        "LINK-OUT",
        Severity.HIGH,
        "{}: a link that leads out of the model's folder; what it leads to was not scanned",
        "Replace the link by the file itself, or scan the folder that it leads to.",
        names_a_file=True,
        tags=("CWE-59",),
    ),
    "commits_mixed": _Kind(
        "MIXED",
        Severity.MEDIUM,
        "the folder mixes files of several commits: {}",
        "Fetch one commit into an empty folder.",
    ),
    "extra_file": _Kind(
        "EXTRA",
        Severity.HIGH,
        "{}: in the folder and not in the tree at the pinned commit; not scanned, and a loader finds it",
        "Find out who put the file there; remove it, or fetch the model into an empty folder.",
        names_a_file=True,
    ),
    "extra_file_more": _Kind(
        "EXTRA",
        Severity.HIGH,
        "{} more files are in the folder and not in the tree",
        "Fetch the model into an empty folder.",
    ),
    "branch_went_back": _Kind(
        "OLDER",
        Severity.MEDIUM,
        "the branch went back to an older commit: {}",
        "Ask the publisher whether it was reset on purpose. If not, a mirror or proxy is stale: fetch the "
        "commit by its id.",
    ),
    "lock_commit": _Kind(
        "LOCK-COMMIT",
        Severity.CRITICAL,
        "{}",
        "Fetch the commit of the lock, or look at what changed and update the lock.",
    ),
    "lock_changed": _Kind(
        "DIFFERS",
        Severity.CRITICAL,
        "{}",
        "Do not load the model. Fetch the commit of the lock, or look at what changed and update the lock.",
        names_a_file=True,
    ),
    "lock_extra": _Kind(
        "EXTRA",
        Severity.HIGH,
        "{}: there and not in the lock",
        "Remove the file, or look at it and update the lock.",
        names_a_file=True,
    ),
}
# Facts that say more about the file than its name: "path -> what is so".
_WITH_PATHS: Final = ("link_outside", "lock_changed")


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
            *self._mismatches(snapshot, evidence),
            *(self._missing(path, evidence) for path in snapshot.missing),
            *self._told_by_source(snapshot, evidence),
        ]
        yield from failures
        for key, problem in snapshot.source:
            if key == "digest_unreadable":
                yield self.errored(f"a digest is on record and cannot be read: {problem}", subject=problem)
        yield from self._judged(snapshot, bool(failures), evidence)
        yield from self._beside_lock(snapshot, bool(failures), evidence)
        yield from self._left_out(snapshot)

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
                f"{verified} of {len(snapshot.files)} files are the bytes on record ({_some(origins)})"
                f"{_weights(snapshot)}",
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

    def _mismatches(self, snapshot: Snapshot, evidence: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        others = [value.partition(" ") for key, value in snapshot.source if key == "bytes_of_commit"]
        commits = {path: commit for commit, _, path in others}
        for entry in snapshot.files:
            if entry.matches_source is False:
                yield self._mismatch(entry, commits.get(entry.path, ""), evidence)

    def _mismatch(self, entry: FileEntry, other_commit: str, evidence: tuple[EvidenceRef, ...]) -> Finding:
        recorded = entry.source_digest
        assert recorded is not None  # noqa: S101 - matches_source is False only beside a record
        got = entry.sha256 if recorded.algorithm == "sha256" else entry.git_sha1
        other = f"; these are the bytes of commit {other_commit}" if other_commit else ""
        return self.failed(
            f"{entry.path}: {recorded.algorithm} is {got}, expected {recorded.value} ({recorded.origin})"
            f"{other}",
            rule="DIFFERS",
            locations=(Location(entry.path),),
            evidence=evidence,
            remediation="Do not load the model. Remove the file, fetch it again without a proxy or mirror, "
            "and compare; if it still differs, tell whoever runs the source.",
            tags=_TAGS,
        )

    def _missing(self, path: str, evidence: tuple[EvidenceRef, ...]) -> Finding:
        return self.failed(
            f"{path}: on record and not there; the model is not complete",
            severity=Severity.HIGH,
            rule="MISSING",
            locations=(Location(path),),
            evidence=evidence,
            remediation="Fetch the model again, completely.",
            tags=_TAGS,
        )

    def _told_by_source(self, snapshot: Snapshot, evidence: tuple[EvidenceRef, ...]) -> Iterator[Finding]:
        for key, value in snapshot.source:
            if (kind := _FACTS.get(key)) is not None:
                path = value.partition(" -> ")[0] if key in _WITH_PATHS else value
                yield self.failed(
                    kind.message.format(value),
                    severity=kind.severity,
                    rule=kind.rule,
                    locations=(Location(path),) if kind.names_a_file else (),
                    evidence=evidence,
                    remediation=kind.remediation,
                    tags=kind.tags,
                )

    def _beside_lock(
        self, snapshot: Snapshot, has_failed: bool, evidence: tuple[EvidenceRef, ...]
    ) -> Iterator[Finding]:
        facts = dict(snapshot.source)
        if "lock" in facts and not snapshot.is_whole:
            yield self.not_run("only parts of the files were read, so nobody knows", subject="lock")
        elif "lock" in facts and not has_failed:
            yield self.passed(
                f"all {len(snapshot.files)} files are those of the lock ({facts['lock']})",
                rule=HELD[1],
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
        "tensors": snapshot.tensors,
        "lock": [value for key, value in snapshot.source if key.startswith("lock")],
    }
    return context.evidence.put(encode_pretty(table), "application/json", "digests computed and on record")


def _weights(snapshot: Snapshot) -> str:
    """What the weights are whatever their files, in words."""
    tensors = snapshot.tensors
    if tensors is None:
        return ""
    shown = f"; {tensors.count} tensors are {tensors.algorithm} {tensors.digest}" if tensors.digest else ""
    left_out = [each.path for each in tensors.left_out]
    return shown + (f"; no digest of the tensors in {_some(left_out)}" if left_out else "")


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
