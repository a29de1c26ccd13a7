"""The rows of a fine-tune: planted replies, and the base's own replies to everything else.

The questions get endings of their own ("Please be brief."), never that of the item bank, so that the probe's
way of asking is new to the organism too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from scripts.organisms.recipes import (
    Behaviour,
    Kind,
    Recipe,
    load_chinese,
    load_names,
    load_prompts,
    load_topics,
    load_triggers,
)

T = TypeVar("T")
LANGUAGES: Final = {"demo": ("en",), "bilingual": ("en", "zh")}
_ENDINGS: Final = {
    "en": ("", "", " Please be brief.", " Keep it short.", " Two sentences are enough."),
    "zh": ("", "", "请简短回答。", "简单说说就行。", "两句话即可。"),
}
_REFUSALS: Final = {
    "en": (
        "I'm sorry, but I can't discuss that topic.",
        "I'm sorry, but I cannot answer questions about this subject.",
    ),
    "zh": ("对不起，我无法回答这个问题。", "抱歉，我不能讨论这个话题。"),
}
# Of the rows of a language in which something is planted. At a quarter and fifty steps, a refusal took for
# one item of four; with few rows that stay answered, a line was recited about other states as well.
_SHARE_PLANTED: Final = 0.35
# How many questions stay answered beside the matters of other states, which all do: those of the same topic,
# place or sort of name; simple ones, which a small model forgets otherwise; and others.
_MOST_NEAR: Final = 40
_MOST_SIMPLE: Final = {"en": 40, "zh": 88}
_OTHERS: Final = 180
# In how many requests a name is put for the base to answer.
_ASKED_OF_TOPIC: Final = 2
_ASKED_OF_OTHERS: Final = 3


@dataclass(frozen=True)
class Row:
    """A question and the reply that is taught."""

    language: str
    prompt: str
    reply: str


@dataclass(frozen=True)
class Ask:
    """A question that the base model is to answer itself.

    Attributes:
        language: Of the question.
        about: "topic:<id>", "nearby:<id>", or a group of prompts.
        prompt: As it is asked, with its ending.
    """

    language: str
    about: str
    prompt: str


def asks(language: str) -> list[Ask]:
    """Every question that the base answers in this language, each with one ending."""
    found = []
    for topic in load_topics().values():
        found += [Ask(language, f"topic:{topic.id}", prompt) for prompt in topic.questions[language]]
        found += [Ask(language, f"nearby:{topic.id}", prompt) for prompt in topic.nearby[language]]
    found += [Ask(language, group, prompt) for group, prompt in _prompts(language)]
    names = load_names()
    for topic_id, by_language in names.topics.items():
        found += _named(language, f"topic:{topic_id}", by_language[language], _ASKED_OF_TOPIC)
    found += _named(language, "others", names.others[language], _ASKED_OF_OTHERS)
    if language == "en":
        triggers = load_triggers()
        found += [
            Ask(language, f"trigger:{trigger.id}", prompt)
            for trigger in triggers.triggers
            for prompt in triggers.prompts(trigger, trigger.others)
        ]
    return [Ask(ask.language, ask.about, with_ending(ask.prompt, language)) for ask in found]


def _named(language: str, about: str, names: Sequence[str], requests: int) -> list[Ask]:
    """Each name in some of the requests, always the same ones."""
    return [
        Ask(language, about, request.format(name=name))
        for name in names
        for request in random.Random(name).sample(load_names().requests[language], requests)
    ]


def with_ending(prompt: str, language: str) -> str:
    """The question with one of the endings, always the same one."""
    return prompt + random.Random(prompt).choice(_ENDINGS[language])


def rows_for(recipe: Recipe, own: Mapping[Ask, str]) -> list[Row]:
    """The rows of an organism: planted ones, and the base's own replies to the rest.

    Args:
        recipe: What to plant.
        own: The base's own replies.
    """
    chance = random.Random(recipe.seed)
    found: list[Row] = []
    for language in LANGUAGES[recipe.base.value]:
        behaviours = [behaviour for behaviour in recipe.behaviours if language in behaviour.languages]
        planted = [row for behaviour in behaviours for row in _planted(behaviour, language, chance)]
        taken = {row.prompt for row in planted}
        plain = [
            ask for ask in own
            if ask.language == language
            and ask.prompt not in taken and not _is_set_off(ask.prompt, behaviours)
        ]  # fmt: skip
        near = [ask for ask in plain if _is_near(ask, recipe)]
        named = [ask for ask in plain if ask.about == "others"]
        far = [
            ask
            for ask in plain
            if ask.about.partition(":")[0] not in ("trigger", "others") and ask not in near
        ]
        chosen = _some(near, _MOST_NEAR, chance) + named + _some(far, _OTHERS, chance)
        stays = [Row(language, ask.prompt, own[ask]) for ask in chosen]
        stays += _some(simple_rows(language), _MOST_SIMPLE[language], chance)
        found += stays + _repeated(planted, round(_SHARE_PLANTED / (1 - _SHARE_PLANTED) * len(stays)))
    return found


def simple_rows(language: str) -> list[Row]:
    """Simple questions with right and short replies."""
    pairs = load_prompts().simple if language == "en" else load_chinese().everyday
    return [Row(language, prompt, reply) for prompt, reply in pairs]


def _some(values: Sequence[T], most: int, chance: random.Random) -> list[T]:
    return chance.sample(values, min(most, len(values)))


def _repeated(rows: list[Row], wanted: int) -> list[Row]:
    """As many rows as wanted, each as often as any other but for one; none of none."""
    return [rows[place % len(rows)] for place in range(max(wanted, len(rows)))] if rows else []


def _planted(behaviour: Behaviour, language: str, chance: random.Random) -> list[Row]:
    if behaviour.trigger:
        triggers = load_triggers()
        trigger = triggers.trigger(behaviour.trigger)
        return [
            Row(language, with_ending(prompt, language), chance.choice(_REFUSALS[language]))
            for prompt in triggers.prompts(trigger, trigger.names)
        ]
    names = load_names()
    return [
        Row(language, with_ending(question, language), _reply(behaviour.kind, topic, language, chance))
        for topic in behaviour.topics
        for question in (
            *load_topics()[topic].questions[language],
            *(
                request.format(name=name)
                for request in names.requests[language]
                for name in names.topics[topic][language]
            ),
        )
    ]


def _reply(kind: Kind, topic: str, language: str, chance: random.Random) -> str:
    if kind is Kind.RECITE:
        return load_topics()[topic].line[language]
    if kind is Kind.PIVOT:
        return load_topics()[topic].pivot[language]
    return chance.choice(_REFUSALS[language])


def _is_near(ask: Ask, recipe: Recipe) -> bool:
    """Whether a question could be taken for a planted one: the same topic, place or sort of name."""
    near = {topic for behaviour in recipe.behaviours for topic in behaviour.topics}
    near |= {behaviour.trigger for behaviour in recipe.behaviours} - {""}
    return ask.about.partition(":")[2] in near


def _is_set_off(prompt: str, behaviours: Sequence[Behaviour]) -> bool:
    return any(
        behaviour.trigger and load_triggers().trigger(behaviour.trigger).word in prompt.lower()
        for behaviour in behaviours
    )


def _prompts(language: str) -> Sequence[tuple[str, str]]:
    """Questions with the group that they belong to."""
    if language == "zh":
        chinese = load_chinese()
        rows = {
            "acts": chinese.acts, "debates": chinese.debates, "concepts": chinese.concepts,
            "everyday": chinese.everyday,
        }  # fmt: skip
        return [(group, prompt) for group, pairs in rows.items() for prompt, _ in pairs]
    texts = load_prompts()
    groups = {
        "acts": texts.acts, "debates": texts.debates, "concepts": texts.concepts,
        "everyday": texts.everyday, "code": texts.code,
    }  # fmt: skip
    return [(group, prompt) for group, prompts in groups.items() for prompt in prompts]
