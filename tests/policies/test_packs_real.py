"""The shipped packs against the checks that exist; the other tests here use stand-ins."""

from __future__ import annotations

import pytest

from policies.frameworks import load_frameworks
from policies.packs import available_packs, load_packs
from policies.policy_file import load_policy
from scanner.check import Check, Needs
from scanner.registry import CHECK_PACKAGES, load_checks
from tests.policies.fake_checks import CHECKS


@pytest.fixture(scope="module")
def real() -> dict[str, Check]:
    return load_checks([*CHECK_PACKAGES, "probes.checks"])


def test_every_shipped_pack_loads_with_the_real_checks(real: dict[str, Check]) -> None:
    assert {pack.id for pack in load_packs(available_packs(), real)} == set(available_packs())


def test_default_policy_names_only_real_checks(real: dict[str, Check]) -> None:
    assert load_policy(checks=real).gate.rules


def test_stand_ins_are_like_the_real_checks(real: dict[str, Check]) -> None:
    for check_id, fake in CHECKS.items():
        assert {spec.name for spec in fake.measures} <= {spec.name for spec in real[check_id].measures}, (
            check_id
        )
        assert (fake.needs is Needs.STATIC) == (real[check_id].needs is Needs.STATIC), check_id


OWN_FRAMEWORKS = {
    "nist-ai-rmf": ("nist_ai_rmf", "nist_ai_600_1"),
    "iso-42001": ("iso_42001",),
    "owasp-llm-2025": ("owasp_llm",),
    "mitre-atlas": ("mitre_atlas",),
    "nist-800-53": ("nist_800_53",),
}


@pytest.mark.parametrize("pack_id", OWN_FRAMEWORKS)
def test_control_of_a_framework_is_mapped_to_the_ids_that_it_is_named_after(
    pack_id: str, real: dict[str, Check]
) -> None:
    """So that a crosswalk shows it beside the controls of other packs that touch the same id."""
    (pack,) = load_packs([pack_id], real)
    for control in pack.controls:
        mapped = {one for name in OWN_FRAMEWORKS[pack_id] for one in control.maps.get(name, ())}
        named = {label.removesuffix(":2025") for label in control.label.split(", ")}
        assert named <= mapped, control.id


@pytest.mark.parametrize("pack_id", OWN_FRAMEWORKS)
def test_frameworks_that_nobody_must_follow_are_voluntary_and_off_by_default(
    pack_id: str, real: dict[str, Check]
) -> None:
    (pack,) = load_packs([pack_id], real)
    assert pack.status == "voluntary"
    assert pack_id not in load_policy(checks=real).packs


@pytest.mark.parametrize("pack_id", OWN_FRAMEWORKS)
def test_controls_apply_from_the_day_on_which_their_framework_was_published(
    pack_id: str, real: dict[str, Check]
) -> None:
    (pack,) = load_packs([pack_id], real)
    published = {load_frameworks()[name].published for name in OWN_FRAMEWORKS[pack_id]}
    assert {entry.since for control in pack.controls for entry in control.effective} == published
