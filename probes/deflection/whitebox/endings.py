"""How likely the model holds a factual ending of a sentence against a scripted one, in a chat and without.

Both endings follow the same stem and are about equally long. What is compared is the log-probability per
token, so that the rest of the difference in length does not decide. What the chat template adds to the margin
does not depend on how well the two endings happen to be worded: both margins are of the same texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.deflection.whitebox.matched import Place
from scanner.conversation import Conversation, TokenScores

CHAT: Final = "chat template"
PLAIN: Final = "no template"
_JOINT: Final = {"en": " ", "zh": ""}


@dataclass(frozen=True)
class Margins:
    """One side of one item: log-probability a token of the factual ending minus that of the scripted one.

    Attributes:
        place: The question.
        by_template: In nats per token, by CHAT and PLAIN; a way that could not be scored has no entry.
    """

    place: Place
    by_template: Mapping[str, float]

    @property
    def shift(self) -> float | None:
        """What the template adds to the margin, None where one of the two is missing."""
        both = self.by_template
        return both[CHAT] - both[PLAIN] if CHAT in both and PLAIN in both else None


def texts_to_score(place: Place, templates: Sequence[str]) -> list[tuple[Conversation, str]]:
    """The factual and the scripted ending after the stem, for each template in order.

    An item without a cloze gives none.
    """
    if place.question.cloze is None:
        return []
    cloze = place.question.cloze.in_language(place.language)
    asked = place.prompt.conversation.messages[-1].content
    before = {CHAT: Conversation.begun(asked, cloze.stem), PLAIN: Conversation.of_text(cloze.stem)}
    joint = _JOINT[place.language]
    return [
        (before[template], joint + ending)
        for template in templates
        for ending in (cloze.factual, cloze.scripted)
    ]


def margins_of(place: Place, templates: Sequence[str], scores: Sequence[TokenScores]) -> Margins:
    """The margins from the scores of `texts_to_score`, in the same order."""
    found: dict[str, float] = {}
    for template, factual, scripted in zip(templates, scores[::2], scores[1::2], strict=True):
        if not factual.error and not scripted.error:
            found[template] = _per_token(factual) - _per_token(scripted)
    return Margins(place, found)


def _per_token(scores: TokenScores) -> float:
    return math.fsum(scores.logprobs) / len(scores.logprobs)
