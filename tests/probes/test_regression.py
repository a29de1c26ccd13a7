"""Figures of two scans: which are tested, in which way, and what repeats and unread replies count for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from cli.checks import known_checks
from probes.proportions import wilson
from probes.regression.behaviours import BEHAVIOURS
from probes.regression.measurements import measured_changes
from probes.regression.pairing import pair_exchanges
from scanner.findings import Interval, Measurement
from scanner.measured_change import MeasuredChange
from scanner.measures import MeasureSpec, Worse
from scanner.transcripts import Exchange
from tests.e2e.stored import DEFLECTION, exchanges, open_minded, silent_on_half
from tests.policies.fake_checks import passed, record, scan_of

SPECS = {spec.name: spec for check in known_checks().values() for spec in check.measures}
Pairs = tuple[list[Exchange], list[Exchange]]


def changes(
    base: tuple[Measurement, ...] = (),
    candidate: tuple[Measurement, ...] = (),
    pairs: Pairs = ([], []),
    specs: Mapping[str, MeasureSpec] = SPECS,
) -> dict[str, MeasuredChange]:
    cells, _ = pair_exchanges(DEFLECTION, *pairs)
    scans = [scan_of({}, record(DEFLECTION, passed(DEFLECTION), *each)) for each in (base, candidate)]
    found = measured_changes(scans[0], scans[1], cells, specs, alpha=0.05)
    return {change.label: change for change in found}


def rate(name: str, hits: int, n: int, **where: str) -> Measurement:
    return Measurement(name, hits / n, "share", n, wilson(hits, n), "Wilson", "fake", where)


def test_new_silence_is_found_on_its_side_alone_with_the_exact_p() -> None:
    found = changes(pairs=(exchanges(open_minded), exchanges(silent_on_half)))
    sensitive = found["deflection.engagement_rate (language en, side sensitive)"]
    assert sensitive.test is not None
    assert (sensitive.base, sensitive.candidate, sensitive.test.up, sensitive.test.down) == (1.0, 0.5, 0, 20)
    assert sensitive.test.p_value == pytest.approx(2 / 2**20)
    assert sensitive.test.adjusted_p == pytest.approx(4 * 2 / 2**20)  # four tests: two figures, two sides
    assert sensitive.is_found(0.05)
    assert sensitive.worsening == 0.5
    assert [change.label for change in found.values() if change.is_found(0.05)] == [sensitive.label]


def test_lost_silence_is_a_change_for_the_better() -> None:
    found = changes(pairs=(exchanges(silent_on_half), exchanges(open_minded)))
    (change,) = [change for change in found.values() if change.is_found(0.05)]
    assert change.worsening == -0.5


def test_same_model_shows_no_change_and_says_what_could_have_been_missed() -> None:
    found = changes(pairs=(exchanges(silent_on_half), exchanges(silent_on_half)))
    assert not any(change.is_found(0.05) for change in found.values())
    assert all(
        change.test and 0.2 < (change.test.detectable or 0) < 0.5 for change in found.values() if change.test
    )


def test_repeats_of_an_item_narrow_nothing() -> None:
    def again(said: list[Exchange]) -> list[Exchange]:
        return said + [dataclasses.replace(each, id=f"{each.id}/again") for each in said]

    once = changes(pairs=(exchanges(open_minded), exchanges(silent_on_half)))
    twice = changes(pairs=(again(exchanges(open_minded)), again(exchanges(silent_on_half))))
    for label, change in once.items():
        other = twice[label]
        if change.test and other.test:
            assert other.test.p_value == pytest.approx(change.test.p_value)
            assert other.test.interval.low == pytest.approx(change.test.interval.low)
            assert other.test.detectable == change.test.detectable
            assert other.n == 2 * change.n


def test_unread_replies_are_left_out_and_counted() -> None:
    def broken(number: int, form: str) -> str:
        return "error" if number < 10 else "answered"

    cells, notes = pair_exchanges(DEFLECTION, exchanges(open_minded), exchanges(broken))
    assert {len(cell.pairs) for cell in cells} == {30}
    assert any("20 questions are left out" in note for note in notes)


def test_question_that_was_reworded_is_no_pair() -> None:
    said = exchanges(open_minded)
    other = [
        dataclasses.replace(each, conversation=dataclasses.replace(each.conversation, messages=()))
        for each in said
    ]
    cells, notes = pair_exchanges(DEFLECTION, said, other)
    assert cells == []
    assert "0 questions were put to both models word for word, of 120" in notes[0]


def test_share_without_transcripts_is_tested_by_its_counts() -> None:
    found = changes((rate("privacy.reply_rate", 2, 40),), (rate("privacy.reply_rate", 20, 40),))
    change = found["privacy.reply_rate"]
    assert change.test is not None
    assert not change.test.is_paired
    assert change.is_found(0.05)
    assert change.worst_case is not None
    assert change.worst_case > 0.45


def test_difference_is_tested_by_its_intervals() -> None:
    def gap(value: float) -> Measurement:
        interval = Interval(value - 0.1, value + 0.1, 0.95)
        return Measurement("deflection.rate_gap", value, "share difference", 40, interval, "x", DEFLECTION)

    change = changes((gap(0.1),), (gap(0.5),))["deflection.rate_gap"]
    assert change.test is not None
    assert change.test.interval.low == pytest.approx(0.4 - 0.02**0.5)
    assert change.test.detectable == pytest.approx(2.8016 * 0.02**0.5 / 1.96, rel=1e-3)
    assert change.is_found(0.05)


def test_part_of_a_figure_is_told_and_not_tested() -> None:
    whole = rate("garak.hit_rate", 5, 60, module="dan")
    part = rate("garak.hit_rate", 5, 20, probe="dan.X", detector="d")
    found = changes((whole, part), (whole, part))
    assert found["garak.hit_rate (module dan)"].test is not None
    assert "a part of a figure" in found["garak.hit_rate (probe dan.X, detector d)"].untested


def test_figure_made_of_paired_replies_is_not_tested_twice() -> None:
    gap = Measurement(
        "deflection.rate_gap", 0.1, "share difference", 40, Interval(0, 0.2, 0.95), "x", DEFLECTION
    )
    pairs = (exchanges(open_minded), exchanges(open_minded))
    change = changes((gap,), (gap,), pairs)["deflection.rate_gap"]
    assert "deflection.engagement_rate is tested on" in change.untested


def test_figure_of_one_scan_alone_is_told() -> None:
    found = changes((rate("privacy.reply_rate", 2, 40),), ())
    assert found["privacy.reply_rate"].untested == "not measured in the candidate"
    found = changes((), (rate("privacy.reply_rate", 2, 40),))
    assert found["privacy.reply_rate"].untested == "not measured in the base"


def test_figure_that_no_check_declares_is_told_and_never_a_regression() -> None:
    found = changes((rate("theirs.rate", 0, 40),), (rate("theirs.rate", 40, 40),))
    assert found["theirs.rate"].untested == "no direction of it is worse"


def test_number_without_chance_is_not_tested() -> None:
    def files(value: float) -> Measurement:
        return Measurement("own.files", value, "files", 5, Interval(value, value), "exact", "fake")

    specs = {"own.files": MeasureSpec("own.files", "files", "x", Worse.LOWER)}
    assert "nothing about chance" in changes((files(5),), (files(3),), specs=specs)["own.files"].untested


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda each: each.measure)
def test_behaviour_agrees_with_what_its_check_declares(behaviour: object) -> None:
    from probes.regression.behaviours import Behaviour

    assert isinstance(behaviour, Behaviour)
    check = known_checks()[behaviour.check_id]
    declared = {spec.name: spec for spec in check.measures}
    if behaviour.measure in declared:
        assert declared[behaviour.measure].worse is behaviour.worse
        assert declared[behaviour.measure].unit == "share"
    for name in behaviour.stands_for:
        assert declared[name].worse is not Worse.NEITHER
