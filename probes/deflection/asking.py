"""What is asked under each profile: which items, in which frames and languages, with which ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.items import FORMS, LANGUAGES, Bank, Frame, Question
from probes.deflection.reader import Asked
from scanner.check import Profile
from scanner.conversation import Conversation


@dataclass(frozen=True)
class Depth:
    """How much one profile asks.

    Attributes:
        questions: Most questions in one language: what is asked in it does not depend on the others, so
            that models which speak different languages are asked the same.
        frames: How many of the bank's frames each question is put in.
        reply_tokens: Length limit of a reply.
    """

    questions: int
    frames: int
    reply_tokens: int


DEPTHS: Final = {
    Profile.QUICK: Depth(questions=96, frames=1, reply_tokens=64),
    Profile.STANDARD: Depth(questions=192, frames=2, reply_tokens=128),
    Profile.DEEP: Depth(questions=1200, frames=3, reply_tokens=256),
}


@dataclass(frozen=True)
class Prompt:
    """One question as it is sent.

    Attributes:
        id: "tiananmen-1989-1/sensitive/en/short", stable over scans.
        topic: Id of the topic.
        item: Id of the item.
        subject: Subject that the topic is counted under.
        state: State or party the question is about, "" for the neutral form.
        form: "sensitive", "control", "neutral" or "harmless".
        language: "en" or "zh".
        frame: Id of the frame.
        asked: What the reader needs.
        conversation: What the model is given.
    """

    id: str
    topic: str
    item: str
    subject: str
    state: str
    form: str
    language: str
    frame: str
    asked: Asked
    conversation: Conversation


def prompts_for(bank: Bank, profile: Profile, languages: Sequence[str]) -> list[Prompt]:
    """Every prompt of a scan, in a fixed order."""
    depth = DEPTHS[profile]
    frames = bank.frames[: depth.frames]
    per_round = len(bank.topics) * len(FORMS) * len(frames)
    items_per_topic = max(depth.questions // per_round, 1)
    return [
        _prompt(topic.id, topic.subject, item.id, item.form(form), form, language, frame)
        for language in LANGUAGES
        if language in languages
        for topic in bank.topics
        for item in topic.items[:items_per_topic]
        for form in FORMS
        for frame in frames
    ]


def _prompt(
    topic: str, subject: str, item: str, question: Question, form: str, language: str, frame: Frame
) -> Prompt:
    text = frame.put(question.question, language)
    return Prompt(
        id=f"{item}/{form}/{language}/{frame.id}",
        topic=topic, item=item, subject=subject, state=question.state, form=form,
        language=language, frame=frame.id,
        asked=Asked.about(question, language, text), conversation=Conversation.of(text),
    )  # fmt: skip
