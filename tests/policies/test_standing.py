# ruff: noqa: E501 - tables of answers and what they come to, one a line
"""Whose duty a control is: own, relied on, or open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.assessment import ControlResult, ControlStatus, Standing, VerdictValue
from policies.controls import Pack
from policies.packs import PackError, load_packs
from policies.policy_file import PolicyFile, load_policy
from scanner.findings import Severity
from scanner.scan import Scan
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, failed, measured, passed, record, scan_of
from tests.policies.pack_files import LEFT_OUT, answers, control, load_pack, policy

S = ControlStatus
OWN, RELIANCE, OPEN = Standing.OWN, Standing.RELIANCE, Standing.OPEN
ACT, HIPAA = load_packs(["eu-ai-act", "hipaa-security"], CHECKS)
COMPUTE, CARD = "training-compute", "model-card-gaps"
CODE = record("pickle-runs-code", failed("pickle-runs-code", Severity.LOW))
HOLDERS = {
    "provider_gpai": {
        "name": "maker of the model",
        "you_if": {"all": [{"rule": 'org.role == "provider_gpai"', "says": "you made it"}]},
        "also_if": [
            {"rule": "org.changes_model", "says": "you changed it"},
            {"rule": "org.brands_as_own", "says": "your name is on it"},
        ],
    }
}


def bare_card(flop: float = 1.8e24) -> Scan:
    """A general-purpose model whose card says almost nothing."""
    items = [measured(CARD, f"card.annex_{which}_items", 1.0, n=9) for which in ("xi", "xii")]
    return scan_of(
        None,
        record(CARD, failed(CARD), *items),
        record(COMPUTE, passed(COMPUTE), measured(COMPUTE, "compute.training_flop", flop, n=1)),
    )


def judged(
    folder: Path, pack: Pack = ACT, scan: Scan | None = None, **changes: Any
) -> dict[str, ControlResult]:
    own = policy(folder, organisation=answers(**changes))
    found = assess(scan or bare_card(), [pack], own, as_of=AS_OF, assessed_at=NOW)
    return {one.control_id: one for one in found.controls}


def small(folder: Path, **changes: Any) -> Pack:
    told = {"duty_holder": "provider_gpai", "relevance": "You owe it.", "reliance": "Ask for it.", **changes}
    return load_pack(folder, control(**told), duty_holders=HOLDERS)


@pytest.mark.parametrize(
    ("told", "standing", "words"),
    [
        ({"role": "provider_gpai"}, OWN, ""),
        ({"role": "deployer", "changes_model": True}, OWN, "your own duty as maker of the model, because you changed it"),
        ({"changes_model": True}, OWN, "because you changed it"),
        ({"role": "deployer", "changes_model": False, "brands_as_own": False}, RELIANCE, "reliance, no duty of yours: it is owed by the maker of the model."),
        ({"role": "deployer"}, RELIANCE, "it would be yours if you changed it, or if your name is on it, which is open."),
        ({}, OPEN, "whether you owe this as maker of the model is open: 'role' is not answered"),
    ],
)  # fmt: skip
def test_role_decides_and_facts_that_shift_it_make_the_duty_ones_own(
    tmp_path: Path, told: dict[str, Any], standing: Standing, words: str
) -> None:
    own = policy(tmp_path, organisation=told)
    (one,) = assess(scan_of(), [small(tmp_path)], own, as_of=AS_OF, assessed_at=NOW).controls
    assert one.standing is standing
    assert words.lower() in one.reason.lower()
    assert (
        one.relevance
        == {OWN: "You owe it.", RELIANCE: "Ask for it.", OPEN: "You owe it. Ask for it."}[standing]
    )


def test_duty_holder_that_the_pack_does_not_describe_is_everybody(tmp_path: Path) -> None:
    (one,) = assess(scan_of(), [load_pack(tmp_path)], load_policy(), as_of=AS_OF, assessed_at=NOW).controls
    assert one.standing is OWN


@pytest.mark.parametrize(
    ("told", "status", "standing", "is_of_others"),
    [
        ({"role": "deployer"}, S.NOT_SUPPORTED, RELIANCE, True),
        ({"role": "provider_gpai"}, S.NOT_SUPPORTED, OWN, False),
        ({}, S.NOT_SUPPORTED, OPEN, False),
    ],
)
def test_only_a_gap_that_others_owe_is_theirs(
    tmp_path: Path, told: dict[str, Any], status: ControlStatus, standing: Standing, is_of_others: bool
) -> None:
    own = policy(tmp_path, organisation=told)
    (one,) = assess(scan_of(None, CODE), [small(tmp_path)], own, as_of=AS_OF, assessed_at=NOW).controls
    assert (one.status, one.standing, one.is_gap_of_others) == (status, standing, is_of_others)


def _verdict(pack: Pack, own: PolicyFile) -> tuple[VerdictValue, list[str]]:
    found = assess(scan_of(None, CODE), [pack], own, as_of=AS_OF, assessed_at=NOW).verdict
    return found.value, [reason.rule for reason in found.reasons]


def test_gate_counts_a_gap_of_others_only_where_the_policy_says_so(tmp_path: Path) -> None:
    pack = small(tmp_path)
    deployer = policy(tmp_path, organisation={"role": "deployer"})
    assert _verdict(pack, deployer) == (VerdictValue.PASS, [])
    maker = policy(tmp_path, organisation={"role": "provider_gpai"})
    assert _verdict(pack, maker) == (VerdictValue.REVIEW, ["control-gap"])
    unsaid = policy(tmp_path, organisation={"role": None})
    assert _verdict(pack, unsaid) == (VerdictValue.REVIEW, ["control-gap"])
    matcher = {"statuses": ["not_supported"], "severity_at_least": "high", "owed_by_others": True}
    rule = {
        "id": "supplier-gap",
        "verdict": "review",
        "says": "a supplier shows too little",
        "control": matcher,
    }
    strict = policy(tmp_path, organisation={"role": "deployer"}, gate={"rules": [rule]})
    assert _verdict(pack, strict) == (VerdictValue.REVIEW, ["supplier-gap"])


def test_duty_holder_that_no_control_names_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    holders = {"provider_gpia": HOLDERS["provider_gpai"]}
    with pytest.raises(PackError, match="duty_holders.provider_gpia: no control names this duty holder; did"):
        load_pack(tmp_path, control(duty_holder="provider_gpai"), duty_holders=holders)


def test_rule_of_a_duty_holder_is_checked_when_the_pack_is_loaded(tmp_path: Path) -> None:
    broken = {"name": "maker", "you_if": {"all": [{"rule": "org.rolle == 'x'", "says": "so it is"}]}}
    with pytest.raises(
        PackError, match=r"key duty_holders\.provider_gpai\.you_if: unknown organisation question"
    ):
        load_pack(tmp_path, control(duty_holder="provider_gpai"), duty_holders={"provider_gpai": broken})


# ------------------------------------------------------------------ the packs that ship
def test_every_duty_of_a_role_says_what_it_means_for_those_who_rely_on_it() -> None:
    for one in ACT.controls:
        assert bool(one.reliance) is (one.duty_holder != "anyone"), one.id
        assert (one.duty_holder in ACT.duty_holders) is (one.duty_holder != "anyone"), one.id


GPAI = tuple(one.id for one in ACT.controls if one.duty_holder == "provider_gpai")
HIGH_RISK_PROVIDER = ("euaia-art9", "euaia-art11-annex-iv", "euaia-art15-cybersecurity", "euaia-art18")
DEPLOYER = ("euaia-art26", "euaia-art26-6", "euaia-art50-4")


@pytest.mark.parametrize(
    ("role", "gpai", "provider", "deployer", "literacy"),
    [
        ("deployer", RELIANCE, RELIANCE, OWN, OWN),
        ("provider_system", RELIANCE, OWN, RELIANCE, OWN),
        ("provider_and_deployer", RELIANCE, OWN, OWN, OWN),
        ("provider_gpai", OWN, RELIANCE, RELIANCE, RELIANCE),
        ("importer_distributor", RELIANCE, RELIANCE, RELIANCE, RELIANCE),
        (None, OPEN, OPEN, OPEN, OPEN),
    ],
)
def test_each_role_owes_its_own_chapter_of_the_act(
    tmp_path: Path, role: str, gpai: Standing, provider: Standing, deployer: Standing, literacy: Standing
) -> None:
    found = judged(tmp_path, role=role, brands_as_own=False, changes_purpose=False)
    assert {found[name].standing for name in GPAI} == {gpai}
    assert {found[name].standing for name in HIGH_RISK_PROVIDER} == {provider}
    assert {found[name].standing for name in DEPLOYER} == {deployer}
    assert found["euaia-art4"].standing is literacy
    assert found["euaia-art5"].standing is OWN


def test_deployer_relies_on_the_card_and_a_poor_one_is_a_gap_of_others(tmp_path: Path) -> None:
    found = judged(tmp_path)["euaia-art53-1-b"]
    assert (found.status, found.is_gap_of_others) == (S.NOT_SUPPORTED, True)
    assert (
        "Reliance, no duty of yours: it is owed by the provider of the general-purpose AI model"
        in found.reason
    )
    assert found.relevance.startswith("This is the information you may rely on")


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({"upstream_excludes_eu": True}, OWN),
        ({"changes_model": True, "fine_tune_flop": 7e23}, OWN),
        ({"changes_model": True, "fine_tune_flop": 5e23}, RELIANCE),
        ({"changes_model": True}, RELIANCE),
    ],
)
def test_whoever_changes_much_or_brings_in_what_was_excluded_is_the_models_provider(
    tmp_path: Path, changes: dict[str, Any], standing: Standing
) -> None:
    """The scan estimates 1.8e24 operations, a third of which is 6e23."""
    assert judged(tmp_path, **changes)["euaia-art53-1-d"].standing is standing


@pytest.mark.parametrize(
    ("flop", "status"),
    [(5e23, S.SUPPORTED), (7e23, S.NOT_SUPPORTED), (LEFT_OUT, S.NOT_ASSESSED)],
)
def test_own_changes_are_held_against_a_third_of_the_original(
    tmp_path: Path, flop: Any, status: ControlStatus
) -> None:
    found = judged(tmp_path, changes_model=True, fine_tune_flop=flop)["euaia-gpai-modification"]
    assert found.status is status
    assert judged(tmp_path, changes_model=False)["euaia-gpai-modification"].status is S.NOT_APPLICABLE


def test_own_trademark_makes_a_deployer_the_provider(tmp_path: Path) -> None:
    found = judged(tmp_path, role="deployer", brands_as_own=True)["euaia-art9"]
    assert found.standing is OWN
    assert "because your name or trademark is on the system" in found.reason


def test_business_associate_owes_its_subcontractors_and_relies_on_its_customers(tmp_path: Path) -> None:
    found = judged(tmp_path, HIPAA, hipaa_entity="business_associate")
    assert found["hipaa-164.308-b-1"].standing is RELIANCE
    assert found["hipaa-164.308-b-2"].standing is OWN
    assert found["hipaa-164.312-b"].standing is OWN
