"""Puts probe after probe to the model: garak makes the prompts, our scheduler asks, garak scores the replies.

Several probes are asked together, so that batches fill up; a probe that breaks takes no other with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from probes.garak.messages import Minted, MintOrder, Problem, Scored, ScoreOrder, sendable
from probes.garak.session import GarakCrashError
from scanner.conversation import Conversation, FinishReason, Reply, Sampling
from scanner.errors import CheckTimeoutError

# Enough to fill the batches of an accelerator; a time limit loses at most one round's scores.
PROMPTS_PER_ROUND: Final = 128
_OUT_OF_TIME: Final = "the time limit of the check passed before its replies were scored"

Ask = Callable[[Sequence[Conversation], Sampling], list[Reply]]


class Garak(Protocol):
    """What makes prompts and scores replies; `GarakSession` in earnest."""

    def mint(self, order: MintOrder) -> Minted:
        """The prompts of one probe."""

    def score(self, order: ScoreOrder) -> Scored:
        """What the detectors say about the replies."""


@dataclass(frozen=True)
class ProbeResult:
    """What came of one probe.

    Attributes:
        order: What was asked for.
        minted: Its prompts.
        replies: One per prompt; none when it came to no question.
        scored: What garak's detectors said.
        problem: Why it could not be carried through, None when it was.
    """

    order: MintOrder
    minted: Minted = field(default_factory=Minted)
    replies: tuple[Reply, ...] = ()
    scored: Scored = field(default_factory=Scored)
    problem: Problem | None = None


def put_probes(
    orders: Sequence[MintOrder],
    garak: Garak,
    ask: Ask,
    *,
    seed: int,
    advance: Callable[[int], None] = lambda prompts: None,
) -> Iterator[ProbeResult]:
    """One result per order, though not in order; those that time did not suffice for have a problem.

    Args:
        orders: The probes and how many prompts of each.
        garak: Makes prompts and scores replies.
        ask: Gets replies from the model.
        seed: Of replies that a probe wants drawn at a temperature.
        advance: Told how many prompts of the orders' caps are dealt with.
    """
    left = dict.fromkeys(orders)
    try:
        for result in _rounds(orders, garak, ask, seed):
            del left[result.order]
            advance(result.order.cap)
            yield result
    except CheckTimeoutError:
        yield from (_failed(order, _OUT_OF_TIME) for order in left)


def _rounds(orders: Sequence[MintOrder], garak: Garak, ask: Ask, seed: int) -> Iterator[ProbeResult]:
    waiting = deque(orders)
    while waiting:
        ready: list[ProbeResult] = []
        while waiting and sum(len(result.minted.prompts) for result in ready) < PROMPTS_PER_ROUND:
            result = _minted(garak, waiting.popleft())
            if result.problem is None:
                ready.append(result)
            else:
                yield result
        for result in _asked(ready, ask, seed):
            yield _scored(garak, result)


def _minted(garak: Garak, order: MintOrder) -> ProbeResult:
    try:
        minted = garak.mint(order)
    except GarakCrashError as error:
        return _failed(order, str(error))
    return ProbeResult(order, minted, problem=minted.problem)


def _asked(results: Sequence[ProbeResult], ask: Ask, seed: int) -> list[ProbeResult]:
    """The results with their replies; questions with equal sampling are asked at once, over all probes."""
    places: dict[Sampling, list[tuple[int, int]]] = {}
    for row, result in enumerate(results):
        for column, prompt in enumerate(result.minted.prompts):
            sampling = Sampling(prompt.max_tokens, prompt.temperature, seed if prompt.temperature else 0)
            places.setdefault(sampling, []).append((row, column))
    replies: dict[tuple[int, int], Reply] = {}
    for sampling, found in places.items():
        conversations = [results[row].minted.prompts[column].conversation for row, column in found]
        replies.update(zip(found, ask(conversations, sampling), strict=True))
    return [
        ProbeResult(
            result.order,
            result.minted,
            tuple(replies[row, column] for column in range(len(result.minted.prompts))),
        )
        for row, result in enumerate(results)
    ]


def _scored(garak: Garak, result: ProbeResult) -> ProbeResult:
    texts = tuple(_text(reply) for reply in result.replies)
    try:
        scored = garak.score(ScoreOrder(result.order, texts))
    except GarakCrashError as error:
        scored = Scored(problem=Problem(str(error), is_unavailable=False))
    return ProbeResult(result.order, result.minted, result.replies, scored, scored.problem)


def _text(reply: Reply) -> str | None:
    return None if reply.finish is FinishReason.ERROR else sendable(reply.text)


def _failed(order: MintOrder, reason: str) -> ProbeResult:
    return ProbeResult(order, problem=Problem(reason, is_unavailable=False))
