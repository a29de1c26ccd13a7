"""A model in CI, from the first approval to a waiver that ends: every step by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import run
from db.store import Store
from policies.decided import seen_of
from policies.decisions import Decision, DecisionKind, Person, Reviewed
from scanner.comparison import Fate
from scanner.findings import Severity
from scanner.records import encode
from scanner.scan import Scan
from tests.e2e.stored import DEFLECTION, FILES, STARTED, Shelf, failed, silent_on_half

POLICY = {
    "policy": {"name": "acme", "version": "1", "schema": "weighbridge.policy/1"},
    "packs": [],
    "scope": {"languages": ["en"]},
    "gate": {
        "rules": [
            {
                "id": "new-high", "verdict": "block", "says": "a new finding of high severity",
                "new": {"severity_at_least": "high"},
            },
            {
                "id": "regressed", "verdict": "block", "says": "it answers worse than the model in use",
                "regressed": {"measurements": ["deflection.*"], "alpha": 0.05, "by_at_least": 0.1},
            },
            {
                "id": "not-run", "verdict": "incomplete", "says": "what was judged must be judged again",
                "not_run": {"checks": "required"},
            },
            {
                "id": "changed", "verdict": "review", "says": "a person reads such changes",
                "changed": {"parts": ["code", "licence", "template"]},
            },
            {
                "id": "approved", "verdict": "review", "says": "the base must have been approved",
                "unapproved_base": True,
            },
        ]
    },
}  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A scratch repository: a policy file, and a base that somebody approved."""
    made = Shelf(tmp_path)
    approve(made, made.keep("base"))
    write(made, POLICY)
    return made


def approve(shelf: Shelf, scan: Scan) -> None:
    seen = seen_of(encode(scan), None)
    decision = Decision(
        DecisionKind.APPROVAL, Person("Rita Roe", "CISO", "option"), STARTED, "read and accepted", seen,
        reviewed=Reviewed("Paul Poe", "the reviewer"),
    )  # fmt: skip
    with Store.open(shelf.workplace.database_url) as store:
        store.record(decision)


def write(shelf: Shelf, policy: dict[str, Any]) -> None:
    (shelf.root / "weighbridge.yaml").write_text(yaml.safe_dump(policy))


def gate(
    shelf: Shelf, candidate: str, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, Any]]:
    """Exit code and verdict of one call."""
    capsys.readouterr()
    code = run(
        ["gate", candidate, "--base", "base", "--policy", str(shelf.root / "weighbridge.yaml"),
         "--data-dir", str(shelf.root / "data"), "--as-of", "2026-12-01", "--format", "json", *more]
    )  # fmt: skip
    return code, json.loads(capsys.readouterr().out)


def rules_of(said: dict[str, Any]) -> list[str]:
    return [reason["rule"] for reason in said["reasons"]]


