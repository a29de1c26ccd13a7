"""`weighbridge controls`: every view of the packs, in text and in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.main import run


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words) == 0
    return capsys.readouterr().out


def listed(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(printed([*words, "--format", "json"], capsys))


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


def test_pack_says_for_each_control_what_decides_it_and_what_it_does_not_show(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(["controls", "owasp-llm-2025"], capsys)
    assert "voluntary, not law" in text.splitlines()[0]
    assert "not yet reviewed by a person; next review due 2027-05-01" in text
    block = text.split("owasp-llm04\n")[1].split("owasp-llm05\n")[0]
    values = {
        line.strip().partition("  ")[0]: line.strip().partition("  ")[2].strip()
        for line in block.splitlines()
    }
    assert values["decided by"] == "checks and a person"
    assert values["owed by"] == "whoever adopts the framework"
    assert values["dates"] == "published 2024-11-18"
    assert "alignment-deflection" in values["checks"]
    assert values["asks"].startswith("Where do the data come from")
    assert values["limits"].startswith("Never supported by a scan alone.")
    assert "10 controls: 0 by checks alone, 7 by checks and a person, 3 by a person alone" in text


def test_control_that_no_check_feeds_says_why_and_is_named_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(["controls", "owasp-llm-2025"], capsys)
    assert "none: A scan of a model does not see what happens to its replies." in text
    last = text.strip().splitlines()[-1]
    assert last == "no check feeds, for the reason given with each: owasp-llm05, owasp-llm06, owasp-llm08"


def test_days_say_for_whom_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    block = printed(["controls", "eu-ai-act"], capsys).split("euaia-art50-2\n")[1]
    days = next(line.split(maxsplit=1)[1] for line in block.splitlines() if line.strip().startswith("dates"))
    assert (
        days.strip()
        == "from 2026-12-02 if the system was on the market before 2 August 2026; otherwise 2026-08-02"
    )


def test_json_of_a_pack_holds_what_the_text_says(capsys: pytest.CaptureFixture[str]) -> None:
    (pack,) = listed(["controls", "eu-ai-act"], capsys)
    control = next(one for one in pack["controls"] if one["id"] == "euaia-art53-1-d")
    assert control["evidence"] == "attestation"
    assert control["checks"]
    assert control["fed_by"] == []
    assert [entry["since"] for entry in control["effective"]] == ["2027-08-02", "2025-08-02"]
    assert control["limits"]
    assert control["sources"][0]["confidence"] in ("primary", "secondary", "recalled")


def test_checks_are_listed_with_the_controls_that_they_feed(capsys: pytest.CaptureFixture[str]) -> None:
    found = {one["id"]: one for one in listed(["controls", "--checks"], capsys)}
    assert {one["id"] for one in found["served-model-differs"]["controls"]} >= {
        "sp800-53-si-7",
        "iso42001-a.6.2.5",
    }
    assert all(one["controls"] or one["feeds_none_because"] for one in found.values())
    text = printed(["controls", "--checks"], capsys)
    assert "SI-7, SI-7(1)" in text.split("served-model-differs\n")[1].split("alignment-deflection\n")[0]


def test_check_that_feeds_nothing_in_a_pack_is_listed_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(["controls", "hipaa-security", "--checks"], capsys)
    block = text.split("code-worse-for-some-groups\n")[1].split("garak-attack-succeeds\n")[0]
    assert "no control of these packs rests on it" in block


def test_crosswalk_leads_from_an_id_over_controls_to_checks(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = listed(["controls", "--crosswalk", "nist_ai_600_1"], capsys)
    row = next(one for one in found["ids"] if one["id"] == "MG-3.1-002")
    own = next(one for one in row["controls"] if one["id"] == "ai600-mg-3.1-002")
    assert own["pack"] == "nist-ai-rmf"
    assert {"pickle-runs-code", "alignment-deflection"} <= set(own["checks"])
    assert own["limits"]
    assert found["framework"] == "nist_ai_600_1"
    assert "MS-2.12-004" in found["unmapped"]


def test_crosswalk_in_text_says_what_a_mapping_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(["controls", "--crosswalk", "owasp_llm"], capsys)
    assert "LLM05: Improper Output Handling" in text
    assert "LLM05:2025: a person" in text
    assert "evidence for a control is not evidence for everything that the id asks for" in " ".join(
        text.split()
    )


def test_crosswalk_without_a_name_holds_every_framework_and_can_be_one_packs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = listed(["controls", "hipaa-security", "--crosswalk"], capsys)
    assert {one["framework"] for one in found} >= {"nist_800_53", "iso_42001", "mitre_atlas"}
    packs = {each["pack"] for one in found for row in one["ids"] for each in row["controls"]}
    assert packs == {"hipaa-security"}


def test_unknown_framework_is_an_error_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls", "--crosswalk", "nist_ai_rfm"]) == 2
    assert "unknown framework 'nist_ai_rfm'; did you mean 'nist_ai_rmf'?" in capsys.readouterr().err


def test_two_views_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls", "--checks", "--crosswalk"]) == 2
    assert "give one of them" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--checks"], ["--crosswalk", "nist_800_53"], ["nist-800-53"]])
def test_every_view_fits_80_columns(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(len(line) for line in printed(["controls", *words], capsys).splitlines()) <= 80
