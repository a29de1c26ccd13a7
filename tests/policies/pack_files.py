"""Pack and policy files for tests: a small valid one, changed in one place."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from policies.controls import Pack
from policies.packs import load_packs
from policies.policy_file import PolicyFile, load_policy
from tests.policies.fake_checks import CHECKS

SOURCE = {"url": "https://example.org/act", "retrieved": "2026-11-21", "confidence": "secondary"}
NO_CODE = {"rule": "check.pickle_runs_code.failed == 0", "says": "no file runs code"}
QUIET = {"rule": "check.garak_attack_succeeds.failed == 0", "says": "no attack succeeded"}

CONTROL: dict[str, Any] = {
    "id": "art-10",
    "label": "Art. 10",
    "title": "No code in models",
    "requirement": "Models come without code.",
    "duty_holder": "deployer",
    "relevance": "You load them.",
    "severity_if_failed": "high",
    "effective": [{"since": "2025-08-02"}],
    "evidence": "automatic",
    "checks": ["pickle-runs-code", "garak-attack-succeeds"],
    "supported_if": {"all": [NO_CODE, QUIET]},
    "partial_if": {"all": [NO_CODE]},
    "limits": "Files and prompts only.",
    "maps": {"owasp_llm": ["LLM03"]},
    "sources": [SOURCE],
}
PACK: dict[str, Any] = {
    "pack": {
        "id": "test-act",
        "title": "Test Act",
        "version": "2026.11.1",
        "schema": "weighbridge.pack/1",
        "status": "in_force",
        "cite": "Test Act 1",
        "language": "paraphrase",
        "sources": [SOURCE],
        "reviewed": {"by": None, "when": None, "next": "2027-02-01"},
    },
    "controls": [CONTROL],
}
LEFT_OUT = object()


def control(**changes: Any) -> dict[str, Any]:
    """The control above with these keys changed, or left out."""
    changed = copy.deepcopy(CONTROL) | changes
    return {key: value for key, value in changed.items() if value is not LEFT_OUT}


def attested(**changes: Any) -> dict[str, Any]:
    """A control that only a person can answer."""
    asked = {"evidence": "attestation", "attestation": "Is it so?", "checks": []}
    return control(**{**asked, "supported_if": LEFT_OUT, "partial_if": LEFT_OUT, **changes})


def hybrid(**changes: Any) -> dict[str, Any]:
    """A control that needs the scan and a person."""
    return control(**{"evidence": "hybrid", "attestation": "Is it so?", **changes})


def write_pack(folder: Path, *controls: Mapping[str, Any], name: str = "test_act.yaml", **head: Any) -> Path:
    """A pack file of these controls."""
    path = folder / name
    pack = copy.deepcopy(PACK)
    pack["pack"] |= head
    pack["controls"] = list(controls) or pack["controls"]
    path.write_text(yaml.safe_dump(pack, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def load_pack(folder: Path, *controls: Mapping[str, Any], **head: Any) -> Pack:
    """A pack of these controls, loaded with the fake checks."""
    return load_packs([], CHECKS, [write_pack(folder, *controls, **head)])[0]


def write_policy(folder: Path, name: str = "weighbridge.yaml", **parts: Any) -> Path:
    """A policy file with these parts besides its head."""
    path = folder / name
    head = {"name": "acme", "version": "1", "schema": "weighbridge.policy/1"}
    path.write_text(yaml.safe_dump({"policy": head, **parts}, sort_keys=False), encoding="utf-8")
    return path


def policy(folder: Path, *, extra_packs: Sequence[Path] = (), **parts: Any) -> PolicyFile:
    """A policy of these parts, loaded."""
    return load_policy(write_policy(folder, **parts), checks=CHECKS, extra_packs=extra_packs)


def answers(**changes: Any) -> dict[str, Any]:
    """A deployer of an Annex III system in the EU that handles ePHI in a hospital."""
    known = {
        "role": "deployer",
        "eu_market": True,
        "high_risk": "annex_iii",
        "fundamental_rights_deployer": True,
        "talks_to_people": True,
        "generates_content": True,
        "publishes_deepfakes": False,
        "publishes_public_interest_text": False,
        "handles_ephi": True,
        "hipaa_entity": "covered_entity",
        "self_hosted": False,
        "licence_is_free_and_open": False,
        "model_is_monetised": False,
        "upstream_outside_eu": False,
        "upstream_excludes_eu": False,
        "designated_systemic": False,
        "brands_as_own": True,
        "changes_model": False,
        "model_on_market_since": "2026-01-15",
        "system_on_market_since": "2026-03-01",
    }
    return {key: value for key, value in (known | changes).items() if value is not LEFT_OUT}


def statement(control_id: str, answer: str = "yes", **changes: Any) -> dict[str, Any]:
    """An attestation that counts through 2026 and 2027."""
    return {
        "control": control_id, "answer": answer, "name": "Jane Roe", "role": "CISO",
        "date": "2026-10-01", "expires": "2027-12-31", **changes,
    }  # fmt: skip
