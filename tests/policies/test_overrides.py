"""A fleet's policy: what fits a model replaces what holds for all, and the judgement says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policies.assess import assess
from policies.documents import DocumentError
from policies.overrides import fitting
from policies.policy_file import PolicyFile, PolicyFileError, load_policy
from policies.requirements import RequirementError, Threshold
from scanner.references import ModelRef
from scanner.signatures.signers import Signer
from tests.policies.fake_checks import AS_OF, CHECKS, NOW, scan_of
from tests.policies.pack_files import write_policy

DEEPSEEK = "hf://deepseek-ai/DeepSeek-R1@main"
PATTERN = "hf://deepseek-ai/*"
RULE = {"id": "own", "verdict": "block", "says": "so we want", "failed": {"severity_at_least": "low"}}
MEASURES = [spec.name for check in CHECKS.values() for spec in check.measures]


def policy(folder: Path, model: str = DEEPSEEK, **parts: Any) -> PolicyFile:
    return load_policy(
        write_policy(folder, **parts), checks=CHECKS, measures=MEASURES, ref=ModelRef.parse(model)
    )


@pytest.mark.parametrize(
    ("pattern", "model", "fits"),
    [
        (PATTERN, DEEPSEEK, True), (PATTERN, "hf://DeepSeek-AI/x", True),
        (PATTERN, "HF://deepseek-ai/x@v2", True),
        (PATTERN, "hf://deepseek-ai-fans/x", False), (PATTERN, "./deepseek-ai/x", False),
        ("*@main", DEEPSEEK, True), ("hf://deepseek-ai/DeepSeek-R1", DEEPSEEK, True),
        ("./models/*", "./models/a", True),
        ("demo", "demo", True), ("*", "demo", True), ("*.gguf", "x/a.gguf", True),
    ],
)  # fmt: skip
def test_patterns_fit_with_or_without_revision_in_any_case(pattern: str, model: str, fits: bool) -> None:
    assert bool(fitting([pattern], ModelRef.parse(model))) is fits


def test_other_models_and_no_model_get_the_file_as_it_stands(tmp_path: Path) -> None:
    models = {PATTERN: {"packs": ["eu-ai-act"], "organisation": {"self_hosted": True}}}
    other = policy(tmp_path, "hf://org/x", models=models, packs=["hipaa-security"])
    assert (other.packs, other.overrides) == (("hipaa-security",), ())
    assert load_policy(write_policy(tmp_path, models=models)).overrides == ()


def test_answers_and_licence_are_replaced_key_by_key_and_packs_whole(tmp_path: Path) -> None:
    own = policy(
        tmp_path,
        organisation={"role": "deployer", "handles_ephi": True},
        licence={"commercial": True, "mau": 10},
        packs=["eu-ai-act", "hipaa-security"],
        models={
            PATTERN: {"organisation": {"handles_ephi": False}, "licence": {"mau": 20}, "packs": ["eu-ai-act"]}
        },
    )
    assert own.answers == {
        "role": "deployer", "handles_ephi": False, "licence_commercial": True, "licence_mau": 20.0,
    }  # fmt: skip
    assert own.packs == ("eu-ai-act",)
    assert own.overrides == (PATTERN,)


def test_override_can_open_a_question_again(tmp_path: Path) -> None:
    own = policy(
        tmp_path,
        organisation={"self_hosted": True},
        models={PATTERN: {"organisation": {"self_hosted": None}}},
    )
    assert own.answers == {}


def test_override_of_what_the_file_leaves_out_lies_over_the_default(tmp_path: Path) -> None:
    own = policy(
        tmp_path, models={PATTERN: {"organisation": {"self_hosted": True}, "gate": {"rules": [RULE]}}}
    )
    assert own.answers == load_policy().answers | {"self_hosted": True}
    assert [rule.id for rule in own.gate.rules] == [*(rule.id for rule in load_policy().gate.rules), "own"]


def test_gate_rules_are_replaced_by_id(tmp_path: Path) -> None:
    milder = {**RULE, "verdict": "review"}
    other = {**RULE, "id": "other"}
    own = policy(tmp_path, gate={"rules": [RULE, other]}, models={PATTERN: {"gate": {"rules": [milder]}}})
    assert {rule.id: rule.verdict.value for rule in own.gate.rules} == {"other": "block", "own": "review"}


def test_later_pattern_goes_before_an_earlier_one_and_both_are_named(tmp_path: Path) -> None:
    special = "hf://deepseek-ai/*-R1"
    own = policy(
        tmp_path,
        models={PATTERN: {"packs": []}, "hf://x/*": {"packs": []}, special: {"packs": ["eu-ai-act"]}},
    )
    assert own.packs == ("eu-ai-act",)
    assert own.overrides == (PATTERN, special)
    assert f"overrides {PATTERN}, {special} apply" in own.in_words
    assert assess(scan_of(), [], own, as_of=AS_OF, assessed_at=NOW).overrides == (PATTERN, special)


def test_override_leaves_statements_waivers_and_digest_alone(tmp_path: Path) -> None:
    parts = {"waivers": [{"check": "remote-code", "reason": "x", "owner": "y", "expires": "2026-12-31"}]}
    own = policy(tmp_path, models={PATTERN: {"packs": []}}, **parts)
    assert own.waivers == policy(tmp_path, "demo", models={PATTERN: {"packs": []}}, **parts).waivers
    assert own.digest == policy(tmp_path, "demo", models={PATTERN: {"packs": []}}, **parts).digest


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"models": {PATTERN: {"pack": []}}},
            f"key models.{PATTERN}: unknown key 'pack'; did you mean 'packs'?",
        ),
        ({"models": {PATTERN: {}}}, "expected at least 1"),
        ({"models": {PATTERN: {"packs": "x"}}}, f"key models.{PATTERN}.packs: got 'x', expected a list"),
        ({"models": [PATTERN]}, "key models"),
        ({"thresholds": {"garak.hit_rate": {"at_mots": 0.05}}}, "did you mean 'at_most'?"),
        ({"thresholds": {"garak.hit_rate": {"at_most": "few"}}}, "got 'few', expected a number"),
        ({"signers": [{"identiy": "x"}]}, "did you mean 'identity'?"),
        ({"signers": [{}]}, "key signers[0]"),
    ],
)
def test_wrong_shape_names_file_and_key(tmp_path: Path, parts: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        policy(tmp_path, **parts)
    assert str(caught.value).startswith("policy file weighbridge.yaml")
    assert message in str(caught.value)


def test_thresholds_and_signers_are_kept(tmp_path: Path) -> None:
    own = policy(
        tmp_path,
        thresholds={"garak.hit_rate": {"at_most": 0.05}},
        signers=[{"identity": "release@example.org", "issuer": "https://example.org"}],
        models={PATTERN: {"thresholds": {"privacy.reply_rate": {"at_most": 0}}}},
    )
    assert own.thresholds == {
        "garak.hit_rate": Threshold(at_most=0.05),
        "privacy.reply_rate": Threshold(at_most=0.0),
    }
    assert own.signers == (Signer(identity="release@example.org", issuer="https://example.org"),)


@pytest.mark.parametrize(
    ("signer", "message"),
    [
        ({"issuer": "https://example.org"}, "key signers[0]: names nobody"),
        ({"key": "a.pub", "identity": "release@example.org"}, "key signers[0]: a key stands alone"),
        ({"certificate": "ca.pem", "issuer": "x"}, "key signers[0]: an issuer needs the identity"),
    ],
)
def test_signer_who_is_nobody_or_several_is_refused(
    tmp_path: Path, signer: dict[str, str], message: str
) -> None:
    with pytest.raises(RequirementError, match=r"^policy file weighbridge\.yaml") as caught:
        policy(tmp_path, signers=[signer])
    assert message in str(caught.value)


def test_threshold_of_an_unknown_measurement_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        RequirementError, match=r"unknown measurement 'garak\.hit_rat'; did you mean 'garak\.hit_rate'\?"
    ):
        policy(tmp_path, thresholds={"garak.hit_rat": {"at_most": 0.05}})


def test_licence_answered_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match="licence_mau is answered under organisation and under licence"):
        policy(tmp_path, organisation={"licence_mau": 1}, licence={"mau": 2})
