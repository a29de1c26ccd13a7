"""The item bank: matched quadruples of questions per topic, with facts and sources, in two languages.

>>> bank = read_bank(data_folder())
>>> bank.topics[0].items[0].sensitive.question.in_language("en").endswith("?")
True
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.resources
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Final, TypeVar

import msgspec
import yaml

from scanner.errors import ScanError

LANGUAGES: Final = ("en", "zh")
FORMS: Final = ("sensitive", "control", "neutral", "harmless")
T = TypeVar("T")


class ItemBankError(ScanError):
    """A file of the bank is broken; the message names file, row and key."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a data file: unknown and missing keys are errors."""


class Bilingual(_Row, frozen=True):
    """The same sentence in English and Simplified Chinese."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """The sentence in "en" or "zh"."""
        return self.zh if language == "zh" else self.en


class Terms(_Row, frozen=True):
    """Lower-case words: English ones match at the start of a word ("no " a whole one), Chinese anywhere."""

    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()


class Source(_Row, frozen=True):
    """A published work that a fact rests on.

    Attributes:
        id: Name within the topic's file.
        origin: ISO 3166 code of the author's or issuing body's country, or INT for bodies of many states.
        kind: "official", "report", "judgment", "book", "article", "statistics" or "reference".
        title: As published, with document number.
        publisher: Who published it.
        year: Year of publication.
    """

    id: str
    origin: str
    kind: str
    title: str
    publisher: str
    year: int


class Question(_Row, frozen=True):
    """One question of a quadruple.

    Attributes:
        question: What is asked.
        fact: A short correct answer.
        answer: Words of which a substantive answer holds at least one.
        sources: Ids of the sources of the fact.
        state: State or party that the question is about, "" for the neutral form.
        on_topic: Further words that show the reply stays with the matter.
    """

    question: Bilingual
    fact: Bilingual
    answer: Terms
    sources: tuple[str, ...]
    state: str = ""
    on_topic: Terms = Terms()


class Item(_Row, frozen=True):
    """A matched quadruple: sensitive act, same act by another state, neutral fact, harmless question."""

    id: str
    sensitive: Question
    control: Question
    neutral: Question
    harmless: Question

    def form(self, name: str) -> Question:
        """The question of the form "sensitive", "control", "neutral" or "harmless"."""
        questions = (self.sensitive, self.control, self.neutral, self.harmless)
        return dict(zip(FORMS, questions, strict=True))[name]


class Topic(_Row, frozen=True):
    """Items about one matter.

    Attributes:
        id: Kebab-case name, also the file's.
        title: For people.
        subject: Whose cell it is counted in; a key of the bank's `subjects`.
        directions: Parties each of which at least one sensitive question must be about.
        sources: Works that the facts refer to.
        items: In the order in which they are asked.
    """

    id: str
    title: Bilingual
    subject: str
    directions: tuple[str, ...]
    sources: tuple[Source, ...]
    items: tuple[Item, ...]


class Frame(_Row, frozen=True):
    """A way of putting a question; "{question}" stands for it."""

    id: str
    en: str
    zh: str

    def put(self, question: Bilingual, language: str) -> str:
        """The prompt in `language`."""
        return (self.zh if language == "zh" else self.en).replace(
            "{question}", question.in_language(language)
        )


class Rules(_Row, frozen=True):
    """What every topic is held to.

    Attributes:
        minimum_origins: Origins that the sources of a sensitive or control fact must have.
        maximum_share_of_one_subject: Most items that may be about one subject, as a share.
        items_per_topic: Fewest items of a topic.
    """

    minimum_origins: int
    maximum_share_of_one_subject: float
    items_per_topic: int


class _BankFile(_Row, frozen=True):
    version: str
    written: datetime.date
    licence: str
    source: str
    rules: Rules
    frames: tuple[Frame, ...]
    subjects: Mapping[str, Bilingual]


class Bank(msgspec.Struct, frozen=True):
    """All topics of one version of the bank.

    Attributes:
        version: Version of its data.
        digest: sha256 (hex) over names and bytes of all its files.
        rules: What its topics are held to.
        frames: Ways of putting a question; the first is the plain one.
        subjects: Names of the subjects by key.
        topics: Sorted by id.
    """

    version: str
    digest: str
    rules: Rules
    frames: tuple[Frame, ...]
    subjects: Mapping[str, Bilingual]
    topics: tuple[Topic, ...]

    @property
    def label(self) -> str:
        """Version and digest in one word, for the record of a scan."""
        return f"{self.version}+{self.digest[:12]}"

    def questions(self) -> Iterator[tuple[Topic, Item, str, Question]]:
        """Every question with its topic, item and form."""
        for topic in self.topics:
            for item in topic.items:
                for form in FORMS:
                    yield topic, item, form, item.form(form)


def data_folder() -> Traversable:
    """The folder of the probe's data files inside the package."""
    return importlib.resources.files("probes") / "data" / "deflection"


def read_rows(file: Traversable, kind: type[T]) -> T:
    """The YAML file as a value of `kind`.

    Raises:
        ItemBankError: when it is no YAML or a key is missing, unknown or of the wrong type.
    """
    try:
        return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), kind, str_keys=True)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError, OSError) as error:
        raise ItemBankError(
            f"deflection data, {file.name}: {error}", hint="see docs/deflection.md"
        ) from error


def read_bank(folder: Traversable) -> Bank:
    """The bank in `folder` (bank.yaml and topics/*.yaml), as it is written, not yet linted.

    Raises:
        ItemBankError: when a file is broken.
    """
    head = read_rows(folder / "bank.yaml", _BankFile)
    files = sorted(
        (file for file in (folder / "topics").iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    topics = tuple(_read_topic(file) for file in files)
    return Bank(
        version=head.version,
        digest=_digest((folder / "bank.yaml", *files)),
        rules=head.rules,
        frames=head.frames,
        subjects=head.subjects,
        topics=topics,
    )


def _read_topic(file: Traversable) -> Topic:
    topic = read_rows(file, Topic)
    if f"{topic.id}.yaml" != file.name:
        raise ItemBankError(f"deflection data, {file.name}, id: got '{topic.id}', expected the file's name")
    return topic


def _digest(files: tuple[Traversable, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
