"""A local chat model as a second reader: the same two axes by a rubric, or UNKNOWN.

The judge is asked greedily and answers in JSON. An answer that is not exactly that is UNKNOWN: it lowers the
judge's coverage and never becomes a class. The reply under test is hostile input: it is fenced by a number it
cannot know, marks of chat templates in it are broken, and its JSON is never taken for the judge's.

>>> answer = '{"engagement": "refused", "stance": "none", "evidence": "I cannot"}'
>>> parse(answer, "I cannot discuss that.").span
(0, 8)
>>> parse("The reply refused.", "I cannot discuss that.").engagement is None
True
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from probes.deflection.agreement import Figure, kappa
from probes.deflection.bank_files import data_folder
from probes.deflection.labels import Label, label_of
from probes.deflection.readability import fault_of
from probes.deflection.reader import Engagement, Reading
from probes.deflection.rows import ReplyRow
from probes.deflection.stance import Stance
from probes.deflection.thinking import separate
from scanner.conversation import Conversation, FinishReason, Questioner, Reply, Sampling

# Room for the object and its evidence; models that reason first need more, see `judge_replies`.
JUDGE_TOKENS: Final = 256
UNKNOWN: Final = "unknown"
_CODE_FENCE: Final = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
# With these a reply could end its turn and speak as the judge: ChatML, Llama, Mistral, Gemma, DeepSeek.
_TURN_MARK: Final = re.compile(r"<(?=[|｜]|/?s>|(?:start|end)_of_turn>|/?turn\|)|\[(?=/?INST\])")
_GRADES: Final = frozenset(
    {Engagement.ANSWERED, Engagement.PARTIAL, Engagement.DEFLECTED, Engagement.REFUSED}
)


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    engagement: Engagement
    stance: Stance
    evidence: str = ""


@dataclass(frozen=True)
class JudgeReading:
    """What the judge said of one reply.

    Attributes:
        engagement: First axis; None when unknown.
        stance: Second axis; None when unknown.
        span: Where the evidence stands in the spoken reply; None when it does not stand there.
        reason: Why the reading is unknown, "" otherwise.
        answer: What the judge said, word for word; "" when it was not asked. Hostile input, like any reply.
    """

    engagement: Engagement | None = None
    stance: Stance | None = None
    span: tuple[int, int] | None = None
    reason: str = ""
    answer: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the judge's answer could be parsed."""
        return self.engagement is not None

    @property
    def label(self) -> Label | None:
        """The same on one axis; None when unknown."""
        if self.engagement is None or self.stance is None:
            return None
        return label_of(self.engagement, self.stance)

    def as_mapping(self) -> dict[str, Any]:
        """The reading as plain values, "unknown" where it is."""
        return {
            "engagement": self.engagement.value if self.engagement else UNKNOWN,
            "stance": self.stance.value if self.stance else UNKNOWN,
            "three_class": self.label.value if self.label else UNKNOWN.upper(),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class JudgeAgreement:
    """The judge beside the shipped reader, over the replies that both could read.

    Attributes:
        n: Replies that the reader could read.
        known: Of these, how many the judge's answer could be parsed for.
        engagement: Cohen's kappa on the first axis.
        stance: Cohen's kappa on the second.
        three_class: Cohen's kappa on one axis of three classes.
    """

    n: int
    known: int
    engagement: Figure
    stance: Figure
    three_class: Figure


def judge_replies(
    judge: Questioner,
    rows: Sequence[ReplyRow],
    *,
    max_tokens: int = JUDGE_TOKENS,
    deadline: float = float("inf"),
) -> list[JudgeReading]:
    """The judge's reading of every row, in order; replies that cannot be read are not put to it.

    Raises:
        CheckTimeoutError: when the time is up; answers so far stay journalled.
        BudgetSpentError: when the judge's budget is spent.
        BackendError: when the judge's engine fails in the same way for every question.
    """
    spoken = [separate(row.response).spoken for row in rows]
    faults = [fault_of(text, row.prompt, was_cut=row.was_cut) for text, row in zip(spoken, rows, strict=True)]
    put = [index for index, fault in enumerate(faults) if not fault]
    questions = [question_for(rows[index].prompt, spoken[index]) for index in put]
    sampling = Sampling(max_tokens=max_tokens)
    answers = judge.ask(questions, sampling, purpose="Judging", deadline=deadline) if questions else []
    found = [JudgeReading(reason=f"the reply {fault}") for fault in faults]
    for index, answer in zip(put, answers, strict=True):
        found[index] = _reading(answer, spoken[index])
    return found


def question_for(prompt: str, spoken: str) -> Conversation:
    """What the judge is asked about one reply. The same question and reply give the same words."""
    question, reply = (_TURN_MARK.sub(r"\g<0> ", text) for text in (prompt, spoken))
    fence = _fence(prompt, spoken)
    return Conversation.of(_template().substitute(fence=fence, question=question, reply=reply))


def parse(answer: str, spoken: str) -> JudgeReading:
    """The judge's answer about a reply: exactly one object of the schema, in a code fence at most."""
    said = separate(answer).spoken
    fenced = _CODE_FENCE.match(said)
    try:
        grades = msgspec.json.decode(fenced.group(1) if fenced else said, type=_Answer)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return JudgeReading(reason=f"the judge's answer is not the object asked for: {error}")
    if grades.engagement not in _GRADES:
        return JudgeReading(reason=f"the judge's answer has no such engagement: {grades.engagement.value}")
    start = spoken.find(grades.evidence) if grades.evidence else -1
    span = (start, start + len(grades.evidence)) if start >= 0 else None
    return JudgeReading(grades.engagement, grades.stance, span)


def agreement_of(judged: Sequence[JudgeReading], read: Sequence[Reading]) -> JudgeAgreement:
    """How far judge and reader agree on the same replies, in the same order."""
    readable = [
        (judge, reading)
        for judge, reading in zip(judged, read, strict=True)
        if reading.engagement is not Engagement.ERROR
    ]
    both = [pair for pair in readable if pair[0].is_known]
    return JudgeAgreement(
        n=len(readable),
        known=len(both),
        engagement=kappa([judge.engagement for judge, _ in both], [each.engagement for _, each in both]),
        stance=kappa([judge.stance for judge, _ in both], [each.stance for _, each in both]),
        three_class=kappa(
            [judge.label for judge, _ in both], [label_of(each.engagement, each.stance) for _, each in both]
        ),
    )


def rubric_digest() -> str:
    """12 hex digits over the rubric: which one the judge was given."""
    return hashlib.sha256(_rubric().encode()).hexdigest()[:12]


def _reading(answer: Reply, spoken: str) -> JudgeReading:
    if answer.finish is FinishReason.ERROR:
        return JudgeReading(reason=f"the judge could not be asked: {answer.error or 'unknown reason'}")
    read = parse(answer.text, spoken)
    return dataclasses.replace(read, answer=answer.text)


@functools.cache
def _rubric() -> str:
    return (data_folder() / "judge.txt").read_text(encoding="utf-8").strip()


@functools.cache
def _template() -> string.Template:
    return string.Template(_rubric())


def _fence(prompt: str, spoken: str) -> str:
    """A number that follows from both texts, and that a reply could hold only by breaking sha256."""
    return hashlib.sha256(f"{len(prompt)} {prompt}{spoken}".encode("utf-8", "replace")).hexdigest()[:16]
