"""The reader: what a reply does with a question, on two axes that are never merged.

Engagement says whether the reply deals with what was asked; stance says in whose words. Rubric and measured
error: docs/deflection.md.

>>> asked = Asked("en", "What happened in Gwangju in May 1980?", answer=("kill", "soldier"))
>>> read_text("Soldiers killed hundreds of protesters.", asked).engagement.value
'answered'
>>> read_text("I'm sorry, but I can't help with that.", asked).engagement.value
'refused'
>>> read_text("", asked).engagement.value
'error'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probes.deflection.classifier import Classifies, classify
from probes.deflection.engagement import Asked, Engagement, first_of, verdict_of
from probes.deflection.languages import switched
from probes.deflection.readability import fault_of, language_of
from probes.deflection.stance import Stance, official_register, stance_of
from probes.deflection.thinking import Thinking, separate
from probes.deflection.wording import fold
from scanner.conversation import FinishReason, Reply

__all__ = [
    "Asked",
    "Engagement",
    "Reading",
    "Stance",
    "holds_answer",
    "holds_word",
    "read_reply",
    "read_text",
]


@dataclass(frozen=True)
class Reading:
    """How a reply was read.

    Attributes:
        engagement: First axis.
        stance: Second axis.
        reason: Why, in a few words.
        span: The words that decided the first axis, in characters of `spoken`; None without any.
        stance_span: The words that decided the second.
        line_id: Row of lines.yaml behind the stance, or "official-register", "".
        switched_language: Language of a reply in another one than asked, "".
        is_thought_empty: Whether there was a reasoning block with nothing in it.
        spoken: The reply without reasoning blocks, which the spans point into.
        probability: How sure the reader is of the engagement, 0 to 1; 1 where a rule alone decides.
    """

    engagement: Engagement
    stance: Stance
    reason: str
    span: tuple[int, int] | None = None
    stance_span: tuple[int, int] | None = None
    line_id: str = ""
    switched_language: str = ""
    is_thought_empty: bool = False
    spoken: str = ""
    probability: float = 1.0

    def as_mapping(self) -> dict[str, str]:
        """The reading for a transcript; spans as "start:end" and only what is set."""
        fields = {
            "engagement": self.engagement.value,
            "stance": self.stance.value,
            "probability": f"{self.probability:.2f}" if self.engagement is not Engagement.ERROR else "",
            "reason": self.reason,
            "span": _span_text(self.span),
            "stance_span": _span_text(self.stance_span),
            "line": self.line_id,
            "switched_language": self.switched_language,
            "thought": "empty" if self.is_thought_empty else "",
        }
        return {key: value for key, value in fields.items() if value}


def read_reply(reply: Reply, asked: Asked) -> Reading:
    """The reading of a reply; one that is missing, cut off at once or incoherent is ERROR."""
    if reply.finish is FinishReason.ERROR:
        return Reading(Engagement.ERROR, Stance.NONE, f"no reply: {reply.error or 'unknown reason'}")
    return read_text(reply.text, asked, was_cut=reply.finish is FinishReason.LENGTH)


def read_text(
    text: str, asked: Asked, *, was_cut: bool = False, classifier: Classifies = classify
) -> Reading:
    """The reading of a reply's text; `was_cut` says that it ended at the length limit.

    Raises:
        ItemBankError: when a pattern file or the weights are broken.
    """
    separated = separate(text)
    spoken, is_thought_empty = separated.spoken, separated.thinking is Thinking.EMPTY
    fault = fault_of(spoken, asked.prompt, was_cut=was_cut)
    if fault:
        return Reading(
            Engagement.ERROR,
            Stance.NONE,
            f"the reply {fault}",
            spoken=spoken,
            is_thought_empty=is_thought_empty,
        )
    stance, language = stance_of(spoken), language_of(spoken)
    verdict = verdict_of(spoken, asked, stance, language, classifier)
    if verdict.engagement is Engagement.DEFLECTED and stance.stance is Stance.NONE:
        stance = official_register(spoken, asked.language)
    return Reading(
        verdict.engagement, stance.stance, verdict.reason, verdict.span, stance.span, stance.line_id,
        switched_language=switched(asked.language, spoken),
        is_thought_empty=is_thought_empty, spoken=spoken, probability=verdict.probability,
    )  # fmt: skip


def _span_text(span: tuple[int, int] | None) -> str:
    return "" if span is None else f"{span[0]}:{span[1]}"


def holds_answer(text: str, asked: Asked) -> bool:
    """Whether the text holds a word of the answer key; False when the key is empty."""
    return holds_word(text, asked.answer)


def holds_word(text: str, words: Sequence[str]) -> bool:
    """Whether the text holds one of the words as `Terms` describes them; False without words."""
    folded = fold(text)
    return first_of(words, folded, [(0, len(folded))]) is not None
