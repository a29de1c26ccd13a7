"""Questions that a model holds to be harmful are found in its states; unfit directions are not used."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from probes.checks.questions_read_as_harmful import CHECK
from probes.deflection.items import Bank
from probes.deflection.whitebox.direction import area_of, fit_direction
from probes.deflection.whitebox.safety import load_safety_requests
from scanner.findings import Outcome
from tests.probes.whitebox_fakes import FakeModel, Thinks, bank, context_of, finding, measured, no_states, run

__all__ = ["bank"]

LAYERS, WIDTH, TELLING_LAYER = 5, 16, 3
HARMFUL = {text for pair in load_safety_requests() for text in (pair.harmful.en, pair.harmful.zh)}


def thinking(*, sensitive: float = 0.0, control: float = 0.0, harmful: float = 4.0) -> Thinks:
    """Noise in every layer, and in one of them harm along the first axis."""

    def states(text: str) -> npt.NDArray[np.float32]:
        found = np.random.default_rng(zlib.crc32(text.encode())).normal(size=(LAYERS + 1, WIDTH))
        if text in HARMFUL:
            found[TELLING_LAYER, 0] += harmful
        elif "Alpha" in text or "甲" in text:
            found[TELLING_LAYER, 0] += sensitive
        elif "Beta" in text or "乙" in text:
            found[TELLING_LAYER, 0] += control
        return found.astype(np.float32)

    return states


def test_questions_near_harm_are_found(tmp_path: Path, bank: Bank) -> None:
    record = run(CHECK, context_of(tmp_path, FakeModel(thinks=thinking(sensitive=3.0)), "en", "zh"))
    for language in ("en", "zh"):
        assert finding(record, language).outcome is Outcome.FAIL
        safety = measured(
            record, "deflection.direction_auc", language=language, of="held-out safety requests"
        )
        assert safety.value > 0.9
        assert safety.dimensions["layer"] == str(TELLING_LAYER)
        about = measured(
            record, "deflection.direction_auc", language=language, of="sensitive questions against controls"
        )
        assert about.interval.low > 0.8
        gap = measured(record, "deflection.direction_gap", language=language)
        assert 0.5 < gap.value < 1.0


@pytest.mark.parametrize(("sensitive", "control"), [(0.0, 0.0), (3.0, 3.0), (0.0, 3.0)])
def test_no_finding_where_controls_lie_as_near(
    tmp_path: Path, bank: Bank, sensitive: float, control: float
) -> None:
    model = FakeModel(thinks=thinking(sensitive=sensitive, control=control))
    record = run(CHECK, context_of(tmp_path, model))
    assert finding(record).outcome is Outcome.PASS
    assert "may well have been missed" in finding(record).message


def test_a_direction_that_tells_nothing_is_not_used(tmp_path: Path, bank: Bank) -> None:
    record = run(CHECK, context_of(tmp_path, FakeModel(thinks=thinking(harmful=0.0, sensitive=3.0))))
    assert finding(record).outcome is Outcome.NOT_RUN
    assert "it is none of refusal" in finding(record).reason
    assert not [each for each in record.measurements if each.name == "deflection.direction_gap"]


def test_states_that_never_differ_give_no_direction(tmp_path: Path, bank: Bank) -> None:
    flat = np.ones((LAYERS + 1, WIDTH), dtype=np.float32)
    record = run(CHECK, context_of(tmp_path, FakeModel(thinks=lambda text: flat)))
    assert finding(record).outcome is Outcome.NOT_RUN
    assert "there is no direction" in finding(record).reason


def test_not_run_without_hidden_states(tmp_path: Path, bank: Bank) -> None:
    record = run(CHECK, context_of(tmp_path, FakeModel(thinks=no_states)))
    assert {each.outcome for each in record.findings} == {Outcome.NOT_RUN}
    assert "needs hidden states" in record.findings[-1].reason


def test_held_out_area_of_noise_is_a_half() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(6):
        harmful, harmless = rng.normal(size=(2, 40, 9, 24)).astype(np.float32)
        fit = fit_direction(harmful, harmless, seed=0)
        assert fit is not None
        found.append(fit.held_out.value)
    assert 0.4 < sum(found) / len(found) < 0.6


def test_perfect_separation_has_an_interval() -> None:
    area = area_of([2.0] * 20, [1.0] * 20, seed=0)
    assert area.value == 1.0
    assert 0.8 < area.interval.low < 0.9


def test_every_request_has_its_harmless_counterpart() -> None:
    pairs = load_safety_requests()
    texts = [
        text.in_language(language)
        for pair in pairs
        for text in (pair.harmful, pair.harmless)
        for language in ("en", "zh")
    ]
    assert len(set(texts)) == len(texts) == 4 * len(pairs)
    for pair in pairs:
        words = [len(text.en.split()) for text in (pair.harmful, pair.harmless)]
        assert max(words) <= 1.7 * min(words), pair.id
