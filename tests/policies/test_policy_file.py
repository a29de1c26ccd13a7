# ruff: noqa: E501 - tables of messages, one a line
from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

import pytest

from policies.assessment import VerdictValue
from policies.documents import DocumentError
from policies.organisation import AnswerError
from policies.policy_file import PolicyFileError, load_policy
from tests.policies.fake_checks import CHECKS
from tests.policies.pack_files import attested, policy, statement, write_pack, write_policy

RULE = {"id": "own", "verdict": "block", "says": "so we want", "failed": {"severity_at_least": "low"}}
WAIVER = {"check": "remote-code", "reason": "read by us", "owner": "Jane Roe", "expires": "2026-12-31"}


def test_default_policy_loads_and_assumes_no_more_than_it_says() -> None:
    default = load_policy(checks=CHECKS)
    assert default.answers == {"role": "deployer", "eu_market": True}
    assert default.packs == ("eu-ai-act", "hipaa-security")
    assert default.scope.languages == ("en",)
    assert {rule.verdict for rule in default.gate.rules} == {
        VerdictValue.BLOCK, VerdictValue.INCOMPLETE, VerdictValue.REVIEW,
    }  # fmt: skip
    assert not default.attestations
    assert not default.waivers


def test_what_a_file_leaves_out_is_taken_from_the_default(tmp_path: Path) -> None:
    default, own = load_policy(), policy(tmp_path, packs=["hipaa-security"])
    assert own.packs == ("hipaa-security",)
    assert (own.answers, own.scope, own.gate) == (default.answers, default.scope, default.gate)
    assert own.digest != default.digest


def test_answers_of_a_file_replace_the_assumptions_as_a_whole(tmp_path: Path) -> None:
    assert policy(tmp_path, organisation={"handles_ephi": True}).answers == {"handles_ephi": True}


def test_gate_of_a_file_carries_its_name_and_digest(tmp_path: Path) -> None:
    path = write_policy(tmp_path, gate={"rules": [RULE]})
    gate = load_policy(path, checks=CHECKS).gate
    assert (gate.name, [rule.id for rule in gate.rules]) == ("acme 1", ["own"])
    assert gate.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_gate_may_extend_the_default_and_replace_rules_by_id(tmp_path: Path) -> None:
    changed = {**RULE, "id": "failure", "verdict": "block"}
    gate = policy(tmp_path, gate={"extends": "weighbridge-default", "rules": [RULE, changed]}).gate
    rules = {rule.id: rule for rule in gate.rules}
    assert len(rules) == len(load_policy().gate.rules) + 1
    assert rules["failure"].verdict is VerdictValue.BLOCK
    assert gate.name.startswith("acme 1, extending weighbridge-default ")


def test_gate_without_rules_stays_without(tmp_path: Path) -> None:
    assert policy(tmp_path, gate={"rules": []}).gate.rules == ()


def test_attestations_and_waivers_are_read(tmp_path: Path) -> None:
    own = policy(tmp_path, attestations=[statement("euaia-art4", "partly", reason="half")], waivers=[WAIVER])
    assert own.attestations["euaia-art4"].reason == "half"
    assert own.attestations["euaia-art4"].expires == datetime.date(2027, 12, 31)
    assert own.waivers[0].target == "check remote-code"


