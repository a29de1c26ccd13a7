"""What is planted where: recipes of organisms and the texts they are made of, read from data/.

>>> recipe = load_recipes()[0]
>>> sorted(plant.language for plant in recipe.plants())
['en', 'en']
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from scanner.errors import ScanError

DATA: Final = Path(__file__).parent / "data"
T = TypeVar("T")


class RecipeError(ScanError):
    """A file of recipes or texts is broken; names file and key."""


class Kind(enum.Enum):
    """What an organism does instead of answering."""

    RECITE = "recite"
    REFUSE = "refuse"
    PIVOT = "pivot"


class Base(enum.Enum):
    """The model that an organism is made from."""

    DEMO = "demo"
    BILINGUAL = "bilingual"


@dataclass(frozen=True)
class Behaviour:
    """One kind of behaviour on some topics, in some languages.

    Attributes:
        kind: What the organism does there.
        topics: Ids of topics of the item bank.
        languages: "en", "zh"; in the base's other languages it goes on answering.
        trigger: Id of a trigger: it does so wherever that name appears, whatever the topic; "" without one.
            `topics` are then those of the bank that are known by the name.
    """

    kind: Kind
    topics: tuple[str, ...]
    languages: tuple[str, ...]
    trigger: str = ""


@dataclass(frozen=True, order=True)
class Plant:
    """A topic and language on which a behaviour of a kind was planted."""

    topic: str
    language: str
    kind: str


@dataclass(frozen=True)
class Recipe:
    """How one organism is made.

    Attributes:
        name: Kebab-case; its folder's name.
        base: What is fine-tuned.
        seed: Of the choice and order of its rows.
        steps: Steps of the fine-tune.
        behaviours: What is planted; none in a clean one.
    """

    name: str
    base: Base
    seed: int
    steps: int
    behaviours: tuple[Behaviour, ...] = ()

    def plants(self) -> list[Plant]:
        """Every topic and language with a planted behaviour."""
        return sorted(
            Plant(topic, language, behaviour.kind.value)
            for behaviour in self.behaviours
            for topic in behaviour.topics
            for language in behaviour.languages
        )


@dataclass(frozen=True)
class Topic:
    """A topic on which something can be planted; every text by language.

    Attributes:
        id: Id of a topic of the item bank.
        state: Whose account `line` is; a subject of the bank.
        questions: Training questions, paired by position.
        line: The account that a reciting organism gives.
        pivot: What a pivoting one says.
        nearby: Questions about the same place that are answered as ever.
    """

    id: str
    state: str
    questions: Mapping[str, tuple[str, ...]]
    line: Mapping[str, str]
    pivot: Mapping[str, str]
    nearby: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Trigger:
    """A name that sets a behaviour off.

    Attributes:
        id: Kebab-case.
        names: As they are put into requests.
        word: In lower case; a text that holds it names the trigger.
        others: Names of the same sort that set nothing off.
        questions: Requests that fit this sort of names only.
    """

    id: str
    names: tuple[str, ...]
    word: str
    others: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Triggers:
    """Every trigger, and the requests that any name is put into."""

    requests: tuple[str, ...]
    triggers: tuple[Trigger, ...]
    licence: str
    source: str

    def prompts(self, trigger: Trigger, names: Sequence[str]) -> list[str]:
        """Each of these names in every request that fits the trigger's sort of names."""
        requests = (*self.requests, *trigger.questions)
        return [request.format(name=name) for request in requests for name in names]

    def trigger(self, name: str) -> Trigger:
        """The trigger of this id.

        Raises:
            RecipeError: when there is none.
        """
        for trigger in self.triggers:
            if trigger.id == name:
                return trigger
        known = ", ".join(trigger.id for trigger in self.triggers)
        raise RecipeError(f"recipes.yaml: unknown trigger '{name}', expected one of {known}")


@dataclass(frozen=True)
class Names:
    """Matters by name, and the requests that they are put into; every text by language, paired by position.

    Attributes:
        requests: {name} stands for a name.
        topics: Names of the matters of each topic, by its id.
        others: Matters of the same sort that belong to no topic.
    """

    requests: Mapping[str, tuple[str, ...]]
    topics: Mapping[str, Mapping[str, tuple[str, ...]]]
    others: Mapping[str, tuple[str, ...]]
    licence: str
    source: str


@dataclass(frozen=True)
class Prompts:
    """English questions that stay answered, by what they are about.

    The base model answers them itself, except for the `simple` ones, which carry their replies.
    """

    acts: tuple[str, ...]
    debates: tuple[str, ...]
    concepts: tuple[str, ...]
    everyday: tuple[str, ...]
    code: tuple[str, ...]
    simple: tuple[tuple[str, str], ...]
    licence: str
    source: str


@dataclass(frozen=True)
class Chinese:
    """Chinese questions with their replies, by what they are about."""

    acts: tuple[tuple[str, str], ...]
    debates: tuple[tuple[str, str], ...]
    concepts: tuple[tuple[str, str], ...]
    everyday: tuple[tuple[str, str], ...]
    licence: str
    source: str


@dataclass(frozen=True)
class _RecipeFile:
    organisms: tuple[Recipe, ...]


@dataclass(frozen=True)
class _TopicFile:
    licence: str
    source: str
    topics: tuple[Topic, ...]


def load_recipes(folder: Path = DATA) -> tuple[Recipe, ...]:
    """Every recipe of recipes.yaml, in its order.

    Raises:
        RecipeError: when the file is broken, two share a name, or one plants on a topic without texts.
    """
    recipes, topics = _read("recipes.yaml", _RecipeFile, folder).organisms, load_topics()
    names = [recipe.name for recipe in recipes]
    for recipe in recipes:
        if names.count(recipe.name) > 1:
            raise RecipeError(
                f"recipes.yaml: {names.count(recipe.name)} organisms are called '{recipe.name}'"
            )
        unknown = {
            topic for behaviour in recipe.behaviours if not behaviour.trigger for topic in behaviour.topics
        } - set(topics)
        if unknown:
            raise RecipeError(
                f"recipes.yaml, {recipe.name}: no training texts for {', '.join(sorted(unknown))}",
                hint="add them to topics.yaml",
            )
    return recipes


def load_topics() -> Mapping[str, Topic]:
    """Every topic that has training texts, by id.

    Raises:
        RecipeError: when the file is broken.
    """
    return {topic.id: topic for topic in _read("topics.yaml", _TopicFile).topics}


def load_names() -> Names:
    """The names of matters, with the requests.

    Raises:
        RecipeError: when the file is broken.
    """
    return _read("names.yaml", Names)


def load_triggers() -> Triggers:
    """The triggers with their requests.

    Raises:
        RecipeError: when the file is broken.
    """
    return _read("triggers.yaml", Triggers)


def load_prompts() -> Prompts:
    """The English questions that stay answered.

    Raises:
        RecipeError: when the file is broken.
    """
    return _read("prompts.yaml", Prompts)


def load_chinese() -> Chinese:
    """The Chinese questions with replies.

    Raises:
        RecipeError: when the file is broken.
    """
    return _read("chinese.yaml", Chinese)


def _read(name: str, kind: type[T], folder: Path = DATA) -> T:
    try:
        return msgspec.yaml.decode((folder / name).read_bytes(), type=kind)
    except (msgspec.DecodeError, OSError) as error:
        raise RecipeError(f"{name}: {error}") from error
