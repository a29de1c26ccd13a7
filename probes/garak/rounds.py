"""Puts probe after probe to the model: garak makes the prompts, our scheduler asks, garak scores the replies.

Several probes are asked together, so that batches fill up; a probe that breaks takes no other with it. A
probe of several turns has its next prompts asked in the next round, beside those of other probes.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from probes.garak.messages import Minted, MintOrder, Problem, Prompt, ReplyOrder, Scored, sendable
from probes.garak.session import GarakCrashError
from scanner.conversation import Conversation, FinishReason, Reply, Sampling
from scanner.errors import BudgetSpentError, CheckTimeoutError

# Enough to fill the batches of an accelerator many times over, so that few of them are half empty; a time
# limit or a budget loses at most one round's scores.
PROMPTS_PER_ROUND: Final = 512
# A round of long documents is over sooner.
TOKENS_PER_ROUND: Final = 65_536
_CHARACTERS_PER_TOKEN: Final = 4
_OUT_OF_TIME: Final = "the time limit of the check passed before its replies were scored"

Ask = Callable[[Sequence[Conversation], Sampling], list[Reply]]


class Garak(Protocol):
    """What makes prompts and scores replies; `GarakSession` in earnest."""

    def mint(self, order: MintOrder) -> Minted:
        """The first prompts of one probe."""

    def reply(self, order: ReplyOrder) -> Minted | Scored:
        """Its next prompts, or at its end what the detectors say about the replies."""


@dataclass(frozen=True)
class ProbeResult:
    """What came of one probe.

    Attributes:
        order: What was asked for.
        minted: Its prompts, over all turns.
        replies: One per prompt; none when it came to no question.
        scored: What garak's detectors said.
        problem: Why it could not be carried through, None when it was.
        turns: How many prompts each turn had.
    """

    order: MintOrder
    minted: Minted = field(default_factory=Minted)
    replies: tuple[Reply, ...] = ()
    scored: Scored = field(default_factory=Scored)
    problem: Problem | None = None
    turns: tuple[int, ...] = ()

    @property
    def waiting(self) -> tuple[Prompt, ...]:
        """The prompts that the model has yet to answer."""
        return self.minted.prompts[len(self.replies) :]

    def with_prompts(self, minted: Minted) -> ProbeResult:
        """The same with the prompts of another turn, or with the problem that came in their place."""
        prompts = (*self.minted.prompts, *minted.prompts)
        return dataclasses.replace(
            self,
            minted=dataclasses.replace(minted, prompts=prompts),
            turns=(*self.turns, len(minted.prompts)),
            problem=minted.problem,
        )

    def reply_order(self) -> ReplyOrder:
        """The replies of all turns, as garak takes them."""
        texts = iter([_text(reply) for reply in self.replies])
        return ReplyOrder(self.order, tuple(tuple(next(texts) for _ in range(size)) for size in self.turns))


def put_probes(
    orders: Sequence[MintOrder],
    garak: Garak,
    ask: Ask,
    *,
    seed: int,
    advance: Callable[[int], None] = lambda prompts: None,
) -> Iterator[ProbeResult]:
    """One result per order, though not in order; those that time or budget ran out on have a problem.

    Args:
        orders: The probes and how many prompts of each, the most important first.
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
    except BudgetSpentError as error:
        problem = Problem(str(error), is_unavailable=True)
        yield from (ProbeResult(order, problem=problem) for order in left)


def _rounds(orders: Sequence[MintOrder], garak: Garak, ask: Ask, seed: int) -> Iterator[ProbeResult]:
    waiting = deque(orders)
    going_on: list[ProbeResult] = []
    while waiting or going_on:
        ready, going_on = going_on, []
        while waiting and not _is_full(ready):
            result = _minted(garak, waiting.popleft())
            if result.problem is None:
                ready.append(result)
            else:
                yield result
        for result in _asked_while_allowed(ready, ask, seed):
            said = _continued(garak, result)
            if said.waiting and said.problem is None:
                going_on.append(said)
            else:
                yield said


def _is_full(ready: Sequence[ProbeResult]) -> bool:
    prompts = [prompt for result in ready for prompt in result.waiting]
    return len(prompts) >= PROMPTS_PER_ROUND or sum(map(_tokens, prompts)) >= TOKENS_PER_ROUND


def _tokens(prompt: Prompt) -> int:
    """About how many tokens go through the model for one prompt."""
    characters = sum(len(message.content) for message in prompt.conversation.messages)
    return characters // _CHARACTERS_PER_TOKEN + prompt.max_tokens


def _minted(garak: Garak, order: MintOrder) -> ProbeResult:
    try:
        return ProbeResult(order).with_prompts(garak.mint(order))
    except GarakCrashError as error:
        return _failed(order, str(error))


def _asked_while_allowed(results: Sequence[ProbeResult], ask: Ask, seed: int) -> Iterator[ProbeResult]:
    """The results with their replies; where the budget ends among them, those that it sufficed for.

    Raises:
        BudgetSpentError: at the first result that it did not suffice for.
    """
    try:
        answered = _asked(results, ask, seed)
    except BudgetSpentError:
        # One by one: replies that were given before the budget was spent are in the journal, and free.
        for result in results:
            yield from _asked([result], ask, seed)
    else:
        yield from answered


def _asked(results: Sequence[ProbeResult], ask: Ask, seed: int) -> list[ProbeResult]:
    """The results with their replies; questions with equal sampling are asked at once, over all probes."""
    places: dict[Sampling, list[tuple[int, int]]] = {}
    for row, result in enumerate(results):
        for column, prompt in enumerate(result.waiting):
            sampling = Sampling(prompt.max_tokens, prompt.temperature, seed if prompt.temperature else 0)
            places.setdefault(sampling, []).append((row, column))
    replies: dict[tuple[int, int], Reply] = {}
    for sampling, found in places.items():
        conversations = [results[row].waiting[column].conversation for row, column in found]
        replies.update(zip(found, ask(conversations, sampling), strict=True))
    return [
        dataclasses.replace(
            result,
            replies=(*result.replies, *(replies[row, column] for column in range(len(result.waiting)))),
        )
        for row, result in enumerate(results)
    ]


def _continued(garak: Garak, result: ProbeResult) -> ProbeResult:
    try:
        said = garak.reply(result.reply_order())
    except GarakCrashError as error:
        said = Scored(problem=Problem(str(error), is_unavailable=False))
    if isinstance(said, Minted):
        return result.with_prompts(said)
    return dataclasses.replace(result, scored=said, problem=said.problem)


def _text(reply: Reply) -> str | None:
    return None if reply.finish is FinishReason.ERROR else sendable(reply.text)


def _failed(order: MintOrder, reason: str) -> ProbeResult:
    return ProbeResult(order, problem=Problem(reason, is_unavailable=False))
