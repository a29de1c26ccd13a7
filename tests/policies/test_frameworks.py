from __future__ import annotations

import datetime
import re

import pytest

from policies.frameworks import Framework, load_frameworks

FRAMEWORKS = load_frameworks()
# How many ids the edition itself has, where the file says that it holds all of them.
WHOLE = {"nist_ai_rmf": 72, "nist_ai_600_1": 212, "iso_42001": 38, "owasp_llm": 10}
FORMS = {
    "nist_ai_rmf": r"(GOVERN|MAP|MEASURE|MANAGE) \d\.\d{1,2}",
    "nist_ai_600_1": r"(GV|MP|MS|MG)-\d\.\d{1,2}-\d{3}",
    "gdpr": r"Art\. \d{1,2}",
    "iso_42001": r"A(\.\d{1,2}){2,3}",
    "owasp_llm": r"LLM\d\d",
    "mitre_atlas": r"AML\.([TM]\d{4})(\.\d{3})?",
    "nist_800_53": r"[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?",
}


def test_whole_frameworks_hold_every_id_of_their_edition() -> None:
    whole = {one.id: len(one.ids) for one in FRAMEWORKS.values() if one.is_whole}
    assert whole == WHOLE


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=lambda one: one.id)
def test_ids_have_the_form_of_their_framework(framework: Framework) -> None:
    assert [one for one in framework.ids if not re.fullmatch(FORMS[framework.id], one)] == []


def test_actions_of_the_profile_belong_to_subcategories_of_the_framework() -> None:
    names = {"GV": "GOVERN", "MP": "MAP", "MS": "MEASURE", "MG": "MANAGE"}
    parents = {f"{names[one[:2]]} {one[3:-4]}" for one in FRAMEWORKS["nist_ai_600_1"].ids}
    assert parents <= set(FRAMEWORKS["nist_ai_rmf"].ids)


@pytest.mark.parametrize("name", ["mitre_atlas", "nist_800_53"])
def test_parts_stand_beside_what_they_are_a_part_of(name: str) -> None:
    ids = set(FRAMEWORKS[name].ids)
    assert {re.sub(r"(?<=T\d{4})\.\d{3}$|\(\d+\)$", "", one) for one in ids} <= ids


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=lambda one: one.id)
def test_sources_were_read_after_the_edition_came_out(framework: Framework) -> None:
    assert framework.published < min(source.retrieved for source in framework.sources)
    assert max(source.retrieved for source in framework.sources) <= datetime.date(2026, 11, 26)


def test_text_under_copyright_is_not_repeated() -> None:
    """Beside an ISO id stands our own word for its subject: short, and no sentence of a duty."""
    for title in FRAMEWORKS["iso_42001"].ids.values():
        assert len(title.split()) <= 8
        assert "shall" not in title
