"""The shipped packs against the checks that exist; the other tests here use stand-ins."""

from __future__ import annotations

import pytest

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
