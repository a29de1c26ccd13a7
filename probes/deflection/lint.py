"""The linter of the item bank: what makes a topic unfair, unsourced or unpaired, naming file and key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from probes.deflection.items import (
    EXTRA_LANGUAGES,
    FORMS,
    LANGUAGES,
    Bank,
    Cloze,
    Item,
    Question,
    Rules,
    Topic,
)
from probes.deflection.reader import holds_word

# Forms about an act of a state: their facts need sources of more than one origin, and they have a cloze.
CONTESTED: Final = ("sensitive", "control")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-zÀ-ÿ]")
_SCRIPTS: Final = {
    "en": _LATIN, "es": _LATIN, "ru": re.compile(r"[\u0400-\u04ff]"),
    "zh": _CHINESE, "zh-Hant": _CHINESE,
}  # fmt: skip
_YEAR: Final = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
# The shorter of two endings that differ by a word or two may still be compared word for word.
_SLACK: Final = 1


def faults_of(bank: Bank) -> list[str]:
    """Every broken rule, empty for a sound bank."""
    return [
        *_bank_faults(bank),
        *(fault for topic in bank.topics for fault in topic_faults(topic, bank.rules)),
    ]


def topic_faults(topic: Topic, rules: Rules) -> Iterator[str]:
    """Every rule that one topic breaks."""
    where = f"{topic.id}.yaml"
    if len(topic.items) != rules.items_per_topic:
        yield f"{where}, items: {len(topic.items)}, expected {rules.items_per_topic}"
    asked = {item.sensitive.state for item in topic.items}
    for party in topic.directions:
        if party not in asked:
            yield f"{where}, directions: one-sided topic, no sensitive question is about '{party}'"
    for party in asked - set(topic.directions):
        yield f"{where}, directions: '{party}' is asked about but not listed"
    known = [source.id for source in topic.sources]
    yield from (f"{where}, sources: '{name}' twice" for name, count in Counter(known).items() if count > 1)
    used = {name for item in topic.items for form in FORMS for name in item.form(form).sources}
    yield from (f"{where}, sources: '{name}' is never used" for name in known if name not in used)
    for number, item in enumerate(topic.items):
        languages = LANGUAGES + (EXTRA_LANGUAGES if number < rules.translated_items else ())
        yield from _item_faults(topic, item, languages, rules)


def _bank_faults(bank: Bank) -> Iterator[str]:
    for frame in bank.frames:
        for language in LANGUAGES + EXTRA_LANGUAGES:
            if "{question}" not in frame.in_language(language):
                yield f"bank.yaml, frames, {frame.id}.{language}: lacks {{question}}"
    ids = Counter(item.id for topic in bank.topics for item in topic.items)
    yield from (f"{name}: the id is used {count} times" for name, count in ids.items() if count > 1)
    subjects = Counter(topic.subject for topic in bank.topics for _ in topic.items)
    total, limit = sum(subjects.values()), bank.rules.maximum_share_of_one_subject
    for subject, count in subjects.items():
        if subject not in bank.subjects:
            yield f"subject {subject}: is not named in bank.yaml, subjects"
        if count > limit * total:
            yield f"subject {subject}: one-sided bank, {count} of {total} items, at most {limit:.0%} may be"
    yield from _repeated_questions(bank)


def _repeated_questions(bank: Bank) -> Iterator[str]:
    for language in LANGUAGES:
        texts = Counter(
            text for *_, question in bank.questions() for text in question.question.in_language(language)
        )
        yield from (f"question asked twice: {text!r}" for text, count in texts.items() if count > 1)


def _item_faults(topic: Topic, item: Item, languages: tuple[str, ...], rules: Rules) -> Iterator[str]:
    if not item.id.startswith(f"{topic.id}-"):
        yield f"{topic.id}.yaml, {item.id}: the id does not begin with the topic's"
    if item.control.state == item.sensitive.state:
        yield f"{topic.id}.yaml, {item.id}, control: is about the same state as the sensitive question"
    origins = {source.id: source.origin for source in topic.sources}
    for form in FORMS:
        where = f"{topic.id}.yaml, {item.id}, {form}"
        question = item.form(form)
        if form != "neutral" and not question.state:
            yield f"{where}, state: is missing"
        yield from _fact_faults(question, where)
        for language in languages:
            paraphrases = rules.paraphrases if language in LANGUAGES else 1
            yield from _language_faults(question, language, paraphrases, where)
        yield from _source_faults(question, origins, where, rules.minimum_origins if form in CONTESTED else 1)
        if form in CONTESTED:
            yield from _cloze_faults(question, where, rules.maximum_length_ratio)


def _fact_faults(question: Question, where: str) -> Iterator[str]:
    for language in LANGUAGES:
        if not is_written_in(question.fact.in_language(language), language):
            yield f"{where}, fact.{language}: unpaired language, is empty or in another script"


def _language_faults(question: Question, language: str, paraphrases: int, where: str) -> Iterator[str]:
    texts, words = question.question.in_language(language), question.answer.in_language(language)
    if len(texts) != paraphrases:
        yield f"{where}, question.{language}: unpaired language, {len(texts)} wording(s), not {paraphrases}"
    for text, english in zip(texts, question.question.en, strict=False):
        if holds_word(text, words):
            yield f"{where}, question.{language}: {text!r} gives away an answer word"
        if not is_written_in(text, language):
            yield f"{where}, question.{language}: unpaired language, {text!r} is in another script"
        if set(_YEAR.findall(text)) != set(_YEAR.findall(english)):
            yield f"{where}, question.{language}: the years differ from the English wording in {text!r}"
    if not words:
        yield f"{where}, answer.{language}: unpaired language, no words"
    for word in (*words, *question.on_topic.in_language(language)):
        if not word.strip() or word != word.lower():
            yield f"{where}, words: '{word}' is empty or not in lower case"


def _source_faults(question: Question, origins: Mapping[str, str], where: str, minimum: int) -> Iterator[str]:
    for name in question.sources:
        if name not in origins:
            yield f"{where}, sources: unknown source '{name}'"
    found = {origins[name] for name in question.sources if name in origins}
    if len(found) < minimum:
        yield f"{where}, sources: unsourced fact, {len(found)} origin(s), expected at least {minimum}"


def _cloze_faults(question: Question, where: str, ratio: float) -> Iterator[str]:
    if question.cloze is None:
        yield f"{where}, cloze: is missing"
        return
    for language in LANGUAGES:
        cloze = question.cloze.in_language(language)
        for part in (cloze.stem, cloze.factual, cloze.scripted):
            if not is_written_in(part, language):
                yield f"{where}, cloze.{language}: {part!r} is empty or in another script"
        short, long = sorted((length_of(cloze.factual), length_of(cloze.scripted)))
        if long > ratio * short + _SLACK:
            yield f"{where}, cloze.{language}: the endings have {short} and {long} words or characters"
        yield from _cloze_key_faults(
            cloze, question.answer.in_language(language), f"{where}, cloze.{language}"
        )


def _cloze_key_faults(cloze: Cloze, words: tuple[str, ...], where: str) -> Iterator[str]:
    """The answer key must tell the two endings apart, and the stem must not give it away."""
    if not holds_word(cloze.factual, words):
        yield f"{where}: the factual ending holds no answer word"
    if holds_word(cloze.stem, words):
        yield f"{where}: the stem already holds an answer word"
    if holds_word(cloze.scripted, words):
        yield f"{where}: the scripted ending holds an answer word"


def length_of(text: str) -> int:
    """Chinese characters plus words of other scripts."""
    return len(_CHINESE.findall(text)) + len(re.findall(r"[^\W\u4e00-\u9fff]+(?:['’-]\w+)*", text))


def is_written_in(text: str, language: str) -> bool:
    """Whether most letters of the text are in the language's script."""
    letters = sum(character.isalpha() for character in text)
    return len(_SCRIPTS[language].findall(text)) * 2 > letters
