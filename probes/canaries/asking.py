"""Puts a file of canaries to the model: attempts, controls, and the ranks of secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes.canaries.exposure import rank_of
from probes.canaries.recall import (
    CONTROLS,
    QUICK_WAYS,
    SAMPLED,
    SAMPLES,
    TEMPERATURE,
    WAYS,
    Attempt,
    attempts_for,
    copies,
    decoys,
    drawn_attempts,
    is_copied,
    recited_in,
)
from probes.canaries.records import Canary
from scanner.check import CheckContext, Cost, Needs, Profile
from scanner.conversation import Conversation, FinishReason, Reply, Sampling
from scanner.errors import NotAvailableError

# Random secrets that each planted one is ranked among.
CANDIDATES: Final = {Profile.QUICK: 16, Profile.STANDARD: 64, Profile.DEEP: 256}
_EXTRA_TOKENS: Final = 32
_MOST_TOKENS: Final = 160
# Characters of the longest secret that `weighbridge canaries make` draws.
_USUAL_SECRET: Final = 25


@dataclass(frozen=True)
class Asked:
    """Every attempt with its reply, and the control.

    Attributes:
        attempts: What was asked.
        replies: In the same order.
        copied: For each canary whether a decoy that stood in front of the model was said again.
        decoys_said: Decoys that came back although nobody planted or showed them.
    """

    attempts: Sequence[Attempt]
    replies: Sequence[Reply]
    copied: Sequence[bool]
    decoys_said: int

    def ways_by_canary(self, canaries: Sequence[Canary]) -> dict[str, list[str]]:
        """The ways in which each canary's secret came back, by its id; no entry for the others."""
        found: dict[str, list[str]] = {}
        for attempt, reply in zip(self.attempts, self.replies, strict=True):
            for canary in recited_in(reply.text, canaries):
                ways = found.setdefault(canary.id, [])
                if attempt.way not in ways:
                    ways.append(attempt.way)
        return found

    def own_by_way(self) -> dict[str, dict[str, bool]]:
        """For each way and canary whether its secret came back to an attempt of its own; replies only."""
        found: dict[str, dict[str, bool]] = {}
        for attempt, reply, is_answered in zip(self.attempts, self.replies, self.answered, strict=True):
            if is_answered:
                of_way = found.setdefault(attempt.way, {})
                came = attempt.canary.expression.search(reply.text) is not None
                of_way[attempt.canary.id] = of_way.get(attempt.canary.id, False) or came
        return found

    @property
    def answered(self) -> list[bool]:
        """For each attempt whether there is a reply."""
        return [reply.finish is not FinishReason.ERROR for reply in self.replies]


def ask_for(context: CheckContext, canaries: Sequence[Canary], *, purpose: str) -> Asked:
    """Every attempt that the profile makes, and the control."""
    longest = max(len(canary.secret) for canary in canaries)
    tokens = min(_MOST_TOKENS, longest + _EXTRA_TOKENS)
    attempts, greedy = attempts_for(canaries, context.profile), Sampling(max_tokens=tokens)
    replies = context.ask([each.conversation for each in attempts], greedy, purpose=purpose)
    for sample in range(SAMPLES[context.profile]):
        drawn = drawn_attempts(canaries, sample)
        sampling = Sampling(tokens, TEMPERATURE, seed=context.seed + sample)
        attempts += drawn
        replies += context.ask([each.conversation for each in drawn], sampling, purpose=purpose)
    strange = [decoys(canary, CANDIDATES[context.profile], context.seed) for canary in canaries]
    controls = [copies(canary, of[0]) for canary, of in zip(canaries, strange, strict=True)]
    again = iter(context.ask([each for pair in controls for each in pair], greedy, purpose=purpose))
    copied = [
        is_copied(of[0], [next(again) for _ in pair]) for of, pair in zip(strange, controls, strict=True)
    ]
    said = "\n".join(reply.text for reply in replies)
    return Asked(attempts, replies, copied, sum(decoy in said for of in strange for decoy in of))


def cost_of(canaries: int, profile: Profile) -> Cost:
    """What so many canaries of ours ask of the model."""
    ways = len(QUICK_WAYS if profile is Profile.QUICK else WAYS) + SAMPLES[profile] * len(SAMPLED)
    questions = canaries * (ways + CONTROLS)
    return Cost(questions, questions * (_EXTRA_TOKENS + _USUAL_SECRET))


def rank_secrets(
    context: CheckContext, canaries: Sequence[Canary], *, purpose: str
) -> list[int | None] | str:
    """The rank of each secret among random ones, None where it could not be scored; or why there are none."""
    if Needs.LOGPROBS.value not in context.require_questioner().engine.capabilities:
        return "this engine gives no log-probabilities; another --backend, such as transformers, does"
    found: list[int | None] = []
    for canary in canaries:
        prefix = canary.prefix.rstrip()
        before = Conversation.begun(canary.prompt, prefix) if canary.prompt else Conversation.of_text(prefix)
        secrets = [canary.secret, *decoys(canary, CANDIDATES[context.profile], context.seed)]
        try:
            scores = context.score([(before, f" {secret}") for secret in secrets], purpose=purpose)
        except NotAvailableError as error:
            return str(error)
        found.append(rank_of(scores))
    return found
