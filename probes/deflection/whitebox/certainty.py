"""How certain the model is of the first words of its replies: recited lines are known by heart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scanner.conversation import TokenScores

# Tokens of a reply that are looked at.
TOKENS: Final = 40
# A shorter reply says too little: its certainty is that of one or two words.
_FEWEST_TOKENS: Final = 8
# Enough for the tokens that count; the rest of a long reply need not be computed.
_HEAD_CHARACTERS: Final = {"en": 320, "zh": 110}


@dataclass(frozen=True)
class Certainty:
    """Means over the first tokens of one reply.

    Attributes:
        top: Probability of the likeliest token, 0..1.
        entropy: In nats; None where the engine gives none.
        is_own: Whether `top` is of the reply's own tokens, which are the likeliest of a greedy reply.
    """

    top: float
    entropy: float | None
    is_own: bool


def head_of(reply: str, language: str) -> str:
    """The beginning of a reply that holds all tokens that are looked at."""
    return reply[: _HEAD_CHARACTERS[language]]


def certainty_of(scores: TokenScores) -> Certainty | None:
    """The certainty of a scored reply, None when it could not be scored or is too short."""
    if scores.error or len(scores.logprobs) < _FEWEST_TOKENS:
        return None
    told = scores.top_logprobs or scores.logprobs
    return Certainty(
        _mean([math.exp(value) for value in told[:TOKENS]]),
        _mean(scores.entropies[:TOKENS]) if scores.entropies else None,
        is_own=not scores.top_logprobs,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
