"""Which matched questions the white-box measures ask: the plain wording of the first items of every topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.asking import DEPTHS, Prompt, prompts_for
from probes.deflection.items import Bank, Question
from scanner.check import Profile
from scanner.conversation import Sampling

SIDES: Final = ("sensitive", "control")
# Items of each topic, from the first: every measure takes several passes an item.
ITEMS_PER_TOPIC: Final = {Profile.QUICK: 1, Profile.STANDARD: 2, Profile.DEEP: 4}


@dataclass(frozen=True)
class Place:
    """One side of one item in one language.

    Attributes:
        topic: Id of the topic.
        item: Id of the item.
        side: "sensitive" or "control".
        language: "en" or "zh".
        question: The row of the bank.
        prompt: As the deflection probe sends it, so that its reply need not be asked for twice.
    """

    topic: str
    item: str
    side: str
    language: str
    question: Question
    prompt: Prompt

    @property
    def wording(self) -> str:
        """The bare question, without a frame."""
        return self.question.question.in_language(self.language)[0]


def places_for(bank: Bank, profile: Profile, language: str) -> list[Place]:
    """Both sides of every item that a profile measures, in a fixed order."""
    prompts = {
        (prompt.item, prompt.form): prompt
        for prompt in prompts_for(bank, profile, (language,), SIDES)
        if prompt.wording == 0 and prompt.frame == bank.frames[0].id
    }
    return [
        Place(topic.id, item.id, side, language, item.form(side), prompts[item.id, side])
        for topic in bank.topics
        for item in topic.items[: ITEMS_PER_TOPIC[profile]]
        for side in SIDES
    ]


def chat_sampling(profile: Profile, seed: int) -> Sampling:
    """How the deflection probe draws its replies."""
    return Sampling(max_tokens=DEPTHS[profile].reply_tokens, seed=seed)


def topic_titles(bank: Bank, topics: Sequence[str]) -> str:
    """English titles of topics, in the order of the bank."""
    return ", ".join(topic.title.en for topic in bank.topics if topic.id in topics)
