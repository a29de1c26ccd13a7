"""A store with a judged scan, and the commands that decide on it run as a person would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.criteria import Criteria, judge
from cli.main import run
from cli.workplace import Workplace
from db.store import Store
from policies.packs import load_packs
from policies.policy_file import load_policy
from scanner.findings import Severity
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, CHECKS, failed, record, scan_of

JANE = ("--by", "Jane Roe", "--by-role", "CISO")
PAT = ("--by", "Pat Doe", "--by-role", "engineer")
CODE = record("remote-code", failed("remote-code", severity=Severity.CRITICAL))
FINGERPRINT = CODE.findings[0].fingerprint


@dataclass(frozen=True)
class Said:
    """What one command ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Office:
    """A data folder and the one who types."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Said:
        """One command line, with this data folder and without anybody's settings file."""
        self.capsys.readouterr()
        code = run([*words, "--data-dir", str(self.folder)])
        captured = self.capsys.readouterr()
        return Said(code, captured.out, captured.err)

    def store(self) -> Any:
        """The store, to be opened."""
        return Store.open(Workplace.at(self.folder).database_url)

    def put(self, scan: Scan, policy: Path | None = None) -> str:
        """Stores a scan, judged by a policy as of its own day."""
        criteria = criteria_of(policy)
        with self.store() as store:
            store.save_scan(scan)
            store.save_assessment(judge(scan, criteria, store.decisions(), as_of=AS_OF))
        return scan.id


def criteria_of(
    policy: Path | None = None, packs: Sequence[str] = ("eu-ai-act", "hipaa-security")
) -> Criteria:
    """The criteria of a policy file, held against the fake checks."""
    return Criteria(load_packs(packs, CHECKS), load_policy(policy, checks=CHECKS))


def blocked() -> Scan:
    """A scan that found dangerous code, otherwise good."""
    return scan_of(None, CODE)
