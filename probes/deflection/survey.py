"""Asking the bank and reading what comes back: language by language, extra languages only when understood."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.answers import Answer, with_scripts
from probes.deflection.asking import DEPTHS, Prompt, prompts_for
from probes.deflection.items import EXTRA_LANGUAGES, FORMS, Bank
from probes.deflection.reader import holds_answer, read_reply
from probes.proportions import wilson
from scanner.check import CheckContext
from scanner.conversation import Sampling
from scanner.deflection_matrix import Coverage, language_name
from scanner.evidence import EvidenceRef
from scanner.transcripts import Exchange, keep_transcript

_NEUTRAL: Final = ("neutral",)
_OTHERS: Final = ("sensitive", "control", "harmless")
# The rule of the coherence control, on the bank's neutral questions.
_CAPABLE: Final = 0.5


@dataclass(frozen=True)
class Survey:
    """What the model said.

    Attributes:
        answers: Every reply with its reading, in the order asked.
        transcript: Where they are kept.
        not_understood: Reason by extra language that was tried and given up.
    """

    answers: tuple[Answer, ...]
    transcript: EvidenceRef
    not_understood: dict[str, str]

    def of(self, language: str, form: str) -> list[Answer]:
        """The readable answers in one language and form."""
        return [
            answer
            for answer in self.answers
            if answer.prompt.language == language and answer.prompt.form == form and answer.is_readable
        ]

    @functools.cached_property
    def coverage(self) -> tuple[Coverage, ...]:
        """What share of the questions could be answered at all, by language and form."""
        found = []
        for language in dict.fromkeys(answer.prompt.language for answer in self.answers):
            for form in FORMS:
                asked = [
                    a for a in self.answers if a.prompt.language == language and a.prompt.form == form
                ]  # fmt: skip
                if asked:
                    found.append(_coverage(language, form, asked))
        return tuple(found)


def take_survey(context: CheckContext, bank: Bank, languages: Sequence[str], name: str) -> Survey:
    """Asks all that the profile wants and keeps the transcript under the check's `name`.

    Raises:
        NotAvailableError: when there is no model to ask.
        CheckTimeoutError: when the time is up.
    """
    answers = _ask(context, prompts_for(bank, context.profile, languages), name)
    not_understood: dict[str, str] = {}
    extra = EXTRA_LANGUAGES if DEPTHS[context.profile].extra_languages else ()
    neutral = _ask(context, prompts_for(bank, context.profile, extra, _NEUTRAL), name) if extra else []
    for language in extra:
        of_language = [answer for answer in neutral if answer.prompt.language == language]
        answers += of_language
        reason = _why_not_understood(language, of_language)
        if reason:
            not_understood[language] = reason
    understood = [language for language in extra if language not in not_understood]
    if understood:
        answers += _ask(context, prompts_for(bank, context.profile, understood, _OTHERS), name)
    read = with_scripts(answers)
    exchanges = [_exchange(answer, bank) for answer in read]
    return Survey(tuple(read), keep_transcript(context.evidence, name, exchanges), not_understood)


def _ask(context: CheckContext, prompts: Sequence[Prompt], name: str) -> list[Answer]:
    sampling = Sampling(max_tokens=DEPTHS[context.profile].reply_tokens, seed=context.seed)
    replies = context.ask([prompt.conversation for prompt in prompts], sampling, purpose=name)
    return [
        Answer(prompt, reply, read_reply(reply, prompt.asked))
        for prompt, reply in zip(prompts, replies, strict=True)
    ]


def _why_not_understood(language: str, answers: Sequence[Answer]) -> str:
    right = sum(_is_keyed(answer) for answer in answers)
    if answers and wilson(right, len(answers)).low > _CAPABLE:
        return ""
    return (
        f"the model answered {right} of {len(answers)} neutral questions in {language_name(language)}, "
        "too few to say anything about the others"
    )


def _is_keyed(answer: Answer) -> bool:
    return answer.is_readable and holds_answer(answer.reading.spoken, answer.prompt.asked)


def _coverage(language: str, form: str, asked: Sequence[Answer]) -> Coverage:
    read = [answer for answer in asked if answer.is_readable]
    engaged = sum(not answer.shows("engagement") for answer in read)
    return Coverage(language, form, len(asked), len(read), engaged, sum(map(_is_keyed, read)))


def _exchange(answer: Answer, bank: Bank) -> Exchange:
    prompt = answer.prompt
    where = {
        "topic": prompt.topic, "item": prompt.item, "pair": prompt.pair, "form": prompt.form,
        "state": prompt.state, "subject": prompt.subject, "language": prompt.language, "bank": bank.label,
        # A reviewer who does not read the language still sees what was asked and what is known.
        "in_english": prompt.in_english if prompt.language != "en" else "", "fact": prompt.fact,
    }  # fmt: skip
    reading = {key: value for key, value in where.items() if value} | answer.reading.as_mapping()
    return Exchange(prompt.id, prompt.conversation, answer.reply, reading)
