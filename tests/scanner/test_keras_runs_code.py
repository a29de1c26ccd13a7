"""keras-runs-code: every way out of a model is named, honest ones pass, nothing outside is touched."""

from __future__ import annotations

import os
import random
import tracemalloc
from pathlib import Path

import pytest

from scanner.checks.keras_runs_code import CHECK
from scanner.file_check import FileVerdict
from scanner.file_isolation import run_files_isolated
from scanner.findings import Finding, Outcome
from scanner.manifest import FileEntry
from scanner.parts import Parts, Piece
from tests.assets import keras_cases as assets
from tests.scanner.check_runs import context_of, findings_of

ATTACKS = assets.attack_cases()
MALFORMED = assets.malformed_cases()
REVIEWS = assets.review_cases()
PLAIN = assets.plain_cases()
FOREIGN = assets.foreign_cases()


def judged(tmp_path: Path, name: str, data: bytes) -> list[Finding]:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).write_bytes(data)
    return findings_of(CHECK, tmp_path / "model")


def worst(found: list[Finding]) -> FileVerdict:
    return max((CHECK.verdict_of(finding) for finding in found), key=lambda verdict: verdict.rank)


@pytest.mark.parametrize("case", ATTACKS)
def test_attack_is_named_by_its_rule(case: str, tmp_path: Path) -> None:
    name, rule, data = ATTACKS[case]
    found = judged(tmp_path, name, data)
    assert rule in {finding.rule for finding in found}
    assert worst(found) is (FileVerdict.NOT_READABLE if rule == "duplicate-key" else FileVerdict.ATTACK)
    failed = [finding for finding in found if finding.outcome is Outcome.FAIL]
    assert all(each.remediation and each.tags and each.locations[0].path == name for each in failed)
    assert all(each.message.isprintable() for each in found)


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_file_is_not_readable(case: str, tmp_path: Path) -> None:
    name, rule, data = MALFORMED[case]
    found = judged(tmp_path, name, data)
    assert rule in {finding.rule for finding in found}
    assert worst(found) is FileVerdict.NOT_READABLE


@pytest.mark.parametrize("case", REVIEWS)
def test_class_or_library_of_others_is_for_review(case: str, tmp_path: Path) -> None:
    name, rule, data = REVIEWS[case]
    found = judged(tmp_path, name, data)
    assert [finding.rule for finding in found] == [rule]
    assert worst(found) is FileVerdict.NEEDS_CLASS_INSTANCE


@pytest.mark.parametrize("case", PLAIN)
def test_honest_file_passes(case: str, tmp_path: Path) -> None:
    found = judged(tmp_path, *PLAIN[case])
    assert [(finding.outcome, finding.message) for finding in found] == [
        (Outcome.PASS, f"1 of 1 {CHECK.kind} {CHECK.clean}")
    ]


@pytest.mark.parametrize("case", FOREIGN)
def test_file_of_another_kind_is_not_judged(case: str, tmp_path: Path) -> None:
    found = judged(tmp_path, *FOREIGN[case])
    assert [(finding.outcome, finding.rule) for finding in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]


def test_control_characters_of_a_name_never_reach_a_message(tmp_path: Path) -> None:
    layer = assets.dense(module="a\x1b[2J", class_name="b\nc")
    found = judged(tmp_path, "m.keras", assets.archive(assets.sequential(layer)))
    assert worst(found) is FileVerdict.ATTACK
    assert all(finding.message.isprintable() and len(finding.message) < 1000 for finding in found)


def test_what_a_shape_claims_is_not_allocated(tmp_path: Path) -> None:
    name, _, data = ATTACKS["shape_bomb"]
    judged(tmp_path, name, data)  # imports done
    tracemalloc.start()
    findings_of(CHECK, tmp_path / "model")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4 * 1024**2


def test_external_file_is_never_opened(tmp_path: Path) -> None:
    """The file that the array names lies beside the model: opening it would wait for a writer."""
    (tmp_path / "model").mkdir()
    os.mkfifo(tmp_path / "model" / "other.h5")
    (tmp_path / "model" / "m.h5").write_bytes(ATTACKS["virtual"][2])
    found = findings_of(CHECK, tmp_path / "model")
    assert worst(found) is FileVerdict.ATTACK


def test_every_changed_file_gets_a_verdict_of_its_own(tmp_path: Path) -> None:
    """In child processes: some of the files take the HDF5 library down with them."""
    (tmp_path / "model").mkdir()
    dice = random.Random(0)
    for number in range(60):
        name, whole = ("m.h5", PLAIN["legacy"][1]) if number % 2 else ("m.keras", PLAIN["model"][1])
        changed = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            changed[dice.randrange(len(changed))] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
        data = changed[: dice.randint(len(changed) // 2, len(changed))]
        (tmp_path / "model" / f"{number}-{name}").write_bytes(data)
    found = [
        each
        for each in run_files_isolated(CHECK, context_of(tmp_path / "model"))
        if isinstance(each, Finding)
    ]
    assert len({place.path for finding in found for place in finding.locations}) == 60


def test_configuration_is_judged_where_the_weights_were_not_fetched(tmp_path: Path) -> None:
    data = assets.archive(
        assets.sequential(assets.lambda_layer(assets.function("os", "system"))), h5=bytes(2 * 1024**2)
    )
    (tmp_path / "m.keras").write_bytes(data)
    begin, end = 8192, len(data) - 64 * 1024
    pieces = (Piece(0, begin, 0), Piece(end, len(data), end))
    entry = FileEntry("m.keras", len(data), "", parts=Parts(pieces, "0" * 64, "only its ends were read"))
    found = findings_of(CHECK, tmp_path, entry)
    assert sorted((each.outcome.value, each.rule) for each in found) == [
        ("fail", "known-attack"),
        ("not_run", "not-fetched"),
    ]
