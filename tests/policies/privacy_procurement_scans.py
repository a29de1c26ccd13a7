"""Fixed scans for the packs hipaa-privacy, hipaa-nprm, gdpr and us-procurement, and what each comes to.

Run as a module it writes the golden file anew: `python -m tests.policies.privacy_procurement_scans`.
"""

from __future__ import annotations

import datetime
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from policies.assess import assess
from policies.assessment import Assessment, ControlStatus
from policies.packs import load_packs
from policies.policy_file import PolicyFile
from scanner.check import CheckRecord
from scanner.findings import Severity
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, failed, measured, record, scan_of
from tests.policies.pack_files import answers, policy, statement

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "policies" / "privacy_procurement.json"
NAMES: Final = ("hipaa-privacy", "hipaa-nprm", "gdpr", "us-procurement")
LOADED: Final = {pack.id: pack for pack in load_packs(NAMES, CHECKS)}
REPOSITORY, REPLIES, LISTED = "personal-data-in-repository", "personal-data-in-replies", "supplier-on-a-list"
DEEPSEEK_LISTS = ("fascsa-dhs-2026-01", "ndaa-2026-1532", "us-state-orders-2025", "kansas-2025-84")
DEEPSEEK = record(LISTED, *(failed(LISTED, Severity.LOW, rule=rule) for rule in DEEPSEEK_LISTS))
ALIBABA = record(LISTED, failed(LISTED, Severity.LOW, rule="section-1260h"))
LEAK = record(
    REPLIES,
    failed(REPLIES, Severity.LOW, rule="own-questions"),
    measured(REPLIES, "privacy.reply_rate", 0.25),
)
# Everything applies: a covered entity that is a controller in the EEA and a contractor of all agencies.
EVERYWHERE: Final[dict[str, object]] = {
    "deidentification": "safe_harbor",
    "trained_on_own_data": True,
    "processes_personal_data": True,
    "gdpr_territory": True,
    "gdpr_role": "controller",
    "special_categories": True,
    "decides_alone_about_people": True,
    "transfers_outside_eea": True,
    "us_government_role": "civilian_and_defence_contractor",
    "us_contract_use": True,
}


def found_in_texts(*letters: str) -> CheckRecord:
    """Personal data in the repository's texts, under these letters."""
    return record(REPOSITORY, *(failed(REPOSITORY, Severity.MEDIUM, rule=letter) for letter in letters))


def judged(scan: Scan, own: PolicyFile, as_of: datetime.date = AS_OF) -> Assessment:
    """The scan by all four packs."""
    return assess(scan, list(LOADED.values()), own, as_of=as_of, assessed_at=NOW)


def told_by(folder: Path, *packs: str, **changes: object) -> PolicyFile:
    """A policy with these answers over those of the hospital; yes to every question of these packs."""
    asked = [one for pack in packs for one in LOADED[pack].controls if one.attestation]
    return policy(folder, organisation=answers(**changes), attestations=[statement(one.id) for one in asked])


def cases() -> dict[str, tuple[Scan, dict[str, object], bool]]:
    """Scan, answers, and whether every question was answered with yes."""
    hospital = EVERYWHERE | {"us_government_role": "private", "gdpr_territory": False}
    insurer = hospital | {"deidentification": "expert_determination", "self_hosted": True}
    european = EVERYWHERE | {"hipaa_entity": "neither", "us_government_role": "private"}
    contractor = EVERYWHERE | {"gdpr_territory": False, "hipaa_entity": "neither"}
    leaky = scan_of(None, LEAK, found_in_texts("F", "G"))
    bare = scan_of({})
    return {
        "hospital, clean, silent": (scan_of(), hospital, False),
        "hospital, clean, attested": (scan_of(), hospital, True),
        "hospital, leaky, attested": (leaky, hospital, True),
        "insurer on own machines, clean, attested": (scan_of(), insurer, True),
        "European controller, clean, attested": (scan_of(), european, True),
        "European controller, leaky, silent": (leaky, european, False),
        "contractor, clean, attested": (scan_of(), contractor, True),
        "contractor, DeepSeek, attested": (scan_of(None, DEEPSEEK), contractor, True),
        "contractor, nothing scanned, attested": (bare, contractor, True),
        "Kansas agency, DeepSeek, silent": (
            scan_of(None, DEEPSEEK),
            contractor | {"us_government_role": "state_body", "us_state": "kansas"},
            False,
        ),
    }


def statuses() -> dict[str, dict[str, list[str]]]:
    """Per case and status the controls, so that a change of a rule shows as controls that moved."""
    found: dict[str, dict[str, list[str]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (scan, given, is_attested) in cases().items():
            own = told_by(Path(folder), *(NAMES if is_attested else ()), **given)
            controls = list(judged(scan, own).controls)
            found[name] = {
                status.value: [one.control_id for one in controls if one.status is status]
                for status in ControlStatus
                if any(one.status is status for one in controls)
            }
    return found


def on_record() -> Any:
    """The golden file."""
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(statuses(), indent=1) + "\n", encoding="utf-8")
