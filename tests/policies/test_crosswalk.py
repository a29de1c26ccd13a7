from __future__ import annotations

from pathlib import Path

import pytest

from policies.controls import Pack
from policies.crosswalk import CrosswalkRow, controls_by_check, crosswalks
from policies.frameworks import load_frameworks
from policies.packs import available_packs, load_packs
from tests.policies.fake_checks import CHECKS
from tests.policies.pack_files import attested, control, load_pack

FRAMEWORKS = load_frameworks()


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return load_pack(
        tmp_path,
        control(id="by-checks", maps={"owasp_llm": ["LLM03", "LLM01"]}),
        attested(id="by-person", maps={"owasp_llm": ["LLM03"]}, checks=["training-compute"]),
    )


def rows(pack: Pack) -> dict[str, CrosswalkRow]:
    (one,) = crosswalks([pack], [FRAMEWORKS["owasp_llm"]])
    return {row.id: row for row in one.rows}


def test_row_names_every_control_that_is_mapped_to_its_id_and_no_other(pack: Pack) -> None:
    found = {token: [one.control.id for one in row.controls] for token, row in rows(pack).items()}
    assert found == {"LLM01": ["by-checks"], "LLM03": ["by-checks", "by-person"]}


def test_rows_stand_in_the_order_of_their_framework(pack: Pack) -> None:
    assert list(rows(pack)) == ["LLM01", "LLM03"]


def test_mapped_and_unmapped_ids_are_all_ids_of_the_framework(pack: Pack) -> None:
    (one,) = crosswalks([pack], [FRAMEWORKS["owasp_llm"]])
    assert {row.id for row in one.rows} | set(one.unmapped) == set(FRAMEWORKS["owasp_llm"].ids)
    assert not {row.id for row in one.rows} & set(one.unmapped)


def test_checks_of_a_control_for_a_person_alone_feed_nothing(pack: Pack) -> None:
    """They decide whether it applies; its status is a person's to give."""
    assert rows(pack)["LLM03"].checks == ("pickle-runs-code", "garak-attack-succeeds")
    assert controls_by_check([pack], ["training-compute"])["training-compute"] == ()


def test_check_leads_to_the_controls_that_rest_on_it(pack: Pack) -> None:
    feeds = controls_by_check([pack], ["pickle-runs-code", "remote-code"])
    assert [one.control.id for one in feeds["pickle-runs-code"]] == ["by-checks"]
    assert feeds["remote-code"] == ()


def test_every_mapping_of_every_shipped_pack_is_in_the_crosswalk_once() -> None:
    packs = load_packs(available_packs(), CHECKS)
    written = {
        (name, token, one.id)
        for pack in packs
        for one in pack.controls
        for name, ids in one.maps.items()
        for token in ids
    }
    found = [
        (one.framework.id, row.id, each.control.id)
        for one in crosswalks(packs, FRAMEWORKS.values())
        for row in one.rows
        for each in row.controls
    ]
    assert len(found) == len(set(found))
    assert set(found) == written
