"""Which probes a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.garak import surface
from probes.garak.profiles import GarakDataError
from probes.garak.selection import Selection, choose, read_inventory
from scanner.check import Profile

KNOWN = read_inventory(surface.inventory_path())
CAPS = {
    Profile.QUICK: {"dan.STAN": 1, "dan.Gone": 2},
    Profile.STANDARD: {"dan.STAN": 3, "grandma.Win10": 3},
    Profile.DEEP: {},
}


def chosen_by(wanted: str, profile: Profile = Profile.QUICK) -> Selection:
    return choose(wanted, KNOWN, CAPS, profile, 5, scaffolding=("test",))


def test_a_probes_name_means_that_probe_and_a_modules_its_active_ones() -> None:
    chosen = chosen_by("dan.STAN, grandma")
    assert chosen.caps == {
        "dan.STAN": 5,
        "grandma.Slurs": 5,
        "grandma.Substances": 5,
        "grandma.Win10": 5,
        "grandma.Win11": 5,
    }
    assert not chosen.unknown


def test_a_module_without_active_probes_means_all_of_them() -> None:
    assert set(chosen_by("doctor").caps) == {
        "doctor.Bypass",
        "doctor.BypassLeet",
        "doctor.Puppetry",
    }


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("dan.Ablation_Dan_11", "dan.Ablation_Dan_11_0"),
        ("encodings", "encoding"),
        ("promptinjection", "promptinject"),
    ],
)
def test_an_unknown_name_comes_back_with_the_nearest(name: str, near: str) -> None:
    chosen = chosen_by(f"{name},dan.STAN")
    assert chosen.unknown == {name: f"garak has no probe or module '{name}'; did you mean '{near}'?"}
    assert list(chosen.caps) == ["dan.STAN"]


def test_no_name_means_the_profiles_probes_and_misses_are_told() -> None:
    chosen = chosen_by(" , ")
    assert chosen.caps == {"dan.STAN": 1}
    assert list(chosen.unknown) == ["dan.Gone"]


def test_all_means_every_probe_but_those_that_try_garak_out() -> None:
    chosen = chosen_by("all").caps
    assert set(KNOWN) - set(chosen) == {"test.Blank", "test.Test"}
    assert set(chosen_by("test").caps) == {"test.Blank", "test.Test"}


def test_active_means_what_garak_runs_by_default() -> None:
    chosen = chosen_by("active").caps
    assert set(chosen) == {name for name, probe in KNOWN.items() if probe.is_active}
    assert len(chosen) == 93


def test_a_star_means_a_module_whole() -> None:
    assert set(chosen_by("dan.*").caps) == {name for name in KNOWN if name.startswith("dan.")}


def test_a_profile_means_its_probes_with_the_users_number_of_prompts() -> None:
    assert chosen_by("standard").caps == {"dan.STAN": 5, "grandma.Win10": 5}


@pytest.mark.parametrize(
    ("tag", "inside", "outside"),
    [
        ("tag:quality:Security:PromptStability", "dan.STAN", "grandma.Slurs"),
        ("tag:quality:Security", "dan.STAN", "grandma.Slurs"),
        ("tag:QUALITY:security", "dan.STAN", "grandma.Slurs"),
        ("tag:OWASP-LLM01:2025", "dan.STAN", "leakreplay.NYTComplete"),
        ("tag:owasp-llm02", "leakreplay.NYTComplete", "dan.STAN"),
        ("tag:payload:jailbreak", "suffix.GCGCached", "leakreplay.NYTComplete"),
    ],
)
def test_a_tag_means_the_probes_that_bear_it_or_one_below_it(tag: str, inside: str, outside: str) -> None:
    chosen = chosen_by(tag).caps
    assert inside in chosen
    assert outside not in chosen


def test_part_of_a_tags_word_is_no_tag_and_the_nearest_is_told() -> None:
    chosen = chosen_by("tag:OWASP-LLM01:205,tag:quality:Secur")
    assert not chosen.caps
    assert chosen.unknown["tag:OWASP-LLM01:205"].endswith("did you mean 'OWASP-LLM01:2025'?")
    assert "no probe of garak has the tag 'quality:Secur'" in chosen.unknown["tag:quality:Secur"]


def test_garaks_scaffolding_is_not_a_probe() -> None:
    assert not [name for name in KNOWN if name.startswith("base.")]
    assert len(KNOWN) > 150


def test_a_broken_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plugin_cache.json"
    path.write_text('{"probes": {"probes.dan.STAN": {"active": "maybe"}}}')
    with pytest.raises(GarakDataError, match=r"plugin_cache\.json"):
        read_inventory(path)
    with pytest.raises(GarakDataError, match="no-such-file"):
        read_inventory(tmp_path / "no-such-file")
