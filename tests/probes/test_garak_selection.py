"""Which probes a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.garak import surface
from probes.garak.profiles import GarakDataError
from probes.garak.selection import choose, read_inventory

KNOWN = read_inventory(surface.inventory_path())


def test_a_probes_name_means_that_probe_and_a_modules_its_active_ones() -> None:
    chosen = choose("dan.STAN, grandma", KNOWN, {}, 5)
    assert chosen.caps == {
        "dan.STAN": 5,
        "grandma.Slurs": 5,
        "grandma.Substances": 5,
        "grandma.Win10": 5,
        "grandma.Win11": 5,
    }
    assert not chosen.unknown


def test_a_module_without_active_probes_means_all_of_them() -> None:
    assert set(choose("doctor", KNOWN, {}, 5).caps) == {
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
    chosen = choose(f"{name},dan.STAN", KNOWN, {}, 5)
    assert chosen.unknown == {name: f"garak has no probe or module '{name}'; did you mean '{near}'?"}
    assert list(chosen.caps) == ["dan.STAN"]


def test_no_name_means_the_profiles_probes_and_misses_are_told() -> None:
    chosen = choose(" , ", KNOWN, {"dan.STAN": 1, "dan.Gone": 2}, 5)
    assert chosen.caps == {"dan.STAN": 1}
    assert list(chosen.unknown) == ["dan.Gone"]


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
