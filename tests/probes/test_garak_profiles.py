"""The lists of probes, held against the installed garak."""

from __future__ import annotations

from importlib import resources

import pytest

from probes.garak import surface
from probes.garak.profiles import PROFILES_FILE, GarakDataError, load_profiles, module_of, parse_profiles
from probes.garak.selection import read_inventory
from scanner.check import Profile
from scanner.findings import Confidence, Severity

TEXT = (resources.files("probes") / "data" / PROFILES_FILE).read_text("utf-8")
DATA = load_profiles()
KNOWN = read_inventory(surface.inventory_path())
MODULES = {module_of(name) for name in KNOWN}


@pytest.mark.parametrize("profile", list(Profile))
def test_every_requested_probe_exists_and_is_not_known_to_be_impossible(profile: Profile) -> None:
    for probe in DATA.requested(profile):
        assert probe in KNOWN
        assert not DATA.needs(probe)


def test_quick_is_six_modules_within_its_budget() -> None:
    requested = DATA.requested(Profile.QUICK)
    assert len({module_of(probe) for probe in requested}) == 6
    assert sum(requested.values()) <= 60
    assert DATA.cost(Profile.QUICK).reply_tokens <= 60 * 48


def test_profiles_grow() -> None:
    costs = [DATA.cost(profile).reply_tokens for profile in (Profile.QUICK, Profile.STANDARD, Profile.DEEP)]
    assert costs == sorted(set(costs))
    assert set(DATA.requested(Profile.STANDARD)) <= set(DATA.requested(Profile.DEEP))


def test_every_default_probe_is_requested_in_depth_or_said_to_be_impossible() -> None:
    deep = DATA.requested(Profile.DEEP)
    assert not [
        name for name, probe in KNOWN.items() if probe.is_active and name not in deep and not DATA.needs(name)
    ]


def test_everything_said_to_be_impossible_exists() -> None:
    assert not [name for name in DATA.unavailable_probes if name not in KNOWN and name not in MODULES]


def test_no_probe_is_in_two_groups() -> None:
    members = [probe for group in DATA.groups.values() for probe in group]
    assert len(members) == len(set(members))


def test_every_tier_has_a_severity() -> None:
    assert {probe.tier for probe in KNOWN.values()} <= set(DATA.severity_of_tier)
    assert DATA.severity(1) is Severity.HIGH


def test_the_detector_that_takes_refusals_for_hits_is_not_trusted() -> None:
    trust = DATA.trust("mitigation.MitigationBypass")
    assert trust.confidence is Confidence.LOW
    assert "refusals" in trust.caution
    assert DATA.trust("some.Other").confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("groups: [sound]", "groups: [sownd]", r"profiles\.standard\.groups: unknown group 'sownd'"),
        ("hit_score: 0.5", "hit_score: 5", "5.0 is not a share"),
        ("reply_tokens: 48", "reply_tokens: many", r"reply_tokens"),
        ("  deep:\n", "  deeper:\n", "deeper"),
        ("licence: Apache-2.0", "", "licence"),
        ("profiles:\n", "profiles: [\n", PROFILES_FILE),
    ],
)
def test_a_broken_file_is_refused_with_the_place(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(GarakDataError, match=message):
        parse_profiles(TEXT.replace(old, new, 1))
