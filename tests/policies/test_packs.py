# ruff: noqa: E501 - tables of messages, one a line
from __future__ import annotations

import datetime
import hashlib
import re
import urllib.request
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from policies.controls import EvidenceKind
from policies.packs import PackError, available_packs, control_ids, load_packs
from scanner.findings import Severity
from tests.policies.fake_checks import CHECKS
from tests.policies.pack_files import CONTROL, attested, control, hybrid, load_pack, write_pack

PACKS = {pack.id: pack for pack in load_packs(available_packs(), CHECKS)}


def test_every_shipped_pack_loads_under_the_name_of_its_file() -> None:
    assert set(PACKS) == set(available_packs()) >= {"eu-ai-act", "hipaa-security"}


def test_packs_have_the_breadth_that_was_promised() -> None:
    assert len(PACKS["eu-ai-act"].controls) >= 50
    assert len(PACKS["hipaa-security"].controls) >= 40


def test_digest_is_that_of_the_file() -> None:
    file = resources.files("policies").joinpath("packs", "eu_ai_act.yaml")
    assert PACKS["eu-ai-act"].digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_loading_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pack wanted the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert load_packs(["hipaa-security"], CHECKS)[0].controls


@pytest.mark.parametrize("pack_id", sorted(PACKS))
def test_controls_never_claim_compliance(pack_id: str) -> None:
    for one in PACKS[pack_id].controls:
        told = (one.title, one.requirement, one.relevance, one.reliance, one.limits, one.attestation)
        text = " ".join(told).lower()
        assert not re.search(r"complian|certif|guarantee|conformity", text), one.id


@pytest.mark.parametrize("pack_id", sorted(PACKS))
def test_every_control_has_its_sources_limits_and_a_known_severity(pack_id: str) -> None:
    for one in PACKS[pack_id].controls:
        assert one.sources, one.id
        assert all(source.confidence in ("primary", "secondary", "recalled") for source in one.sources)
        assert one.limits, one.id
        assert one.effective or PACKS[pack_id].status == "proposed", one.id
        assert one.maps, one.id
        Severity(one.severity_if_failed)


@pytest.mark.parametrize("pack_id", sorted(PACKS))
def test_ids_are_tokens_that_exchange_formats_accept(pack_id: str) -> None:
    for one in PACKS[pack_id].controls:
        assert re.fullmatch(r"[a-z][a-z0-9.-]*", one.id)


def test_supported_needs_a_rule_over_evidence_wherever_it_can_be_reached() -> None:
    for pack in PACKS.values():
        for one in pack.controls:
            families = {name.partition(".")[0] for name in one.supported_if.names}
            assert not one.supported_if.clauses or families & {"check", "measure"}, one.id


def test_attestation_controls_have_no_rule_that_could_support_them() -> None:
    for pack in PACKS.values():
        for one in pack.controls:
            if one.evidence is EvidenceKind.ATTESTATION:
                assert not one.supported_if.clauses
                assert not one.partial_if.clauses


def test_integrity_of_ephi_is_supported_by_analogy_at_most_in_part() -> None:
    by_id = {one.id: one for one in PACKS["hipaa-security"].controls}
    for name in ("hipaa-164.312-c-1", "hipaa-164.312-c-2"):
        assert not by_id[name].supported_if.clauses
        assert "by analogy" in by_id[name].limits


@pytest.mark.parametrize(
    ("control_id", "days"),
    [
        ("euaia-art4", ["2025-02-02"]),
        ("euaia-art5-intimate-images", ["2026-12-02"]),
        ("euaia-art15-robustness", ["2027-12-02", "2028-08-02", "2030-08-02"]),
        ("euaia-art4a", ["2026-07-27"]),
        ("euaia-art50-1", ["2026-08-02"]),
        ("euaia-art50-2", ["2026-12-02", "2026-08-02"]),
        ("euaia-art53-1-d", ["2027-08-02", "2025-08-02"]),
    ],
)
def test_days_are_those_of_the_amended_act(control_id: str, days: list[str]) -> None:
    by_id = {one.id: one for one in PACKS["eu-ai-act"].controls}
    assert [str(entry.since) for entry in by_id[control_id].effective] == days


def test_unknown_pack_is_an_error_with_the_nearest() -> None:
    with pytest.raises(PackError, match="unknown policy pack 'eu-ai-atc'; did you mean 'eu-ai-act'?"):
        load_packs(["eu-ai-atc"], CHECKS)


def test_own_pack_is_loaded_beside_shipped_ones(tmp_path: Path) -> None:
    packs = load_packs(["hipaa-security"], CHECKS, [write_pack(tmp_path)])
    assert [pack.id for pack in packs] == ["hipaa-security", "test-act"]


