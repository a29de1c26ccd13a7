"""What the judge of a scan makes of a survey: how much of it could be used, and how far it agrees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from probes.backend import BackendError, EngineLostError
from probes.deflection.agreement import METHOD as KAPPA
from probes.deflection.agreement import Figure
from probes.deflection.answers import Answer
from probes.deflection.judge import JudgeReading, agreement_of, judge_replies, question_for, rubric_digest
from probes.deflection.rows import ReplyRow
from probes.deflection.survey import Survey
from probes.proportions import METHOD, wilson
from scanner.check import Check, CheckContext, MeasureSpec
from scanner.conversation import FinishReason, Judge, Reply
from scanner.errors import CheckTimeoutError
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Measurement
from scanner.transcripts import Exchange, keep_transcript

SETTING: Final = "deflection.judge"
MEASURES: Final = (
    MeasureSpec("deflection.judge_coverage", "share", "Readable replies on which the judge's answer counts"),
    MeasureSpec("deflection.judge_kappa", "kappa", "Agreement of judge and reader beyond chance"),
)


def judged(check: Check, context: CheckContext, survey: Survey) -> Iterator[Finding | Measurement]:
    """Coverage and Cohen's kappa by axis; nothing without a judge, NOT_RUN when it cannot be asked.

    Raises:
        EngineLostError: when the judge's engine is gone; the scan can be taken up again.
    """
    if context.judge is None:
        return
    rows = [_row(answer) for answer in survey.answers]
    try:
        readings = judge_replies(context.judge.questioner, rows, deadline=context.deadline)
    except EngineLostError:
        raise
    except (BackendError, CheckTimeoutError) as error:
        # What the reader found stands: only the second opinion is missing.
        yield check.not_run(f"the judge {context.judge.model} was not heard: {error}", subject="judge")
        return
    evidence = (survey.transcript, _kept(context, check.id, survey.answers, readings))
    found = agreement_of(readings, [answer.reading for answer in survey.answers])
    who = _who(context.judge)
    if found.n:
        yield check.measured(
            "deflection.judge_coverage", found.known / found.n, n=found.n,
            interval=wilson(found.known, found.n), method=f"{METHOD}; {who}", evidence=evidence,
        )  # fmt: skip
    for axis, figure in (("engagement", found.engagement), ("stance", found.stance)):
        yield from _agreement(check, axis, figure, found.known, who, evidence)


def _agreement(
    check: Check, axis: str, figure: Figure, n: int, who: str, evidence: tuple[EvidenceRef, ...]
) -> Iterator[Measurement]:
    # Not defined where both always say the same one thing: coverage alone then says what there was.
    if not math.isnan(figure.value) and figure.interval is not None:
        yield check.measured(
            "deflection.judge_kappa", figure.value, n=n, interval=figure.interval,
            method=f"{KAPPA}; {who}", dimensions={"axis": axis}, evidence=evidence,
        )  # fmt: skip


def _row(answer: Answer) -> ReplyRow:
    """The reply as the judge gets it; one that never came is as empty as one that says nothing."""
    reply, asked = answer.reply, answer.prompt.asked
    was_cut = reply.finish is FinishReason.LENGTH
    return ReplyRow(asked.prompt, reply.text, asked.language, was_cut)


def _kept(
    context: CheckContext, name: str, answers: Sequence[Answer], readings: Sequence[JudgeReading]
) -> EvidenceRef:
    """What the judge was asked and said, word for word."""
    exchanges = [
        Exchange(
            answer.prompt.id,
            question_for(answer.prompt.asked.prompt, answer.reading.spoken),
            Reply(reading.answer, FinishReason.STOP),
            {key: str(value) for key, value in reading.as_mapping().items() if value},
        )
        for answer, reading in zip(answers, readings, strict=True)
        if reading.answer
    ]
    return keep_transcript(context.evidence, f"{name}-judge", exchanges)


def _who(judge: Judge) -> str:
    commit = f", commit {judge.commit}" if judge.commit else ""
    return f"judge {judge.model}{commit}, sha256 {judge.digest[:16]}, rubric {rubric_digest()}"
