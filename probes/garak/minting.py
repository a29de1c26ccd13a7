"""Lets a probe make its prompts and scores the replies, inside the garak process; imports garak as it goes.

A probe runs once, as garak would run it, except that it waits for its replies: whatever it hands to
garak's own funnel, or asks the model directly, goes out as one turn. So hooks, post-processing and probes
that make up their next prompts from the replies all work as they do in garak.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Final

from probes.garak import surface
from probes.garak.handover import Asked, Handover
from probes.garak.messages import Minted, MintOrder, Prompt, Scored, sendable
from probes.garak.scoring import BY_INTENT, is_ruled_out, score_attempts
from probes.garak.surface import GarakAttempt, GarakMessage, GarakProbe, GarakPrompt
from scanner.conversation import Conversation, Message

_ROLES: Final = frozenset({"system", "user", "assistant"})

Replies = Sequence[str | None]
AskModel = Callable[[Minted], Replies]


class UnsuitableProbeError(Exception):
    """The probe cannot be put to a model in this way at all."""


class _EnoughError(Exception):
    """The probe has put as many prompts as it may; unwinds it."""


class Working:
    """A probe whose prompts are out; it goes on with the replies.

    Args:
        order: What to make. The same order makes the same prompts, whatever came before.
    """

    def __init__(self, order: MintOrder) -> None:
        self._order = order
        self._handover: Handover[Minted, Replies, Scored] = Handover(_Run(order).carry_out)
        self.turns_done = 0

    def begin(self) -> Minted:
        """The prompts of the first turn.

        Raises:
            UnsuitableProbeError: for probes without prompts, of other modalities, or without a detector.
            Exception: whatever the probe or its primary detector raises while it loads.
        """
        surface.seed(f"{self._order.seed}:{self._order.probe}")
        said = self._handover.go_on()
        if isinstance(said, Asked):
            return said.question
        raise UnsuitableProbeError("the probe made no prompts; it may need a data file that is not installed")

    def go_on(self, replies: Replies) -> Minted | Scored:
        """The prompts of the next turn, or the scores when there is none; raises what the probe raises."""
        self.turns_done += 1
        # Other probes have drawn in the meantime.
        surface.seed(f"{self._order.seed}:{self._order.probe}:{self.turns_done}")
        said = self._handover.go_on(replies)
        return said.question if isinstance(said, Asked) else said.result


class Target:
    """Stands where garak expects a model: hands out the replies that it has, and asks for the others.

    Attributes:
        name: What some jailbreak prompts call the model.
        max_tokens: Length limit, which a probe may change before one attempt.
        temperature: 0 is greedy; likewise.
    """

    name = "this assistant"
    fullname = "weighbridge"
    generator_family_name = "weighbridge"
    modality: Final = {"in": {"text"}, "out": {"text"}}
    parallel_capable = False
    supports_multiple_generations = True
    context_len = None

    def __init__(self, reply_tokens: int, ask: Callable[[GarakPrompt], str | None]) -> None:
        self.max_tokens = reply_tokens
        self.temperature = 0.0
        self.replies: list[str | None] = []
        self._ask = ask

    def generate(
        self, prompt: GarakPrompt, generations_this_call: int = 1, typecheck: bool = True
    ) -> list[GarakMessage | None]:
        """The next reply."""
        reply = self.replies.pop(0) if self.replies else self._ask(prompt)
        return [None if reply is None else surface.message(reply)]

    def clear_history(self) -> None:
        """There is none."""


class _Run:
    """One probe from loading to its scores, in the thread of its handover."""

    def __init__(self, order: MintOrder) -> None:
        self._order = order
        self._draw = random.Random(f"{order.seed}:{order.probe}:cap")
        self._available = 0
        self._left = order.cap
        self._finished: list[GarakAttempt] = []
        self._made: list[GarakAttempt] = []
        self._asks_by_itself = False

    def carry_out(self, ask: AskModel) -> Scored:
        self._ask = ask
        surface.warm_up(self._order.probe)
        surface.seed(f"{self._order.seed}:{self._order.probe}")
        self._probe = surface.load_probe(self._order.probe)
        _require_suitable(self._probe, self._order)
        self._primary = self._probe.primary_detector or BY_INTENT
        if self._primary != BY_INTENT:
            surface.load_detector(self._primary)
        # Loading a detector's model draws and seeds, and it is loaded only once.
        surface.seed(f"{self._order.seed}:{self._order.probe}:loaded")
        self._goes_on = surface.asks_turn_by_turn(self._probe)
        self._target = Target(self._order.reply_tokens, self._answer_to)
        self._execute_all, self._probe._execute_all = self._probe._execute_all, self._put
        self._mint_attempt, self._probe._mint_attempt = self._probe._mint_attempt, self._note
        with contextlib.suppress(_EnoughError):
            self._probe.probe(self._target)
        asked = self._order.cap - self._left
        if not asked:
            raise UnsuitableProbeError(
                "the probe made no prompts; it may need a data file that is not installed"
            )
        # Attempts of a probe that asks by itself are known to it alone, and lost when it is unwound.
        made = [attempt for attempt in self._made if attempt.outputs]
        finished = made if self._asks_by_itself else self._finished
        if len(finished) != asked:
            raise RuntimeError(f"garak handed back {len(finished)} attempts for {asked} prompts")
        return score_attempts(finished, self._primary, self._probe, self._order.without_detectors)

    def _note(self, *arguments: object, **named: object) -> GarakAttempt:
        """Stands in for garak's making of attempts: keeps each."""
        attempt = self._mint_attempt(*arguments, **named)
        self._made.append(attempt)
        return attempt

    def _put(self, attempts: list[GarakAttempt]) -> list[GarakAttempt]:
        """Stands in for garak's loop over attempts: asks them all at once, then lets that loop run."""
        self._available += len(attempts)
        if not attempts:
            return []
        self._require_more()
        # A probe of several turns would spend all its prompts on the first one.
        most = max(1, self._left // 2) if self._goes_on else self._left
        chosen = spread(attempts, most, self._draw)
        prompts = tuple(self._prompt(attempt) for attempt in chosen)
        self._left -= len(chosen)
        self._target.replies = list(self._ask(Minted(self._available, prompts, self._primary)))
        self._probe.generator = self._target  # type: ignore[attr-defined]
        finished = list(self._execute_all(chosen))
        self._finished += finished
        return finished

    def _answer_to(self, prompt: GarakPrompt) -> str | None:
        """The reply to a prompt that the probe puts to the model by itself."""
        self._require_more()
        self._asks_by_itself = True
        self._available += 1
        self._left -= 1
        limit, temperature = int(self._target.max_tokens), max(0.0, float(self._target.temperature))
        said = self._as_prompt(-1, prompt, limit, temperature)
        return self._ask(Minted(self._available, (said,), self._primary))[0]

    def _require_more(self) -> None:
        if not self._left:
            raise _EnoughError

    def _prompt(self, attempt: GarakAttempt) -> Prompt:
        """The attempt in our words, with the sampling that the probe asks for at this point."""
        # A target of its own: what the hook of one attempt changes must not leak into the next.
        target = Target(self._order.reply_tokens, self._answer_to)
        # The hook of some probes looks at the generator it was given, of others at the probe's own.
        self._probe.generator = target  # type: ignore[attr-defined]
        self._probe._generator_precall_hook(target, attempt)
        seq = attempt.seq if attempt.seq is not None else -1
        return self._as_prompt(
            seq, attempt.prompt, int(target.max_tokens), max(0.0, float(target.temperature))
        )

    def _as_prompt(self, seq: int, prompt: GarakPrompt, limit: int, temperature: float) -> Prompt:
        turns = [Message(_role(turn.role), sendable(turn.content.text or "")) for turn in prompt.turns]
        return Prompt(
            seq=seq,
            conversation=Conversation(tuple(turns)),
            max_tokens=min(limit, self._order.reply_tokens),
            wanted_tokens=limit,
            temperature=0.0 if self._order.is_greedy else temperature,
            wanted_temperature=temperature,
        )


def spread(attempts: Sequence[GarakAttempt], cap: int, draw: random.Random) -> list[GarakAttempt]:
    """At most `cap` attempts, one drawn from each of as many equal stretches, in their order.

    Probes list variations of one attack side by side: a plain sample may miss an attack altogether.
    """
    if len(attempts) <= cap:
        return list(attempts)
    edges = [index * len(attempts) // cap for index in range(cap + 1)]
    return [attempts[draw.randrange(low, high)] for low, high in zip(edges, edges[1:], strict=False)]


def _require_suitable(probe: GarakProbe, order: MintOrder) -> None:
    if set(probe.modality["in"]) != {"text"}:
        others = ", ".join(sorted(set(probe.modality["in"]) - {"text"}))
        raise UnsuitableProbeError(f"the probe needs a model that takes {others}")
    if not probe.primary_detector and not surface.detects_by_intent(probe):
        raise UnsuitableProbeError("the probe names no detector")
    if probe.primary_detector and is_ruled_out(probe.primary_detector, order.without_detectors):
        raise UnsuitableProbeError(f"its detector {probe.primary_detector} cannot load offline")
    if hasattr(probe, "prompts") and not probe.prompts:
        raise UnsuitableProbeError("the probe has no prompts; it may need a data file that is not installed")


def _role(role: str) -> str:
    if role not in _ROLES:
        raise UnsuitableProbeError(f"the probe speaks as '{role}'; system, user and assistant are known")
    return role
