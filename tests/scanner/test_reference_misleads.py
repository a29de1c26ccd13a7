"""reference-misleads: commits of nobody known, and names that moved."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scanner.checks.reference_misleads import CHECK
from scanner.findings import Confidence, Finding, Outcome, Severity
from scanner.references import ModelRef
from tests.scanner.check_runs import context_of

COMMIT = "0123456789" * 4


def said(
    tmp_path: Path, *facts: tuple[str, str], revision: str = COMMIT, reference: str = "hf://org/name"
) -> list[Finding]:
    (tmp_path / "model").mkdir()
    context = context_of(tmp_path / "model")
    snapshot = dataclasses.replace(
        context.snapshot,
        ref=ModelRef.parse(f"{reference}@{revision}"),
        commit=COMMIT,
        source=(("requested_revision", revision), *facts),
    )
    return list(CHECK.run(dataclasses.replace(context, snapshot=snapshot)))


@pytest.mark.parametrize(
    ("revision", "facts"),
    [
        ("refs/pr/7", [("unmerged_revision", "refs/pr/7"), ("on_main", "no")]),
        (COMMIT, [("on_main", "no"), ("named_by", "refs/pr/7")]),
    ],
)
def test_commit_of_a_pull_request_fails(tmp_path: Path, revision: str, facts: list[tuple[str, str]]) -> None:
    (finding,) = said(tmp_path, *facts, revision=revision)
    assert (finding.outcome, finding.severity, finding.rule) == (
        Outcome.FAIL,
        Severity.MEDIUM,
        "PULL-REQUEST",
    )
    assert finding.confidence is Confidence.HIGH
    assert "refs/pr/7" in finding.message
    assert COMMIT in finding.message


def test_pull_request_whose_merge_the_hub_does_not_tell_fails_with_less_confidence(tmp_path: Path) -> None:
    facts = [("unmerged_revision", "refs/pr/7"), ("on_main", "unknown")]
    (finding,) = said(tmp_path, *facts, revision="refs/pr/7")
    assert (finding.outcome, finding.confidence) == (Outcome.FAIL, Confidence.MEDIUM)


def test_commit_that_is_on_no_branch_fails(tmp_path: Path) -> None:
    (finding,) = said(tmp_path, ("on_main", "no"))
    assert (finding.outcome, finding.severity, finding.rule) == (Outcome.FAIL, Severity.MEDIUM, "NOT-ON-MAIN")


@pytest.mark.parametrize(
    ("revision", "facts"),
    [
        (COMMIT, [("on_main", "yes")]),
        ("refs/pr/7", [("unmerged_revision", "refs/pr/7"), ("on_main", "yes")]),
        (COMMIT, [("on_main", "no"), ("named_by", "refs/heads/v2")]),
        (COMMIT, [("on_main", "no"), ("named_by", "refs/pr/7"), ("named_by", "refs/tags/v1")]),
        ("main", []),
        ("pr/fix", []),
    ],
)
def test_what_only_the_publisher_can_set_passes(
    tmp_path: Path, revision: str, facts: list[tuple[str, str]]
) -> None:
    assert [each.outcome for each in said(tmp_path, *facts, revision=revision)] == [Outcome.PASS]


def test_commit_that_the_hub_says_nothing_about_is_not_judged(tmp_path: Path) -> None:
    (finding,) = said(tmp_path, ("on_main", "unknown"))
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "NOT-TOLD")


def test_repository_that_moved_fails_beside_what_is_said_of_its_revision(tmp_path: Path) -> None:
    moved, revision = said(tmp_path, ("answers_as", "newcomer/name"), revision="main")
    assert (moved.outcome, moved.rule) == (Outcome.FAIL, "MOVED")
    assert "'newcomer/name' where 'org/name' was asked for" in moved.message
    assert revision.outcome is Outcome.PASS


def test_folder_has_no_revision_to_judge(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (finding,) = CHECK.run(context_of(tmp_path / "model"))
    assert isinstance(finding, Finding)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "nothing-to-examine")


@pytest.mark.parametrize("reference", ["oci://registry.example/org/name", "ollama://name"])
def test_tag_of_a_registry_is_not_taken_for_a_branch_of_the_hub(tmp_path: Path, reference: str) -> None:
    (finding,) = said(tmp_path, revision="sha256:" + "0" * 64, reference=reference)
    assert (finding.outcome, finding.rule) == (Outcome.NOT_RUN, "nothing-to-examine")
