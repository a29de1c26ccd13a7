"""Fixed scans: findings, a policy and a day as one file each, with the status that every control must get.

A file changes what differs from a scan in which every check passed. `pytest tests/policies --update-golden`
writes the statuses anew; read the diff before you commit it, line by line.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

from policies.assess import assess
from policies.assessment import Assessment, ControlResult, ControlStatus, Standing
from policies.controls import Pack
from policies.packs import load_packs
from policies.policy_file import load_policy
from scanner.check import Check, CheckRecord, Profile
from scanner.conversation import EngineDescription
from scanner.findings import Finding, Measurement, Severity
from scanner.manifest import FileEntry, Snapshot
from scanner.references import ModelRef
from scanner.scan import Scan, ScanRequest
from tests.policies.fake_checks import NOW, errored, failed, measured, not_run, passed, record

FOLDER = Path(__file__).parent / "fixed_scans"
# What a good scan measures: name to value and n.
GOOD_MEASURES: Mapping[str, Mapping[str, tuple[float, int]]] = {
    "integrity-mismatch": {"integrity.files_verified": (5, 5)},
    "pickle-runs-code": {"pickle.files_scanned": (1, 1)},
    "model-card-gaps": {"card.annex_xi_items": (9, 9), "card.annex_xii_items": (9, 9)},
    "training-compute": {"compute.training_flop": (1.6e21, 1)},
    "model-incoherent": {"coherence.accuracy": (0.95, 12)},
    "garak-attack-succeeds": {"garak.hit_rate": (0, 60)},
    "personal-data-in-replies": {"privacy.reply_rate": (0, 12)},
    "personal-data-in-repository": {"privacy.repository_texts": (0, 8)},
}
# Checks that judge a language at a time; only English was judged.
BY_LANGUAGE = ("model-incoherent", "alignment-deflection")


@dataclass(frozen=True)
class Said:
    """What one check said, in place of a PASS.

    Attributes:
        failed: Severity of a FAIL; none when empty.
        passed: Whether it also judged something as fine.
        not_run: Reason of a NOT_RUN.
        errored: Reason of an ERROR.
        subject: What the FAIL or NOT_RUN is about.
        rule: Of the FAIL or NOT_RUN.
        measures: Name to value and n.
    """

    failed: str = ""
    passed: bool = False
    not_run: str = ""
    errored: str = ""
    subject: str = ""
    rule: str = ""
    measures: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    def record(self, check_id: str) -> CheckRecord:
        """The same as a scan stores it."""
        said: list[Finding | Measurement] = []
        if self.passed:
            said.append(passed(check_id, subject="en" if check_id in BY_LANGUAGE else ""))
        if self.failed:
            severity = Severity(self.failed)
            said.append(failed(check_id, severity, subject=self.subject, rule=self.rule))
        if self.not_run:
            said.append(not_run(check_id, self.not_run, subject=self.subject, rule=self.rule))
        if self.errored:
            said.append(errored(check_id, self.errored))
        said += [measured(check_id, name, value, n=n) for name, (value, n) in self.measures.items()]
        return record(check_id, *said)


@dataclass(frozen=True)
class FixedScan:
    """One file.

    Attributes:
        about: What it is there for.
        as_of: The day of judgement.
        policy: What differs from the default policy, as a policy file writes it.
        verdict: What the gate must answer.
        statuses: Id of every control of every pack to its status; ", not in force" and ", reliance" where
            that is so.
        profile: Of the scan.
        has_commit: Whether the snapshot is pinned.
        changed: Check id to what it said; null for a check that was not part of the scan.
    """

    about: str
    as_of: datetime.date
    policy: Mapping[str, Any]
    verdict: str = ""
    statuses: Mapping[str, str] = field(default_factory=dict)
    profile: Profile = Profile.STANDARD
    has_commit: bool = True
    changed: Mapping[str, Said | None] = field(default_factory=dict)

    def assessed(self, checks: Mapping[str, Check], scratch: Path) -> Assessment:
        """The scan, judged."""
        file = scratch / "policy.yaml"
        head = {"policy": {"name": "fixed", "version": "1", "schema": "weighbridge.policy/1"}}
        file.write_text(yaml.safe_dump(head | dict(self.policy)), encoding="utf-8")
        policy = load_policy(file, checks=checks)
        packs = _packs(policy.packs, tuple(checks.items()))
        return assess(self._scan(checks), packs, policy, as_of=self.as_of, assessed_at=NOW)

    def _scan(self, checks: Mapping[str, Check]) -> Scan:
        unknown = set(self.changed) - set(checks)
        assert not unknown, f"no such check: {unknown}"
        said = {check_id: _good(check_id) for check_id in checks} | dict(self.changed)
        records = [each.record(check_id) for check_id, each in said.items() if each is not None]
        ref = ModelRef.parse("hf://org/name@main")
        request = ScanRequest(
            ref, self.profile, tuple(one.check_id for one in records), 0, "replay", "cpu", "auto", self.as_of
        )
        commit = "c" * 40 if self.has_commit else None
        snapshot = Snapshot(ref, commit, "/models/name", (FileEntry("config.json", 2, "44" * 32),))
        engine = EngineDescription("replay", "1", "auto", "cpu", "float32", 1)
        return Scan("scan-1", request, snapshot, engine, NOW, NOW, {}, tuple(records))


@functools.cache
def _packs(names: tuple[str, ...], checks: tuple[tuple[str, Check], ...]) -> list[Pack]:
    """Compiled once for all files that are judged by the same packs."""
    return load_packs(names, dict(checks))


def _good(check_id: str) -> Said:
    return Said(
        passed=True,
        not_run="not shown to answer in Chinese" if check_id in BY_LANGUAGE else "",
        subject="zh" if check_id in BY_LANGUAGE else "",
        measures=GOOD_MEASURES.get(check_id, {}),
    )


def fixed_files() -> list[Path]:
    """Every file, by name."""
    return sorted(FOLDER.glob("*.yaml"))


def read_fixed(path: Path) -> FixedScan:
    """The fixed scan of a file."""
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), FixedScan, strict=False)


def statuses_of(found: Assessment) -> dict[str, str]:
    """Id of every control to its status, with whether the duty is in force on that day, and is one's own."""
    return {control.control_id: _status(control) for control in found.controls}


def _status(control: ControlResult) -> str:
    force = "" if control.is_in_force else ", not in force"
    binds_others = (
        control.standing is Standing.RELIANCE and control.status is not ControlStatus.NOT_APPLICABLE
    )
    return control.status.value + force + (", reliance" if binds_others else "")


def write_expected(path: Path, found: Assessment) -> None:
    """Puts the verdict and statuses at the end of the file; what stands above stays as it is written."""
    kept = path.read_text(encoding="utf-8").partition("\nverdict:")[0].rstrip("\n")
    lines = [f"verdict: {found.verdict.value.value}", "statuses:"]
    lines += [f"  {name}: {status}" for name, status in statuses_of(found).items()]
    path.write_text("\n".join([kept, "", *lines, ""]), encoding="utf-8")
