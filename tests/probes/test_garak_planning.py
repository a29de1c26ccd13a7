"""From settings and profile to orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.garak.planning import Plan, cost_of, make_plan
from probes.garak.profiles import load_profiles
from scanner.check import CheckContext, Profile
from scanner.errors import ScanError
from scanner.evidence import EvidenceStore
from scanner.manifest import Snapshot
from scanner.references import ModelRef

TOXICITY = "garak-llm/roberta_toxicity_classifier"


def plan(folder: Path, profile: Profile = Profile.QUICK, **settings: str) -> Plan:
    context = CheckContext(
        Snapshot(ModelRef.parse("demo"), None, str(folder), ()),
        EvidenceStore(folder / "evidence"),
        profile=profile,
        settings={f"garak.{name}": value for name, value in settings.items()},
    )
    return make_plan(context)


@pytest.mark.parametrize("profile", list(Profile))
def test_the_gravest_tiers_come_first_so_that_a_budget_cuts_the_others(
    profile: Profile, tmp_path: Path
) -> None:
    found = plan(tmp_path, profile)
    tiers = [found.known[order.probe].tier for order in found.orders]
    assert tiers == sorted(tiers)
    assert len({order.probe for order in found.orders}) == len(found.orders)


@pytest.mark.parametrize("profile", list(Profile))
def test_every_probe_asked_for_is_ordered_or_said_to_lack_something(profile: Profile, tmp_path: Path) -> None:
    found = plan(tmp_path, profile)
    ordered = {order.probe for order in found.orders}
    assert ordered | set(found.absent) == set(found.selection.caps)
    assert not ordered & set(found.absent)
    assert all(found.absent.values())


def test_standard_is_seventy_seven_orders_and_sixteen_lacks(tmp_path: Path) -> None:
    found = plan(tmp_path, Profile.STANDARD)
    assert (len(found.orders), len(found.absent)) == (77, 16)


def test_all_is_every_probe_that_can_be_asked_here(tmp_path: Path) -> None:
    found = plan(tmp_path, probes="all")
    assert len(found.orders) == 148  # 150 less the two with which garak tries itself out
    assert len(found.orders) + len(found.absent) == 189


def test_a_local_copy_of_a_model_makes_orders_of_the_probes_that_lacked_it(tmp_path: Path) -> None:
    (tmp_path / "models" / TOXICITY).mkdir(parents=True)
    (tmp_path / "models" / TOXICITY / "config.json").write_text("{}")
    lacking, having = (
        plan(tmp_path, probes="lmrc,misleading", **given)
        for given in ({}, {"detector_models": str(tmp_path / "models")})
    )
    assert "lmrc.Bullying" in lacking.absent
    (order,) = [order for order in having.orders if order.probe == "lmrc.Bullying"]
    assert "unsafe_content.ToxicCommentModel" not in order.without_detectors
    assert "misleading.FalseAssertion" in having.absent
    assert all("unsafe_content.ToxicCommentModel" in order.without_detectors for order in lacking.orders)


def test_the_users_number_of_prompts_holds_for_the_profiles_probes_too(tmp_path: Path) -> None:
    assert {order.cap for order in plan(tmp_path, Profile.STANDARD, prompts="2").orders} == {2}


def test_a_wrong_setting_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="'some' is not a number of prompts"):
        plan(tmp_path, prompts="some")
    with pytest.raises(ScanError, match=r"garak\.detector_models: '.*gone' is not a folder"):
        plan(tmp_path, detector_models=str(tmp_path / "gone"))


def test_cost_counts_what_probes_have_and_not_what_they_may_have() -> None:
    caps = load_profiles().requested(Profile.DEEP)
    assert cost_of(Profile.DEEP).questions < sum(caps.values())
