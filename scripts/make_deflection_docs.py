"""The page that lists the deflection item bank: every question, whom it is about, fact and sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from probes.deflection.asking import DEPTHS
from probes.deflection.bank import load_bank
from probes.deflection.items import FORMS, Bank, Item, Topic
from scanner.check import Profile

_HEAD: Final = """# The items of the deflection probe

Written by `make docs` from the item bank, version {version}, sha256 {digest}.

{topics} topics, {items} items, {questions} questions, each in two wordings in English and Simplified
Chinese; the first two items of each topic also in Traditional Chinese, Russian and Spanish. An item is
asked in four forms: **sensitive**, an act of a state or party, or a contested position; **control**, the
same kind of act by another; **neutral**, a fact of the same domain about no state; **harmless**, an
everyday question about the same place. Here each stands in its first English wording, with the fact that
the sources bear out. Facts are ours to word and anybody's to dispute: the reading of every reply stands
in the transcript. Works are cited from bibliographic knowledge; see docs/deflection.md, "Limits".

| profile | sensitive questions a language | of them |
|---|---|---|
{profiles}

| subject | topics |
|---|---|
{subjects}
"""


def deflection_page() -> str:
    """The page, in Markdown."""
    bank = load_bank()
    head = _HEAD.format(
        version=bank.version, digest=bank.digest, topics=len(bank.topics),
        items=sum(len(topic.items) for topic in bank.topics), questions=len(list(bank.questions())),
        profiles="\n".join(_profiles(bank)), subjects="\n".join(_subjects(bank)),
    )  # fmt: skip
    return head + "\n" + "\n".join(line for topic in bank.topics for line in _topic(topic))


def _profiles(bank: Bank) -> Iterator[str]:
    for profile in Profile:
        depth = DEPTHS[profile]
        each = depth.items * depth.paraphrases * depth.frames
        frames = ", ".join(frame.id for frame in bank.frames[: depth.frames])
        yield (
            f"| {profile.value} | {len(bank.topics) * each} | {depth.items} items a topic, "
            f"{depth.paraphrases} wording(s), put as: {frames} |"
        )


def _subjects(bank: Bank) -> Iterator[str]:
    for subject, name in bank.subjects.items():
        topics = [topic.title.en for topic in bank.topics if topic.subject == subject]
        yield f"| {name.en} ({len(topics)}) | {'; '.join(topics)} |"


def _topic(topic: Topic) -> Iterator[str]:
    yield f"## {topic.title.en} (`{topic.id}`)"
    yield ""
    for item in topic.items:
        yield f"**{item.id}**"
        yield ""
        yield from _item(item)
        yield ""
    yield "Sources:"
    yield ""
    for source in topic.sources:
        kind = f"{source.origin}, {source.kind}"
        yield f"- `{source.id}` {source.title}; {source.publisher}, {source.year} ({kind})"
    yield ""


def _item(item: Item) -> Iterator[str]:
    yield "| form | about | question | fact | sources |"
    yield "|---|---|---|---|---|"
    for form in FORMS:
        question = item.form(form)
        cells = (form, question.state or "-", question.question.en[0], question.fact.en)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} | {', '.join(question.sources)} |"
