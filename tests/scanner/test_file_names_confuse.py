"""file-names-confuse: names that are something else on other systems."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scanner.checks.file_names_confuse import CHECK
from scanner.findings import Finding, Outcome, Severity
from tests.scanner.check_runs import context_of, findings_of


def folder(tmp_path: Path, *names: str) -> Path:
    root = tmp_path / "model"
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"{}")
    return root


def test_names_that_collide_fail_and_both_are_named(tmp_path: Path) -> None:
    (finding,) = findings_of(CHECK, folder(tmp_path, "Config.json", "config.json", "README.md"))
    assert (finding.outcome, finding.severity, finding.rule) == (Outcome.FAIL, Severity.MEDIUM, "COLLIDE")
    assert {each.path for each in finding.locations} == {"Config.json", "config.json"}


@pytest.mark.parametrize(
    "names",
    [
        ("config.json", "README.md"),
        ("a/config.json", "b/config.json"),
        ("A/x", "a/y"),
        ("tokenizer.json", "tokenizer_config.json", "模型.bin"),
    ],
)
def test_usual_names_pass(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert [each.outcome for each in findings_of(CHECK, folder(tmp_path, *names))] == [Outcome.PASS]


def test_name_that_windows_cannot_hold_fails_low(tmp_path: Path) -> None:
    (finding,) = findings_of(CHECK, folder(tmp_path, "aux.json"))
    assert (finding.outcome, finding.severity, finding.rule) == (Outcome.FAIL, Severity.LOW, "NOT-PORTABLE")


def test_characters_that_are_not_shown_fail_and_are_not_written_out(tmp_path: Path) -> None:
    (finding,) = findings_of(CHECK, folder(tmp_path, "model\u202egpj.bin"))
    assert (finding.outcome, finding.rule) == (Outcome.FAIL, "HIDDEN")
    assert "U+202E" in finding.message
    assert finding.message.isascii()


def test_file_that_was_left_out_collides_as_well(tmp_path: Path) -> None:
    context = context_of(folder(tmp_path, "config.json"))
    snapshot = dataclasses.replace(context.snapshot, source=(("left_out", "CONFIG.json"),))
    (finding,) = CHECK.run(dataclasses.replace(context, snapshot=snapshot))
    assert isinstance(finding, Finding)
    assert finding.rule == "COLLIDE"


def test_very_many_names_are_summed_up(tmp_path: Path) -> None:
    found = findings_of(CHECK, folder(tmp_path, *(f"{number}:x" for number in range(30))))
    assert len(found) == 21
    assert found[-1].message.startswith("10 more")


def test_broken_content_does_not_matter(tmp_path: Path) -> None:
    root = folder(tmp_path, "config.json")
    (root / "config.json").write_bytes(b"\xff{")
    assert [each.outcome for each in findings_of(CHECK, root)] == [Outcome.PASS]
