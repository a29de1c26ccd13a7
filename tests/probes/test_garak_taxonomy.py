"""The table from garak's modules to the OWASP list, held against the installed garak."""

from __future__ import annotations

from importlib import resources

import pytest

from probes.garak import surface
from probes.garak.profiles import GarakDataError, module_of
from probes.garak.selection import read_inventory
from probes.garak.taxonomy import TAXONOMY_FILE, load_taxonomy, owasp_tags, parse_taxonomy

TEXT = (resources.files("probes") / "data" / TAXONOMY_FILE).read_text("utf-8")
KNOWN = read_inventory(surface.inventory_path())


def test_every_module_of_garak_is_placed_and_no_other() -> None:
    assert set(load_taxonomy().modules) == {module_of(name) for name in KNOWN}


def test_every_probe_with_a_place_of_its_own_exists() -> None:
    assert set(load_taxonomy().probes) <= set(KNOWN)


def test_every_place_has_a_reason() -> None:
    table = load_taxonomy()
    assert all(bearing.reason for bearing in (*table.modules.values(), *table.probes.values()))


@pytest.mark.parametrize(
    ("probe", "tags"),
    [
        ("dan.STAN", ("OWASP-LLM01:2025",)),
        ("leakreplay.NYTComplete", ("OWASP-LLM02:2025",)),
        ("web_injection.TaskXSS", ("OWASP-LLM05:2025",)),
        ("web_injection.PlaygroundMarkdownExfil", ("OWASP-LLM02:2025", "OWASP-LLM05:2025")),
        ("lmrc.SlurUsage", ()),
        ("no_such.Probe", ()),
    ],
)
def test_a_probe_takes_its_own_place_before_its_modules(probe: str, tags: tuple[str, ...]) -> None:
    assert owasp_tags(probe) == tags


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "adaptive_attacks: {owasp: [LLM01]",
            "adaptive_attacks: {owasp: [LLM11]",
            "adaptive_attacks: 'LLM11'",
        ),
        ("  LLM10: Unbounded Consumption\n", "", "divergence: 'LLM10'"),
        ('edition: "2025"', "", "edition"),
        ("modules:\n", "modules: {\n", TAXONOMY_FILE),
    ],
)
def test_a_broken_table_is_refused_with_the_place(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(GarakDataError, match=message):
        parse_taxonomy(TEXT.replace(old, new, 1))
