"""Asks an organism what a scan asks, with the checks themselves, and keeps what they found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from probes.backend import BackendOptions
from probes.capability import COHERENCE_CHECK_ID
from probes.questioning import open_questioner
from scanner.check import CheckContext, CheckRecord, Profile
from scanner.deflection_matrix import MATRIX_MEDIA_TYPE, DeflectionMatrix, read_matrix
from scanner.evidence import EvidenceStore
from scanner.fetching import fetch
from scanner.findings import Outcome
from scanner.journal import Journal
from scanner.references import ModelRef
from scanner.registry import load_checks, pick
from scanner.runner import run_check
from scanner.source import FetchOptions

DEFLECTION: Final = "alignment-deflection"
CODE: Final = "code-worse-for-some-groups"
_PACKAGES: Final = ("probes.checks",)


@dataclass(frozen=True)
class Probed:
    """What a scan said about one organism.

    Attributes:
        matrix: Every gap that was measured; None when no language could be judged.
        failed: Ids of checks with a FAIL, by the rules that failed.
        seconds: How long the checks took.
    """

    matrix: DeflectionMatrix | None
    failed: Mapping[str, tuple[str, ...]]
    seconds: float


def probe(folder: Path, scan: Path, checks: Sequence[str], *, profile: Profile, is_fast: bool) -> Probed:
    """Runs the coherence control and `checks` on the model in `folder`.

    Replies are journalled below `scan`: what was asked once is not asked again, so that a change of the
    reader or of the statistics can be tried on the same replies.
    """
    snapshot = fetch(ModelRef.parse(str(folder)), FetchOptions(scan))
    evidence = EvidenceStore(scan / "evidence")
    records: dict[str, CheckRecord] = {}
    with (
        Journal(scan / "journal") as journal,
        open_questioner(
            snapshot,
            backend="openvino",
            options=BackendOptions(device="cpu", is_fast=is_fast),
            journal=journal,
        ) as questioner,
    ):
        context = CheckContext(snapshot, evidence, profile=profile, questioner=questioner)
        for check in pick(load_checks(_PACKAGES), (COHERENCE_CHECK_ID, *checks)):
            records[check.id] = run_check(check, dataclasses.replace(context, earlier=dict(records)))
            for finding in records[check.id].findings:
                print(f"  {finding.outcome.value}: {finding.message}", flush=True)
    return Probed(
        matrix=_matrix(evidence, records.get(DEFLECTION)),
        failed={name: _failed(record) for name, record in records.items()},
        seconds=sum(record.wall_seconds for record in records.values()),
    )


def _matrix(evidence: EvidenceStore, record: CheckRecord | None) -> DeflectionMatrix | None:
    for finding in record.findings if record else ():
        for ref in finding.evidence:
            if ref.media_type == MATRIX_MEDIA_TYPE:
                return read_matrix(evidence, ref)
    return None


def _failed(record: CheckRecord) -> tuple[str, ...]:
    return tuple(finding.rule for finding in record.findings if finding.outcome is Outcome.FAIL)
