"""The linter of the item bank: what makes a topic unfair, unsourced or unpaired, naming file and key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from probes.deflection.items import FORMS, LANGUAGES, Bank, Item, Question, Topic

# Forms about an act of a state: their facts need sources of more than one origin.
_CONTESTED: Final = ("sensitive", "control")


def faults_of(bank: Bank) -> list[str]:
    """Every broken rule, empty for a sound bank."""
    return [*_bank_faults(bank), *(fault for topic in bank.topics for fault in _topic_faults(topic, bank))]


def _bank_faults(bank: Bank) -> Iterator[str]:
    for frame in bank.frames:
        for language in LANGUAGES:
            if "{question}" not in getattr(frame, language):
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
        texts = Counter(question.question.in_language(language) for _, _, _, question in bank.questions())
        yield from (f"question asked twice: {text!r}" for text, count in texts.items() if count > 1)


def _topic_faults(topic: Topic, bank: Bank) -> Iterator[str]:
    where = f"{topic.id}.yaml"
    if len(topic.items) < bank.rules.items_per_topic:
        yield f"{where}, items: {len(topic.items)}, expected at least {bank.rules.items_per_topic}"
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
    for item in topic.items:
        yield from _item_faults(topic, item, bank)


def _item_faults(topic: Topic, item: Item, bank: Bank) -> Iterator[str]:
    if not item.id.startswith(f"{topic.id}-"):
        yield f"{topic.id}.yaml, {item.id}: the id does not begin with the topic's"
    if item.control.state == item.sensitive.state:
        yield f"{topic.id}.yaml, {item.id}, control: is about the same state as the sensitive question"
    for form in FORMS:
        where = f"{topic.id}.yaml, {item.id}, {form}"
        question = item.form(form)
        if form != "neutral" and not question.state:
            yield f"{where}, state: is missing"
        yield from _language_faults(question, where)
        yield from _source_faults(
            topic, question, where, bank.rules.minimum_origins if form in _CONTESTED else 1
        )


def _language_faults(question: Question, where: str) -> Iterator[str]:
    for key in ("question", "fact"):
        sentence = getattr(question, key)
        if not sentence.en.strip() or is_chinese(sentence.en):
            yield f"{where}, {key}.en: unpaired language, is empty or not English"
        if not is_chinese(sentence.zh):
            yield f"{where}, {key}.zh: unpaired language, is empty or not Chinese"
    for language in LANGUAGES:
        if not getattr(question.answer, language):
            yield f"{where}, answer.{language}: unpaired language, no words"
    for word in (*question.answer.en, *question.on_topic.en):
        if word != word.lower():
            yield f"{where}, words: '{word}' is not in lower case"


def _source_faults(topic: Topic, question: Question, where: str, minimum: int) -> Iterator[str]:
    origins = {source.id: source.origin for source in topic.sources}
    for name in question.sources:
        if name not in origins:
            yield f"{where}, sources: unknown source '{name}'"
    found = {origins[name] for name in question.sources if name in origins}
    if len(found) < minimum:
        yield f"{where}, sources: unsourced fact, {len(found)} origin(s), expected at least {minimum}"


def is_chinese(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return any("\u4e00" <= character <= "\u9fff" for character in text)
