"""Runs the check signature-not-valid on a folder, for signers that a test names."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

from scanner.check import CheckContext
from scanner.checks.signature_not_valid import CHECK
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.signatures.signers import (
    FILES_SETTING,
    SIGNERS_SETTING,
    TRUST_SETTING,
    Elsewhere,
    Signer,
    Wanted,
    as_setting,
)
from scanner.source import FetchOptions
from scanner.sources.directory import DirectorySource

TODAY = datetime.datetime.now(datetime.UTC).date()


def named(path: Path, *, certificate: bool = False, identity: str = "") -> Wanted:
    """A signer by the file that holds its key, or its authority's certificate."""
    signer = Signer(certificate=path.name, identity=identity) if certificate else Signer(key=path.name)
    return Wanted(signer, str(path), hashlib.sha256(path.read_bytes()).hexdigest())


def snapshot(model: Path) -> Snapshot:
    return DirectorySource().fetch(ModelRef.parse(str(model)), FetchOptions(model.parent / "cache"))


def run(
    model: Path,
    *wanted: Wanted,
    trust: Path | None = None,
    beside: Path | None = None,
    as_of: datetime.date = TODAY,
) -> tuple[list[Finding], list[Measurement]]:
    """Everything that the check says of this folder."""
    settings = {SIGNERS_SETTING: as_setting(wanted)} if wanted else {}
    if beside:
        given = Elsewhere(str(beside), hashlib.sha256(beside.read_bytes()).hexdigest())
        settings[FILES_SETTING] = as_setting((given,))
    if trust:
        settings[TRUST_SETTING] = str(trust)
    evidence = EvidenceStore(model.parent / "evidence")
    items = list(CHECK.run(CheckContext(snapshot(model), evidence, settings=settings, as_of=as_of)))
    return (
        [item for item in items if isinstance(item, Finding)],
        [item for item in items if isinstance(item, Measurement)],
    )


def refusal(*given: Any, **options: Any) -> Finding:
    """The only finding, which is a FAIL."""
    (finding,), _ = run(*given, **options)
    assert finding.outcome is Outcome.FAIL, finding
    return finding
