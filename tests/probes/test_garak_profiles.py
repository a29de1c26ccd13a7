"""The lists of probes, held against the installed garak."""

from __future__ import annotations

from importlib import resources

import pytest

from probes.garak import surface
from probes.garak.counts import load_counts
from probes.garak.planning import cost_of
from probes.garak.profiles import PROFILES_FILE, GarakDataError, load_profiles, module_of, parse_profiles
from probes.garak.selection import read_inventory
from scanner.check import Profile
from scanner.findings import Confidence, Severity

TEXT = (resources.files("probes") / "data" / PROFILES_FILE).read_text("utf-8")
DATA = load_profiles()
KNOWN = read_inventory(surface.inventory_path())
MODULES = {module_of(name) for name in KNOWN}


@pytest.mark.parametrize("profile", list(Profile))
def test_every_requested_probe_exists(profile: Profile) -> None:
    assert set(DATA.requested(profile)) <= set(KNOWN)


def test_groups_hold_what_their_names_say() -> None:
    lacking = {name for name in KNOWN if DATA.needs(name)}
    active = {name for name, probe in KNOWN.items() if probe.is_active}
    groups = {name: set(members) for name, members in DATA.groups.items()}
    assert groups["absent"] == lacking & active
    assert groups["absent_special"] == lacking - active
    assert groups["sound"] | groups["doubtful"] == active - lacking
    assert not (groups["special"] | groups["doubtful_special"]) & (active | lacking)


def test_a_probe_of_a_default_group_is_doubtful_exactly_when_its_detector_is() -> None:
    cautioned = {name for name, trust in DATA.detectors.items() if trust.caution}
    doubtful = {name for name in DATA.groups["doubtful"] if KNOWN[name].primary not in cautioned}
    assert not doubtful


def test_whatever_can_be_asked_has_been_counted_and_the_count_names_its_detector() -> None:
    counts = load_counts()
    able = {name for name in KNOWN if not DATA.needs(name)}
    assert able <= set(counts)
    assert len(able) == 150
    assert not {name for name in able if KNOWN[name].primary not in ("", counts[name].detector)}


def test_every_setting_that_names_a_hub_model_is_of_a_plugin_that_cannot_load_without() -> None:
    for settings in DATA.hub_models.values():
        for setting in settings:
            kind, module, name, _ = setting.split(".")
            lists = DATA.unavailable_detectors if kind == "detectors" else DATA.unavailable_probes
            assert f"{module}.{name}" in lists or module in lists
    for probe, models in DATA.models_of_probe.items():
        assert probe in DATA.unavailable_probes
        assert set(models) <= set(DATA.hub_models)


def test_quick_is_six_modules_within_its_budget() -> None:
    requested = DATA.requested(Profile.QUICK)
    assert len({module_of(probe) for probe in requested}) == 6
    assert sum(requested.values()) <= 60


def test_profiles_grow() -> None:
    costs = [cost_of(profile).reply_tokens for profile in (Profile.QUICK, Profile.STANDARD, Profile.DEEP)]
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
        (
            "groups: [sound, doubtful, absent]",
            "groups: [sownd]",
            r"profiles\.standard\.groups: unknown group 'sownd'",
        ),
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