def test_pack_asked_for_twice_is_loaded_once() -> None:
    assert len(load_packs(["eu-ai-act", "eu-ai-act"], CHECKS)) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (control(checks=["pii-leek", "personal-data-in-replies"]), "key checks: unknown check 'pii-leek'"),
        (control(checks=["pickle-runs-cod"]), "key checks: unknown check 'pickle-runs-cod'; did you mean 'pickle-runs-code'?"),
        (control(measurements=["garak.hitrate"]), "key measurements: unknown measurement 'garak.hitrate'; did you mean 'garak.hit_rate'?"),
        (control(supported_if={"all": [{"rule": "check.pickle_run_code.failed == 0", "says": "it is so"}]}), "key supported_if: unknown check 'pickle-run-code'; did you mean 'pickle-runs-code'?"),
        (control(partial_if={"all": [{"rule": "check.pickle_runs_code.failed < 1.5", "says": "it is so"}]}), "key partial_if: rule 'check.pickle_runs_code.failed < 1.5'"),
        (control(applies_if={"all": [{"rule": "org.handle_ephi", "says": "it is so"}]}), "key applies_if: unknown organisation question 'handle_ephi'; did you mean 'handles_ephi'?"),
        (control(effective=[{"since": "2025-01-01", "when": {"all": [{"rule": "org.role", "says": "it is so"}]}}]), "key effective[0].when: rule 'org.role': got STRING, expected true or false"),
        (control(checks=["pickle-runs-code"]), "key checks: 'garak-attack-succeeds', which supported_if refers to, is not listed"),
        (control(supported_if={"all": [{"rule": "measure.garak_hit_rate.high < 0.1", "says": "it is so"}]}), "key measurements: 'garak.hit_rate', which supported_if refers to, is not listed"),
        (control(maps={"nist_rmf": ["MEASURE 2.7"]}), "key maps: unknown framework 'nist_rmf'; did you mean 'nist_ai_rmf'?"),
        (control(maps={"nist_ai_rmf": ["MEASURE 2.77"]}), "key maps.nist_ai_rmf: unknown id 'MEASURE 2.77'; did you mean 'MEASURE 2.7'?"),
        (control(maps={"mitre_atlas": ["AML.T0010.3"]}), "key maps.mitre_atlas: unknown id 'AML.T0010.3'; did you mean 'AML.T0010.003'?"),
        (control(attestation="Is it so?"), "key evidence: got automatic, expected no attestation beside it"),
        (control(evidence="hybrid"), "key evidence: got hybrid, expected an attestation beside it"),
        (control(evidence="attestation", attestation="Is it so?"), "key evidence: got attestation, expected no supported_if and no partial_if beside it"),
        (attested(evidence="automatic"), "key evidence: got automatic, expected supported_if or partial_if beside it"),
    ],
)  # fmt: skip
def test_control_that_cannot_be_judged_is_an_error_with_file_control_and_key(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(PackError) as caught:
        load_pack(tmp_path, changed)
    text = str(caught.value)
    assert text.startswith("policy pack test_act.yaml, control art-10, key ")
    assert message in text


def test_errors_read_as_the_style_guide_promises(tmp_path: Path) -> None:
    with pytest.raises(PackError) as caught:
        load_pack(tmp_path, control(checks=["personal-data-in-reply"]))
    assert str(caught.value) == (
        "policy pack test_act.yaml, control art-10, key checks: unknown check 'personal-data-in-reply'; "
        "did you mean 'personal-data-in-replies'?"
    )


def test_only_what_is_proposed_has_no_day(tmp_path: Path) -> None:
    for status in ("in_force", "superseded"):
        with pytest.raises(PackError, match="control art-10, key effective: got none, expected at least one"):
            load_pack(tmp_path, control(effective=[]), status=status)
    assert load_pack(tmp_path, control(effective=[]), status="proposed").controls[0].effective == ()


def test_two_controls_with_one_id_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="control art-10: the id is given to two controls"):
        load_pack(tmp_path, control(), control())


def test_two_packs_with_one_id_or_one_control_are_an_error(tmp_path: Path) -> None:
    first = write_pack(tmp_path)
    second = write_pack(tmp_path, name="second.yaml", id="second-act")
    with pytest.raises(PackError, match="the id 'art-10' is taken by pack test-act"):
        load_packs([], CHECKS, [first, second])


def test_control_ids_lists_shipped_and_own_controls(tmp_path: Path) -> None:
    ids = control_ids([write_pack(tmp_path, hybrid(id="own-1"))])
    assert {"own-1", "euaia-art4", "hipaa-164.312-b"} <= ids


def test_loaded_control_carries_what_the_file_says(tmp_path: Path) -> None:
    pack = load_pack(tmp_path)
    (one,) = pack.controls
    assert (one.id, one.label, one.checks) == (CONTROL["id"], CONTROL["label"], tuple(CONTROL["checks"]))
    assert one.effective[0].since == datetime.date(2025, 8, 2)
    assert [clause.says for clause in one.supported_if.clauses] == [
        "no file runs code",
        "no attack succeeded",
    ]
    assert pack.questioning >= {"garak-attack-succeeds"}
    assert "pickle-runs-code" not in pack.questioning
