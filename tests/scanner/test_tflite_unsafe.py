"""tflite-unsafe: what a model lies about and does beside computing is told, what converters write is not."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from scanner.checks.tflite_unsafe import CHECK
from scanner.file_check import FileVerdict
from scanner.findings import Finding, Outcome
from scanner.graphs import flat
from tests.assets import tflite_cases as cases
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

ATTACKS = cases.tflite_attacks()
REVIEW = cases.tflite_to_review()
MALFORMED = cases.malformed_tflite()
SOUND = cases.sound_tflite()


def findings(folder: Path, data: bytes, name: str = "model.tflite") -> list[Finding]:
    return findings_of(CHECK, write_all(folder / "model", {name: data}))


@pytest.mark.parametrize("name", ATTACKS)
def test_model_that_does_more_than_compute_is_an_attack(name: str, tmp_path: Path) -> None:
    rule, data = ATTACKS[name]
    found = findings(tmp_path, data)
    assert rule in {each.rule for each in found}
    assert FileVerdict.ATTACK in {CHECK.verdict_of(each) for each in found}


@pytest.mark.parametrize("name", SOUND)
def test_model_that_computes_passes(name: str, tmp_path: Path) -> None:
    found = findings(tmp_path, SOUND[name])
    assert [each.outcome for each in found] == [Outcome.PASS], [each.message for each in found]


@pytest.mark.parametrize("name", REVIEW)
def test_model_that_needs_code_of_others_is_for_review(name: str, tmp_path: Path) -> None:
    rule, data = REVIEW[name]
    found = findings(tmp_path, data)
    assert [each.rule for each in found] == [rule]
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NEEDS_CLASS_INSTANCE}


@pytest.mark.parametrize("name", MALFORMED)
def test_model_that_lies_is_not_readable(name: str, tmp_path: Path) -> None:
    rule, data = MALFORMED[name]
    found = findings(tmp_path, data)
    assert rule in {each.rule for each in found}, [each.message for each in found]
    assert {CHECK.verdict_of(each) for each in found} == {FileVerdict.NOT_READABLE}
    assert all(each.message.isprintable() and len(each.message) < 400 for each in found)


def test_model_under_another_name_is_recognised(tmp_path: Path) -> None:
    found = findings(tmp_path, ATTACKS["read"][1], "weights.bin")
    assert "reads" in {each.rule for each in found}


def test_same_table_again_and_again_takes_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat, "_MOST_STEPS", 20_000)
    one = cases.operator(0, [0, 1], [2])
    data = cases.tflite_bytes(cases.model(subgraphs=[cases.subgraph(cases.PLAIN, [one] * 1000)] * 5000))
    assert len(data) < 64 * 1024
    found = findings(tmp_path, data)
    assert [each.rule for each in found] == ["malformed"]
    assert "not read to the end" in found[0].message


def test_bytes_changed_at_random_never_break_the_reader(tmp_path: Path) -> None:
    chance = random.Random(8)
    for _ in range(100):
        data = bytearray(SOUND["branches"])
        for _ in range(3):
            place = chance.randrange(len(data))
            data[place] = chance.randrange(256)
        if chance.random() < 0.3:
            struct.pack_into("<I", data, chance.randrange(0, len(data) - 4, 4), chance.getrandbits(32))
        for each in findings(tmp_path, bytes(data)):
            assert each.outcome in (Outcome.PASS, Outcome.FAIL), each.reason
