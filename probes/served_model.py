"""Compares a served model with the scanned weights: by log-probabilities, or by the replies it gives.

>>> first = TokenScores((), (-1.0, -2.0))
>>> token_gap(first, TokenScores((), (-1.5, -2.1)))
0.3
>>> shortfall(TokenScores((), (-9.0, -1.0, -2.0, -1.0, -1.0), (-0.1, -1.0, -1.6, -1.0, -1.0)))
0.1
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from scanner.conversation import Conversation, TokenScores
from scanner.errors import ScanError
from scanner.findings import Interval

METHOD: Final = "median over texts; bootstrap of the median (percentile, text is the unit)"
_RESAMPLES: Final = 2000
_DIGITS: Final = 6
# Fewer tokens say little about a reply.
_FEWEST_TOKENS: Final = 4


@dataclass(frozen=True)
class NeutralText:
    """A sentence, or a question with room for an answer."""

    language: str
    text: str


@dataclass(frozen=True)
class NeutralTexts:
    """What `probes/data/served_model.yaml` holds.

    Attributes:
        ask: Per language the question that every text answers.
        texts: Sentences whose likelihood is compared.
        questions: Asked where a server gives no log-probabilities.
    """

    source: str
    licence: str
    retrieved: object
    ask: Mapping[str, str]
    texts: tuple[NeutralText, ...]
    questions: tuple[NeutralText, ...]

    def pairs(self) -> list[tuple[Conversation, str]]:
        """Every text with the conversation that it answers."""
        return [(Conversation.of(self.ask[each.language]), each.text) for each in self.texts]


def load_texts() -> NeutralTexts:
    """The texts of `probes/data/served_model.yaml`.

    Raises:
        ScanError: when the file is broken, or a language has no question to answer.
    """
    file = importlib.resources.files("probes").joinpath("data/served_model.yaml")
    try:
        found = msgspec.yaml.decode(file.read_text(encoding="utf-8"), type=NeutralTexts, strict=True)
    except msgspec.DecodeError as error:
        raise ScanError(f"served_model.yaml: {error}") from error
    unasked = {each.language for each in found.texts} - found.ask.keys()
    if unasked:
        raise ScanError(f"served_model.yaml, ask: no question in {', '.join(sorted(unasked))}")
    return found


def token_gap(first: TokenScores, second: TokenScores) -> float | None:
    """Mean difference in nats between two models' log-probabilities of one text's tokens.

    Where the two cut the text into different numbers of tokens, their sums are compared. None where
    either has no log-probabilities.
    """
    one, other = first.logprobs, second.logprobs
    if first.error or second.error or not one or not other:
        return None
    if len(one) == len(other):
        total = sum(abs(a - b) for a, b in zip(one, other, strict=True))
    else:
        total = abs(sum(one) - sum(other))
    return round(total / max(len(one), len(other)), _DIGITS)


def cuts_alike(first: TokenScores, second: TokenScores) -> bool | None:
    """Whether two models cut one text into as many tokens; None where either has no log-probabilities."""
    if first.error or second.error or not first.logprobs or not second.logprobs:
        return None
    return len(first.logprobs) == len(second.logprobs)


def shortfall(scores: TokenScores) -> float | None:
    """By how many nats a text's tokens are less likely than the likeliest at their places, on average.

    Greedy replies have none under the weights that gave them. The first token is left out: servers trim
    the space before it. None for texts of a few tokens.
    """
    places = list(zip(scores.logprobs, scores.top_logprobs, strict=False))[1:]
    if scores.error or len(places) < _FEWEST_TOKENS:
        return None
    return round(sum(top - own for own, top in places) / len(places), _DIGITS)


def typical(values: Sequence[float], seed: int) -> tuple[float, Interval]:
    """The median of values per text, and its 95% interval.

    Args:
        values: At least one.
        seed: Of the resampling.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; scipy.stats.bootstrap.
    """
    import numpy as np
    from scipy.stats import bootstrap

    middle = float(np.median(values))
    if len(set(values)) < 2:
        return middle, Interval(middle, middle, 0.95)
    found = bootstrap(
        (np.asarray(values),), np.median, n_resamples=_RESAMPLES, confidence_level=0.95,
        method="percentile", random_state=np.random.default_rng(seed),
    )  # fmt: skip
    return middle, Interval(float(found.confidence_interval.low), float(found.confidence_interval.high), 0.95)
