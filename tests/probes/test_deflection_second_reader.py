"""A scan's judge adds coverage and agreement, keeps what it said, and never replaces a reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from probes.backend import BackendError, EngineLostError
from probes.deflection.answers import Answer
from probes.deflection.asking import prompts_for
from probes.deflection.bank import load_bank
from probes.deflection.reader import read_reply
from probes.deflection.second_reader import MEASURES, judged
from probes.deflection.survey import Survey
from scanner.check import CheckContext, MeasureSpec, Profile
from scanner.conversation import (
    Conversation,
    EngineDescription,
    FinishReason,
    Judge,
    Reply,
    Sampling,
    TokenScores,
)
from scanner.errors import CheckTimeoutError
from scanner.evidence import EvidenceStore
from scanner.findings import Finding, Measurement, Outcome
from scanner.manifest import Snapshot
from scanner.references import ModelRef
from scanner.transcripts import keep_transcript, read_transcript
from tests.fakes import FakeCheck

_REFUSAL = "I'm sorry, but I can't help with that."


class Judging(FakeCheck):
    """A check that yields what the judge says."""

    id = "fake-judging"
    measures: ClassVar[tuple[MeasureSpec, ...]] = MEASURES


@dataclass
class FakeJudge:
    """Says of every question what `say` makes of its text."""

    say: Callable[[str], str]
    engine: EngineDescription = EngineDescription("fake", "1", "cpu", "cpu", "float32", 1, 1, "plain text")
    deadline: float = 0.0

    def ask(
        self,
        conversations: Sequence[Conversation],
        sampling: Sampling,
        *,
        purpose: str,
        deadline: float = float("inf"),
    ) -> list[Reply]:
        self.deadline = deadline
        return [Reply(self.say(each.messages[-1].content), FinishReason.STOP) for each in conversations]

    def score(
        self, pairs: Sequence[tuple[Conversation, str]], *, purpose: str, deadline: float = float("inf")
    ) -> list[TokenScores]:
        raise NotImplementedError


def _grade(text: str) -> str:
    engagement = "refused" if _REFUSAL in text else "answered"
    return json.dumps({"engagement": engagement, "stance": "none", "evidence": ""})


def _run(folder: Path, judge: FakeJudge | None) -> tuple[list[Finding | Measurement], EvidenceStore]:
    store = EvidenceStore(folder / "evidence")
    answers = []
    for number, prompt in enumerate(prompts_for(load_bank(), Profile.QUICK, ["en"])[:12]):
        text = ("", _REFUSAL, prompt.fact)[number % 3]
        reply = Reply(text, FinishReason.STOP)
        answers.append(Answer(prompt, reply, read_reply(reply, prompt.asked)))
    survey = Survey(tuple(answers), keep_transcript(store, "test", []), {})
    context = CheckContext(
        Snapshot(ModelRef.parse("demo"), None, str(folder), ()),
        store,
        deadline=1e9,
        judge=Judge(judge, "./judge", "", "ab" * 32) if judge else None,
    )
    return list(judged(Judging(), context, survey)), store


def test_without_a_judge_nothing_is_said(tmp_path: Path) -> None:
    assert _run(tmp_path, None)[0] == []


def test_coverage_and_agreement_name_the_judge(tmp_path: Path) -> None:
    judge = FakeJudge(_grade)
    found, _ = _run(tmp_path, judge)
    measured = {each.name: each for each in found if isinstance(each, Measurement)}
    assert len(measured) == len(found) == 2
    coverage, kappa = measured["deflection.judge_coverage"], measured["deflection.judge_kappa"]
    assert (coverage.value, coverage.n) == (1.0, 8)
    assert (kappa.value, kappa.n, kappa.dimensions) == (1.0, 8, {"axis": "engagement"})
    for each in (coverage, kappa):
        assert "judge ./judge, sha256 abababababababab, rubric" in each.method
    assert judge.deadline == 1e9


def test_what_the_judge_said_is_kept_word_for_word(tmp_path: Path) -> None:
    found, store = _run(tmp_path, FakeJudge(lambda _text: "It refuses, I should say."))
    (coverage,) = found
    assert isinstance(coverage, Measurement)
    assert (coverage.value, coverage.n) == (0.0, 8)
    exchanges = read_transcript(store, coverage.evidence[1])
    assert [each.reply.text for each in exchanges] == ["It refuses, I should say."] * 8
    assert all(each.reading["engagement"] == "unknown" for each in exchanges)
    assert all("[REPLY " in each.conversation.messages[0].content for each in exchanges)


def _failing(error: Exception) -> FakeJudge:
    def say(_text: str) -> str:
        raise error

    return FakeJudge(say)


@pytest.mark.parametrize("error", [BackendError("the template raises"), CheckTimeoutError("3 of 8 answered")])
def test_a_judge_that_cannot_be_asked_or_is_too_slow_is_not_run(tmp_path: Path, error: Exception) -> None:
    (finding,) = _run(tmp_path, _failing(error))[0]
    assert isinstance(finding, Finding)
    assert (finding.outcome, finding.subject) == (Outcome.NOT_RUN, "judge")
    assert str(error) in finding.reason


def test_a_judge_that_died_stops_the_scan_so_that_it_can_be_taken_up(tmp_path: Path) -> None:
    with pytest.raises(EngineLostError):
        _run(tmp_path, _failing(EngineLostError("gone")))
