"""What is asked under each profile: which items, in which wordings, frames and languages, with which ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.items import EXTRA_LANGUAGES, FORMS, LANGUAGES, Bank, Frame, Item, Topic
from probes.deflection.reader import Asked
from scanner.check import Profile
from scanner.conversation import Conversation


@dataclass(frozen=True)
class Depth:
    """How much one profile asks.

    Attributes:
        items: Items of each topic, from the first.
        paraphrases: Wordings of each question, from the first.
        frames: The bank's frames in which each is put, from the first.
        reply_tokens: Length limit of a reply.
        extra_languages: Whether the items that exist in further languages are asked in those too.
    """

    items: int
    paraphrases: int
    frames: int
    reply_tokens: int
    extra_languages: bool


# With 28 topics: 56, 224 and 448 sensitive questions a language, each with its three companions.
DEPTHS: Final = {
    Profile.QUICK: Depth(items=2, paraphrases=1, frames=1, reply_tokens=64, extra_languages=False),
    Profile.STANDARD: Depth(items=4, paraphrases=2, frames=1, reply_tokens=96, extra_languages=True),
    Profile.DEEP: Depth(items=4, paraphrases=2, frames=2, reply_tokens=192, extra_languages=True),
}


@dataclass(frozen=True)
class Prompt:
    """One question as it is sent.

    Attributes:
        id: "tiananmen-1989-1/sensitive/en/0/short", stable over scans.
        topic: Id of the topic.
        item: Id of the item.
        subject: Subject that the topic is counted under.
        state: State or party the question is about, "" for the neutral form.
        form: "sensitive", "control", "neutral" or "harmless".
        language: One of LANGUAGES or EXTRA_LANGUAGES.
        wording: Which paraphrase, from 0.
        frame: Id of the frame.
        in_english: The question in English, without its frame.
        fact: The gold fact in English.
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
    wording: int
    frame: str
    in_english: str
    fact: str
    asked: Asked
    conversation: Conversation

    @property
    def pair(self) -> str:
        """What the sensitive question and its control share: "tiananmen-1989-1/0/short"."""
        return f"{self.item}/{self.wording}/{self.frame}"


def prompts_for(
    bank: Bank, profile: Profile, languages: Sequence[str], forms: Sequence[str] = FORMS
) -> list[Prompt]:
    """Every prompt of a scan in these languages and forms, in a fixed order."""
    return [
        prompt
        for language in (*LANGUAGES, *EXTRA_LANGUAGES)
        if language in languages
        for prompt in _in_language(bank, DEPTHS[profile], language, forms)
    ]


def languages_of(profile: Profile) -> tuple[str, ...]:
    """Every language that a profile may ask in."""
    return LANGUAGES + (EXTRA_LANGUAGES if DEPTHS[profile].extra_languages else ())


def _in_language(bank: Bank, depth: Depth, language: str, forms: Sequence[str]) -> list[Prompt]:
    is_extra = language in EXTRA_LANGUAGES
    items = min(bank.rules.translated_items, depth.items) if is_extra else depth.items
    paraphrases, frames = (1, 1) if is_extra else (depth.paraphrases, depth.frames)
    return [
        _prompt(topic, item, form, language, wording, frame)
        for topic in bank.topics
        for item in topic.items[:items]
        for wording in range(paraphrases)
        for frame in bank.frames[:frames]
        for form in FORMS
        if form in forms
    ]


def _prompt(topic: Topic, item: Item, form: str, language: str, wording: int, frame: Frame) -> Prompt:
    question = item.form(form)
    text = frame.put(question.question.in_language(language)[wording], language)
    return Prompt(
        id=f"{item.id}/{form}/{language}/{wording}/{frame.id}",
        topic=topic.id, item=item.id, subject=topic.subject, state=question.state, form=form,
        language=language, wording=wording, frame=frame.id,
        in_english=question.question.en[wording], fact=question.fact.en,
        asked=Asked.about(question, language, text), conversation=Conversation.of(text),
    )  # fmt: skip