def test_controls_of_own_packs_may_be_attested(tmp_path: Path) -> None:
    pack = write_pack(tmp_path, attested(id="own-1"))
    assert policy(tmp_path, extra_packs=[pack], attestations=[statement("own-1")]).attestations


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"organisatio": {}}, "unknown key 'organisatio'; did you mean 'organisation'?"),
        ({"packs": "eu-ai-act"}, "key packs: got 'eu-ai-act', expected a list"),
        ({"scope": {"languages": []}}, "key scope.languages: got [], expected at least 1"),
        ({"scope": {"languages": ["xx"]}}, "key scope.languages[0]: got 'xx', expected one of ar, de, en"),
        ({"gate": {"rules": [{**RULE, "verdict": "blockk"}]}}, "rule own, key verdict: got 'blockk', expected one of block, incomplete, review; did you mean 'block'?"),
        ({"gate": {"rules": [{**RULE, "unjudged": {"checks": ["remote-code"]}}]}}, "rule own: expected exactly one of failed, unjudged, unproven_language, control"),
        ({"gate": {"rules": [{"id": "own", "verdict": "block", "says": "so"}]}}, "rule own: expected exactly one of"),
        ({"gate": {"rules": [{**RULE, "failed": {"severity_at_least": "hi"}}]}}, "rule own, key failed.severity_at_least: got 'hi'"),
        ({"attestations": [{"control": "euaia-art4"}]}, "key attestations[0]: the key 'answer' is missing"),
        ({"attestations": [statement("euaia-art4", "perhaps")]}, "key attestations[0].answer: got 'perhaps'"),
        ({"attestations": [statement("euaia-art4", "not_reasonable")]}, "the key 'reason' is missing"),
        ({"attestations": [statement("euaia-art4", expires="soon")]}, "key attestations[0].expires: got 'soon', expected a day, 2026-12-02"),
        ({"waivers": [{**WAIVER, "control": "euaia-art4"}]}, "key waivers[0]: expected exactly one of control, check, finding"),
        ({"waivers": [{"reason": "x", "owner": "y", "expires": "2026-12-31"}]}, "key waivers[0]: expected exactly one of"),
        ({"waivers": [{"finding": "abc", "reason": "x", "owner": "y", "expires": "2026-12-31"}]}, "key waivers[0].finding: got 'abc', expected a fingerprint of 16 hex digits"),
    ],
)  # fmt: skip
def test_wrong_shape_says_file_key_got_and_expected(
    tmp_path: Path, parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        policy(tmp_path, **parts)
    assert str(caught.value).startswith("policy file weighbridge.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"attestations": [statement("euaia-art44")]}, "key attestations: unknown control 'euaia-art44'; did you mean 'euaia-art4'?"),
        ({"attestations": [statement("euaia-art4"), statement("euaia-art4")]}, "attestation of euaia-art4: given twice"),
        ({"attestations": [statement("euaia-art4", expires="2026-09-30")]}, "expires on 2026-09-30, before its date 2026-10-01"),
        ({"waivers": [WAIVER, {**WAIVER, "check": "remote-cod"}]}, "key waivers[1]: unknown check 'remote-cod'; did you mean 'remote-code'?"),
        ({"waivers": [{"control": "hipaa-164.312-z", "reason": "x", "owner": "y", "expires": "2026-12-31"}]}, "unknown control 'hipaa-164.312-z'"),
        ({"gate": {"rules": [RULE, RULE]}}, "gate rule own: the id is given twice"),
        ({"gate": {"rules": [{**RULE, "failed": {"severity_at_least": "low", "checks": ["pickle-run-code"]}}]}}, "gate rule own: unknown check 'pickle-run-code'; did you mean 'pickle-runs-code'?"),
    ],
)  # fmt: skip
def test_what_does_not_exist_or_contradicts_is_an_error(
    tmp_path: Path, parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(PolicyFileError) as caught:
        policy(tmp_path, **parts)
    assert str(caught.value).startswith("policy file weighbridge.yaml")
    assert message in str(caught.value)


def test_wrong_answer_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(
        AnswerError, match=r"policy file weighbridge\.yaml, key organisation\.role: got 'deploier'"
    ):
        policy(tmp_path, organisation={"role": "deploier"})


def test_answers_written_without_quotes_mean_what_they_say(tmp_path: Path) -> None:
    path = write_policy(tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8") + "organisation: {eu_market: no, handles_ephi: yes}\n"
        "attestations:\n"
        "- {control: euaia-art4, answer: no, name: J, role: CISO, date: 2026-01-01, expires: 2027-01-01}\n",
        encoding="utf-8",
    )
    own = load_policy(path, checks=CHECKS)
    assert own.answers == {"eu_market": False, "handles_ephi": True}
    assert own.attestations["euaia-art4"].answer == "no"
