"""`weighbridge init` writes a file that loads, leaves open what nobody answered, and overwrites nothing."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from cli.main import run
from policies.documents import parse_yaml
from policies.organisation import AnswerKind, load_questions
from policies.policy_file import load_policy
from policies.starter import policy_schema, starter_policy
from scanner.references import ModelRef
from tests.policies.fake_checks import CHECKS


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(here: Path) -> str:
    return (here / "weighbridge.yaml").read_text(encoding="utf-8")


def test_file_without_options_loads_and_answers_nothing(here: Path) -> None:
    assert run(["init"]) == 0
    policy = load_policy(here / "weighbridge.yaml", checks=CHECKS)
    assert policy.answers == {}
    assert policy.gate.rules == load_policy().gate.rules
    assert (policy.packs, policy.scope) == (load_policy().packs, load_policy().scope)


def test_options_are_answers_in_the_file(here: Path) -> None:
    words = ["--role", "deployer", "--market", "EU", "--market", "US", "--sector", "health", "--handles-ephi"]
    assert run(["init", *words, "--purpose", "answers: \"staff\" # and 'guests'"]) == 0
    assert load_policy(here / "weighbridge.yaml", checks=CHECKS).answers == {
        "role": "deployer", "markets": ("EU", "US"), "eu_market": True, "sector": "health",
        "handles_ephi": True,
        "purpose": "answers: \"staff\" # and 'guests'",
    }  # fmt: skip


def test_every_question_is_in_the_file_with_why_and_values(here: Path) -> None:
    run(["init"])
    text = " ".join(written(here).replace("#", " ").split())
    for question in load_questions().values():
        assert " ".join(question.question.split()) in text
        assert " ".join(f"Why: {question.why}".split()) in text
        assert all(value in text for value in question.values)


def test_commented_examples_are_valid_once_uncommented(here: Path) -> None:
    run(["init"])
    lines = []
    for line in written(here).splitlines():
        is_example = line.startswith(("# - ", "#   ", "#  ", "  # - id", "  #   "))
        if line.endswith((": {}", ": []")) and not line.startswith(" "):
            line = line.rpartition(" ")[0]
        lines.append(line.replace("# ", "", 1).replace("#  ", "  ", 1) if is_example else line)
    text = "\n".join(lines).replace("  rules: []", "  rules:")
    (here / "examples.yaml").write_text(text, encoding="utf-8")
    ref = ModelRef.parse("hf://example-org/model")
    policy = load_policy(here / "examples.yaml", checks=CHECKS, ref=ref)
    assert policy.overrides == ("hf://example-org/*",)
    assert policy.gate.rules[-1].id == "no-code"
    assert policy.waivers[0].compensating_control == "used for internal drafts only"
    assert policy.signers
    assert policy.thresholds
    assert list(policy.attestations) == ["hipaa-164.308-a-5-ii-b"]


def test_schema_is_written_beside_and_the_file_is_valid_against_it(here: Path) -> None:
    assert run(["init", "--schema"]) == 0
    schema = json.loads((here / "weighbridge.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(parse_yaml((here / "weighbridge.yaml").read_bytes(), "x"), schema)
    assert written(here).startswith("# yaml-language-server: $schema=weighbridge.schema.json\n")
    assert schema == json.loads(policy_schema())


@pytest.mark.parametrize("name", ["weighbridge.yaml", "weighbridge.schema.json"])
def test_file_that_is_there_is_left_alone(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / name).write_text("mine", encoding="utf-8")
    assert run(["init", "--schema"]) == 2
    assert "was left alone" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == [name]
    assert (here / name).read_text(encoding="utf-8") == "mine"
    assert run(["init", "--schema", "--force"]) == 0


def test_wrong_role_names_the_nearest(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--role", "deploier"]) == 2
    assert "did you mean 'deployer'?" in capsys.readouterr().err
    assert not list(here.iterdir())


def test_answers_of_every_kind_come_back_as_they_were_written(here: Path) -> None:
    answers = {
        "eu_market": False, "role": "deployer", "model_on_market_since": datetime.date(2026, 1, 2),
        "fine_tune_flop": 1e21, "purpose": "größe: 中文", "markets": ("US",), "licence_mau": 700e6,
        "licence_territory": ("GB", "NO"),
    }  # fmt: skip
    assert {load_questions()[key].kind for key in answers} == set(AnswerKind)
    (here / "w.yaml").write_text(starter_policy(answers), encoding="utf-8")
    assert load_policy(here / "w.yaml", checks=CHECKS).answers == answers
    # Markets called NO or ON are text, not booleans, to a YAML 1.1 reader too.
    assert yaml.safe_load(starter_policy(answers))["licence"]["territory"] == ["GB", "NO"]
