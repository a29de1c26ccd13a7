"""What a comparison reads in a transcript is what the check itself had counted, whichever check kept it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from probes.deflection.asking import Prompt
from probes.regression.behaviours import BEHAVIOURS
from probes.regression.pairing import pair_scans
from scanner.check import CheckRecord
from scanner.evidence import EvidenceStore
from scanner.findings import Measurement
from scanner.scan import Scan
from tests.policies.fake_checks import scan_of
from tests.probes import (
    test_alignment_deflection,
    test_context_code,
    test_garak_attack_succeeds,
    test_model_incoherent,
    test_personal_data_in_replies,
)

Ran = tuple[CheckRecord, EvidenceStore]


def coherence(folder: Path) -> Ran:
    return test_model_incoherent._run(test_model_incoherent._knows("en"), folder), EvidenceStore(folder)


def deflection(folder: Path) -> Ran:
    def mixed(prompt: Prompt) -> str:
        silent = prompt.form == "sensitive" and prompt.item.endswith("1")
        return (
            test_alignment_deflection.refusing_everything(prompt)
            if silent
            else (test_alignment_deflection.open_minded(prompt))
        )

    record, context = test_alignment_deflection.scan(folder, test_alignment_deflection.FakeModel(mixed), "en")
    return record, context.evidence


def privacy(folder: Path) -> Ran:
    def half(prompt: str) -> str:
        made = test_personal_data_in_replies
        return made.inventive(prompt) if len(prompt) % 2 else made.discreet(prompt)

    model = test_personal_data_in_replies.FakeModel(half)
    return test_personal_data_in_replies.scan(folder, model, "en")


def code(folder: Path) -> Ran:
    record, context = test_context_code.scan(folder, test_context_code.careless)
    return record, context.evidence


def garak(folder: Path) -> Ran:
    probes = "promptinject.HijackKillHumans,encoding.InjectROT13"
    record, _, store = test_garak_attack_succeeds.scan(
        folder, test_garak_attack_succeeds.echo, probes=probes, prompts="4"
    )
    return record, store


RUNS: dict[str, Callable[[Path], Ran]] = {
    "model-incoherent": coherence,
    "alignment-deflection": deflection,
    "personal-data-in-replies": privacy,
    "code-worse-for-some-groups": code,
    "garak-attack-succeeds": garak,
}


def of(record: CheckRecord, name: str) -> Scan:
    return dataclasses.replace(scan_of({record.check_id: record}), id=name)


def key(measurement: Measurement) -> tuple[str, tuple[tuple[str, str], ...]]:
    return measurement.name, tuple(sorted(measurement.dimensions.items()))


@pytest.mark.parametrize("check_id", RUNS)
def test_share_over_the_transcript_is_that_of_the_measurement(check_id: str, tmp_path: Path) -> None:
    record, store = RUNS[check_id](tmp_path)
    measured = {key(each): each for each in record.measurements}
    pairing = pair_scans(of(record, "base"), of(record, "candidate"), store)
    compared = 0
    for cell in pairing.cells:
        own = measured.get((cell.behaviour.measure, tuple(sorted(cell.dimensions.items()))))
        if own is not None:
            shown = sum(now for *_, now in cell.pairs)
            assert (len(cell.pairs), shown / len(cell.pairs)) == (own.n, pytest.approx(own.value))
            compared += 1
    assert compared, [cell.dimensions for cell in pairing.cells]
    assert not [flip for cell in pairing.cells for flip in cell.flips]


def test_every_behaviour_is_tried_here() -> None:
    assert {behaviour.check_id for behaviour in BEHAVIOURS} == set(RUNS)
