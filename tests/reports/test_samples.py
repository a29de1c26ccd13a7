from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from reports.contents import contents_of
from reports.format import Report
from reports.samples import LONGEST, SAMPLED, CheckSample, Sample, check_samples, drawn
from tests.reports import sample, sample_texts

_IDS = [f"q-{index}" for index in range(50)]


def _samples(report: Report, seed: int | None = None) -> dict[str, CheckSample]:
    contents = contents_of(report)
    if seed is not None:
        request = dataclasses.replace(contents.scan.request, seed=seed)
        contents = dataclasses.replace(contents, scan=dataclasses.replace(contents.scan, request=request))
    return {each.check_id: each for each in check_samples(contents, report.evidence)}


def _find(report: Report, check_id: str, exchange_id: str) -> Sample:
    """The exchange as shown under the first seed that draws it."""
    for seed in range(200):
        for shown in _samples(report, seed)[check_id].samples:
            if shown.id == exchange_id:
                return shown
    raise AssertionError(f"no seed draws {exchange_id}")


def test_draw_is_the_one_that_anybody_can_recompute() -> None:
    ranked = sorted((hashlib.sha256(f"7:{each}".encode()).hexdigest(), each) for each in _IDS)
    assert {_IDS[position] for position in drawn(_IDS, 7)} == {name for _, name in ranked[:SAMPLED]}


def test_draw_depends_on_the_seed_and_keeps_the_order() -> None:
    assert drawn(_IDS, 1) != drawn(_IDS, 2)
    assert drawn(_IDS, 1) == sorted(drawn(_IDS, 1))


def test_short_transcript_is_shown_whole() -> None:
    assert drawn(_IDS[:2], 0) == [0, 1]


def test_every_check_states_how_many_of_how_many(report: Report) -> None:
    samples = _samples(report)
    assert list(samples) == [
        "model-incoherent", "garak-attack-succeeds", "alignment-deflection", "personal-data-in-replies",
    ]  # fmt: skip
    assert samples["model-incoherent"].frame == "6 of 12 exchanges in 1 transcript, seed 7"
    assert samples["garak-attack-succeeds"].frame == "6 of 9 exchanges in 3 transcripts, seed 7"


def test_every_sample_leads_to_its_transcript(report: Report) -> None:
    for check in _samples(report).values():
        for shown in check.samples:
            assert shown.id.encode() in report.evidence.get(shown.sha256)


def test_long_texts_are_cut_and_say_so(report: Report) -> None:
    turns = [turn for check in _samples(report).values() for shown in check.samples for turn in shown.turns]
    assert max(len(turn.text) for turn in turns) == LONGEST
    assert any("more characters in the evidence" in turn.left_out for turn in turns)


def test_missing_reply_is_told_from_an_empty_one(report: Report) -> None:
    shown = _find(report, "alignment-deflection", "x-3/sensitive/en")
    assert shown.turns[-1].left_out == "There is no reply: out of memory"


def test_reply_that_nobody_examined_is_withheld_alone(report: Report) -> None:
    shown = _find(report, "personal-data-in-replies", "contact-3")
    assert shown.turns[-1].text == ""
    assert shown.turns[-1].left_out == "Withheld: this reply was not examined for personal data."
    assert sample_texts.UNEXAMINED not in str(_samples(report))


def test_changed_transcript_is_not_quoted_and_says_so(tmp_path: Path) -> None:
    report = sample.report(tmp_path)
    contents = contents_of(report)
    title = "transcript of alignment-deflection"
    (sha256,) = [each.sha256 for each in contents.evidence if each.title == title]
    report.evidence.path(sha256).write_bytes(b"{}")
    shown = _samples(report)["alignment-deflection"]
    assert shown.samples == ()
    assert "was changed after it was recorded" in shown.gaps[0]