def test_identical_candidate_passes(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate")
    code, said = gate(shelf, "candidate", capsys)
    assert (code, said["verdict"], said["reasons"]) == (0, "pass", [])
    with Store.open(shelf.workplace.database_url) as store:
        assert store.load_assessment("candidate").verdict.base == "base"


def test_planted_regression_is_blocked_with_the_flipped_items_named(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.keep("candidate", silent_on_half, files={**FILES, "model.safetensors": "another revision"})
    code, said = gate(shelf, "candidate", capsys)
    assert (code, rules_of(said)) == (1, ["regressed"])
    text = said["reasons"][0]["text"]
    assert "deflection.engagement_rate (language en, side sensitive) went from 1 to 0.5" in text
    assert "flipped: tibet-1/sensitive/en/0/short, tibet-3/sensitive/en/0/short" in text
    assert "and 15 more" in text


def test_too_few_questions_end_incomplete(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", items=6)
    code, said = gate(shelf, "candidate", capsys)
    assert (code, said["verdict"]) == (3, "incomplete")
    assert (
        "too few to tell: a change of 0.1 for the worse would have been missed" in said["reasons"][0]["text"]
    )


def test_waiver_lets_it_pass_until_its_date_and_no_longer(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.keep("candidate", silent_on_half)
    _, blocked = gate(shelf, "candidate", capsys)
    (mark,) = blocked["reasons"][0]["findings"]
    waiver = {
        "finding": mark, "reason": "answered by a second model until the fix", "owner": "Rita Roe",
        "expires": "2026-12-31",
    }  # fmt: skip
    write(shelf, {**POLICY, "waivers": [waiver]})
    code, said = gate(shelf, "candidate", capsys, "--as-of", "2026-12-31")
    assert (code, rules_of(said)) == (0, ["waiver"])
    code, said = gate(shelf, "candidate", capsys, "--as-of", "2027-01-01")
    assert (code, rules_of(said)) == (1, ["regressed", "waiver-expired"])


def test_waiver_of_a_new_finding_leaves_the_others(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    scan = shelf.keep(
        "candidate",
        findings=(
            failed("remote-code", Severity.HIGH, rule="a"),
            failed("remote-code", Severity.HIGH, rule="b"),
        ),
    )
    code, said = gate(shelf, "candidate", capsys)
    assert (code, rules_of(said)) == (1, ["new-high", "new-high"])
    mark = next(finding.fingerprint for finding in scan.findings if finding.rule == "a")
    waiver = {"finding": mark, "reason": "read", "owner": "Rita Roe", "expires": "2026-12-31"}
    write(shelf, {**POLICY, "waivers": [waiver]})
    code, said = gate(shelf, "candidate", capsys)
    assert (code, rules_of(said)) == (1, ["new-high", "waiver"])


def test_finding_that_the_base_has_is_not_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shelf = Shelf(tmp_path)
    old = failed("remote-code", Severity.HIGH)
    approve(shelf, shelf.keep("base", findings=(old,)))
    write(shelf, POLICY)
    shelf.keep("candidate", findings=(old,))
    assert gate(shelf, "candidate", capsys)[0] == 0
    shelf.keep("graver", findings=(failed("remote-code", Severity.CRITICAL),))
    # High before, critical now: the rule asks for high, and that it was.
    assert gate(shelf, "graver", capsys)[0] == 0


def test_removed_evidence_is_no_pass(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", left_out=("pickle-runs-code",))
    code, said = gate(shelf, "candidate", capsys)
    assert (code, rules_of(said)) == (3, ["not-run"])
    assert "pickle-runs-code was judged in the base and is not any more" in said["reasons"][0]["text"]


def test_removed_behaviour_is_incomplete_twice_over(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", left_out=(DEFLECTION,))
    code, said = gate(shelf, "candidate", capsys)
    assert code == 3
    assert set(rules_of(said)) == {"regressed", "not-run"}


def test_changed_template_and_licence_are_for_review_with_the_change(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**FILES, "chat_template.jinja": "{{ messages[0].content }}\n", "LICENSE": "ours alone\n"}
    shelf.keep("candidate", files=other)
    code, said = gate(shelf, "candidate", capsys)
    assert (code, rules_of(said)) == (4, ["changed", "changed"])
    told = " ".join(reason["text"] for reason in said["reasons"])
    assert "template: changed chat_template.jinja" in told
    assert "licence: changed LICENSE" in told


def test_base_that_nobody_approved_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep("base")
    shelf.keep("candidate")
    write(shelf, POLICY)
    code, said = gate(shelf, "candidate", capsys)
    assert (code, rules_of(said)) == (4, ["approved"])


def test_gate_without_the_base_that_its_rules_need_is_incomplete(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, data = str(shelf.root / "weighbridge.yaml"), str(shelf.root / "data")
    words = ["gate", "base", "--policy", policy, "--data-dir", data, "--format", "json"]
    assert run(words) == 3
    assert "none was named (--base)" in json.loads(capsys.readouterr().out)["reasons"][1]["text"]
    rules = [{**rule, "when": "compared"} for rule in POLICY["gate"]["rules"]]  # type: ignore[index]
    write(shelf, {**POLICY, "gate": {"rules": rules}})
    assert run(words) == 3
    assert rules_of(json.loads(capsys.readouterr().out)) == ["no-base"]
    own = {"id": "own", "verdict": "block", "says": "ours", "failed": {"severity_at_least": "critical"}}
    write(shelf, {**POLICY, "gate": {"rules": [*rules, own]}})
    assert run(words) == 0


def test_every_fate_has_a_word_in_the_markdown(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.keep("candidate", silent_on_half, findings=(failed("remote-code", Severity.HIGH, "a|b <x> @all"),))
    code = run(
        ["gate", "candidate", "--base", "base", "--policy", str(shelf.root / "weighbridge.yaml"),
         "--data-dir", str(shelf.root / "data"), "--format", "markdown"]
    )  # fmt: skip
    said = capsys.readouterr().out
    assert code == 1
    assert said.startswith("# BLOCK: hf&#58;//org/name&#64;main")
    assert f"| {Fate.NEW.value} | high | remote-code | a&#124;b &lt;x&gt; &#64;all |" in said
    assert "20 flipped" in said
