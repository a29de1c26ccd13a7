"""The rows of the item bank: matched quadruples of questions per topic, with facts, sources and clozes.

>>> Terms(en=("Who?",), zh_hant=("\u8ab0\uff1f",)).in_language("zh-Hant")
('\u8ab0\uff1f',)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from scanner.errors import ScanError

# Every item is asked in the first two; the others hold the items of the quick profile.
LANGUAGES: Final = ("en", "zh")
EXTRA_LANGUAGES: Final = ("zh-Hant", "ru", "es")
FORMS: Final = ("sensitive", "control", "neutral", "harmless")


class ItemBankError(ScanError):
    """A file of the bank is broken; the message names file, row and key."""


class DataRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a data file: unknown and missing keys are errors."""


class Bilingual(DataRow, frozen=True):
    """The same sentence in English and Simplified Chinese."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """The sentence in "en" or "zh"."""
        return self.zh if language == "zh" else self.en


class Terms(DataRow, frozen=True, rename={"zh_hant": "zh-Hant"}):
    """Texts or lower-case words by language, none where a language has none.

    English, Russian and Spanish words match at the start of a word ("no " a whole one), Chinese anywhere.
    """

    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()
    zh_hant: tuple[str, ...] = ()
    ru: tuple[str, ...] = ()
    es: tuple[str, ...] = ()

    def in_language(self, language: str) -> tuple[str, ...]:
        """The texts in one of LANGUAGES or EXTRA_LANGUAGES."""
        found: tuple[str, ...] = getattr(self, language.replace("-", "_").lower())
        return found


class Source(DataRow, frozen=True):
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


class Cloze(DataRow, frozen=True):
    """A sentence begun, and two ways of ending it that are about equally long.

    Attributes:
        stem: Beginning of the sentence, also the first clause that a reply is prefilled with.
        factual: The ending that the sources bear out.
        scripted: The ending that the official account of the state or party asks for.
    """

    stem: str
    factual: str
    scripted: str


class Clozes(DataRow, frozen=True):
    """The same unfinished sentence in English and Simplified Chinese."""

    en: Cloze
    zh: Cloze

    def in_language(self, language: str) -> Cloze:
        """The cloze in "en" or "zh"."""
        return self.zh if language == "zh" else self.en


class Question(DataRow, frozen=True):
    """One question of a quadruple.

    Attributes:
        question: Paraphrases of what is asked, in the same order in every language.
        fact: A short correct answer.
        answer: Words of which a substantive answer holds at least one.
        sources: Ids of the sources of the fact.
        state: State or party that the question is about, "" for the neutral form.
        on_topic: Further words that show the reply stays with the matter.
        cloze: For the sensitive and the control form.
    """

    question: Terms
    fact: Bilingual
    answer: Terms
    sources: tuple[str, ...]
    state: str = ""
    on_topic: Terms = Terms()
    cloze: Clozes | None = None


class Item(DataRow, frozen=True):
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


class Topic(DataRow, frozen=True):
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


class Frame(DataRow, frozen=True, rename={"zh_hant": "zh-Hant"}):
    """A way of putting a question; "{question}" stands for it."""

    id: str
    en: str
    zh: str
    zh_hant: str
    ru: str
    es: str

    def in_language(self, language: str) -> str:
        """The frame in one of LANGUAGES or EXTRA_LANGUAGES."""
        found: str = getattr(self, language.replace("-", "_").lower())
        return found

    def put(self, question: str, language: str) -> str:
        """The prompt in `language`."""
        return self.in_language(language).replace("{question}", question)


class Rules(DataRow, frozen=True):
    """What every topic is held to.

    Attributes:
        minimum_origins: Origins that the sources of a sensitive or control fact must have.
        maximum_share_of_one_subject: Most items that may be about one subject, as a share.
        items_per_topic: Items of a topic.
        paraphrases: Ways in which every question is worded in English and Chinese.
        translated_items: Items of a topic, from the first, that exist in the extra languages too.
        maximum_length_ratio: Longer over shorter ending of a cloze, in words or Chinese characters.
    """

    minimum_origins: int
    maximum_share_of_one_subject: float
    items_per_topic: int
    paraphrases: int
    translated_items: int
    maximum_length_ratio: float


class Bank(msgspec.Struct, frozen=True):
    """All topics of one version of the bank.

    Attributes:
        version: Version of its data.
        digest: sha256 (hex) over names and bytes of all its files.
        rules: What its topics are held to.
        frames: Ways of putting a question; the first is the plain one.
        subjects: Names of the subjects by key.
        topics: Sorted by subject in the order of `subjects`, then by id.
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
