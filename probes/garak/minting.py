"""Makes a probe's prompts and scores the replies, inside the garak process; imports garak as it goes.

A probe runs twice: first its way of asking is taken away and the attempts are kept; then it gets the
replies one by one, exactly as if it had asked. So its own hooks and post-processing all take place.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from probes.garak import surface
from probes.garak.messages import Minted, MintOrder, Prompt, Scored, sendable
from probes.garak.surface import GarakAttempt, GarakDetector, GarakMessage, GarakProbe
from scanner.conversation import Conversation, Message

_ROLES: Final = frozenset({"system", "user", "assistant"})


class UnsuitableProbeError(Exception):
    """The probe cannot be put to a model in this way at all."""


class AsksItselfError(Exception):
    """The probe asked the model on its own, outside the one funnel."""


class Target:
    """Stands where garak expects a model: hands out replies in order, and says nothing of its own.

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

    def __init__(self, reply_tokens: int, replies: Iterable[str | None] = ()) -> None:
        self.max_tokens = reply_tokens
        self.temperature = 0.0
        self._replies = list(replies)

    def generate(
        self, prompt: object, generations_this_call: int = 1, typecheck: bool = True
    ) -> list[GarakMessage | None]:
        """The next reply.

        Raises:
            AsksItselfError: when there is none, because nobody was told of this prompt.
        """
        if not self._replies:
            raise AsksItselfError("the probe asks the model by itself, turn by turn, with an attacking model")
        reply = self._replies.pop(0)
        return [None if reply is None else surface.message(reply)]

    def clear_history(self) -> None:
        """There is none."""


@dataclass(frozen=True)
class Batch:
    """A probe whose prompts are out; ready for the replies.

    Attributes:
        minted: What was handed out.
    """

    minted: Minted
    _order: MintOrder
    _probe: GarakProbe
    _attempts: Sequence[GarakAttempt]
    _execute_all: Callable[[list[GarakAttempt]], list[GarakAttempt]]

    def score(self, replies: Sequence[str | None]) -> Scored:
        """What the probe's detectors make of one reply per prompt."""
        target = Target(self._order.reply_tokens, replies)
        self._probe.generator = target  # type: ignore[attr-defined]
        finished = list(self._execute_all(list(self._attempts)))
        scores: dict[str, tuple[float | None, ...]] = {}
        silent: dict[str, str] = {}
        for name in _detector_names(self._probe):
            if _is_ruled_out(name, self._order):
                silent[name] = "it cannot load offline"
                continue
            try:
                detector = surface.load_detector(name)
                scores[name] = tuple(_one_score(detector, attempt) for attempt in finished)
            except Exception as error:  # noqa: BLE001 - third-party detectors: one may break, others judge
                silent[name] = sendable(f"{type(error).__name__}: {error}"[:500])
        return Scored(scores, silent)


def mint(order: MintOrder) -> Batch:
    """The prompts of one probe, the same ones for the same order whatever came before.

    Raises:
        UnsuitableProbeError: for probes without prompts, of other modalities, or of several turns.
        Exception: whatever the probe or its primary detector raises while it loads.
    """
    random.seed(f"{order.seed}:{order.probe}")
    probe = surface.load_probe(order.probe)
    _require_suitable(probe, order)
    surface.load_detector(probe.primary_detector or "")
    execute_all = probe._execute_all
    caught: list[GarakAttempt] = []

    def catch(attempts: list[GarakAttempt]) -> list[GarakAttempt]:
        caught.extend(attempts)
        return []

    probe._execute_all = catch
    probe.probe(Target(order.reply_tokens))
    if not caught:
        raise UnsuitableProbeError("the probe made no prompts; it may need a data file that is not installed")
    chosen = spread(caught, order.cap, random.Random(f"{order.seed}:{order.probe}:cap"))
    prompts = tuple(_prompt(probe, attempt, order) for attempt in chosen)
    minted = Minted(len(caught), prompts, probe.primary_detector or "")
    return Batch(minted, order, probe, chosen, execute_all)


def spread(attempts: Sequence[GarakAttempt], cap: int, draw: random.Random) -> list[GarakAttempt]:
    """At most `cap` attempts, one drawn from each of as many equal stretches, in their order.

    Probes list variations of one attack side by side: a plain sample may miss an attack altogether.
    """
    if len(attempts) <= cap:
        return list(attempts)
    edges = [index * len(attempts) // cap for index in range(cap + 1)]
    return [attempts[draw.randrange(low, high)] for low, high in zip(edges, edges[1:], strict=False)]


def _require_suitable(probe: GarakProbe, order: MintOrder) -> None:
    if surface.asks_turn_by_turn(probe):
        raise UnsuitableProbeError("the probe asks turn by turn, which this adapter does not do")
    if surface.detects_by_intent(probe):
        raise UnsuitableProbeError("the probe has no detector of its own; garak would choose one per intent")
    if set(probe.modality["in"]) != {"text"}:
        others = ", ".join(sorted(set(probe.modality["in"]) - {"text"}))
        raise UnsuitableProbeError(f"the probe needs a model that takes {others}")
    if not probe.primary_detector:
        raise UnsuitableProbeError("the probe names no detector")
    if _is_ruled_out(probe.primary_detector, order):
        raise UnsuitableProbeError(f"its detector {probe.primary_detector} cannot load offline")
    if hasattr(probe, "prompts") and not probe.prompts:
        raise UnsuitableProbeError("the probe has no prompts; it may need a data file that is not installed")


def _prompt(probe: GarakProbe, attempt: GarakAttempt, order: MintOrder) -> Prompt:
    """The attempt in our words, with the sampling that the probe asks for at this point."""
    target = Target(order.reply_tokens)
    # The hook of some probes looks at the generator it was given, of others at the probe's own.
    probe.generator = target  # type: ignore[attr-defined]
    probe._generator_precall_hook(target, attempt)
    wanted = max(0.0, float(target.temperature))
    turns = [Message(_role(turn.role), sendable(turn.content.text or "")) for turn in attempt.prompt.turns]
    return Prompt(
        seq=attempt.seq if attempt.seq is not None else -1,
        conversation=Conversation(tuple(turns)),
        max_tokens=min(int(target.max_tokens), order.reply_tokens),
        wanted_tokens=int(target.max_tokens),
        temperature=0.0 if order.is_greedy else wanted,
        wanted_temperature=wanted,
    )


def _role(role: str) -> str:
    if role not in _ROLES:
        raise UnsuitableProbeError(f"the probe speaks as '{role}'; system, user and assistant are known")
    return role


def _detector_names(probe: GarakProbe) -> list[str]:
    return list(dict.fromkeys([probe.primary_detector or "", *sorted(probe.extended_detectors)]))


def _is_ruled_out(detector: str, order: MintOrder) -> bool:
    return detector in order.without_detectors or detector.partition(".")[0] in order.without_detectors


def _one_score(detector: GarakDetector, attempt: GarakAttempt) -> float | None:
    """The score of the one output; a detector that returns another number of scores told nothing."""
    scores = list(detector.detect(attempt))
    return None if len(scores) != 1 or scores[0] is None else float(scores[0])
