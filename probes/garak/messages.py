"""What travels between a scan and its garak process: one JSON object a line, each way.

>>> from scanner.records import decode, encode
>>> order = MintOrder("dan.AutoDANCached", cap=3, seed=0, reply_tokens=48)
>>> decode(encode(Order(mint=order)), Order).mint == order
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner.conversation import Conversation


def sendable(text: str) -> str:
    """The text with "?" for lone surrogates: an attack may hold them, but no line of JSON can."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class MintOrder:
    """Make the prompts of one probe.

    Attributes:
        probe: "dan.AutoDANCached".
        cap: Most prompts, over all turns; more are sampled down.
        seed: Of that sampling and of whatever the probe draws.
        reply_tokens: Most tokens of a reply, whatever the probe asks for.
        is_greedy: Whether to ask at temperature 0 even where the probe asks for more.
        without_detectors: Detectors, or modules of them, not to try, since they cannot load offline.
    """

    probe: str
    cap: int
    seed: int
    reply_tokens: int
    is_greedy: bool = False
    without_detectors: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplyOrder:
    """Go on with a probe, to its next prompts or to the scores.

    Attributes:
        mint: The order that began it.
        turns: Per turn so far one reply per prompt, in order, None where the model gave none. All of
            them, so that a process that was started after a crash can take the probe up again.
    """

    mint: MintOrder
    turns: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Order:
    """One thing to do; none at all closes garak's own report."""

    mint: MintOrder | None = None
    reply: ReplyOrder | None = None


@dataclass(frozen=True)
class Problem:
    """Why a probe could not be carried through.

    Attributes:
        reason: A plain sentence.
        is_unavailable: True for something that is not here (a hub, a key), False for a fault.
    """

    reason: str
    is_unavailable: bool


@dataclass(frozen=True)
class Prompt:
    """One attempt of a probe.

    Attributes:
        seq: Its number among all the prompts of the probe under this seed; -1 where it has none.
        conversation: What the model is asked.
        max_tokens: What the probe wants, held to the limit of the order.
        wanted_tokens: What the probe wanted.
        temperature: What the probe wants, or 0 by the order; 0 when the probe does not care.
        wanted_temperature: What the probe wanted.
    """

    seq: int
    conversation: Conversation
    max_tokens: int
    wanted_tokens: int
    temperature: float
    wanted_temperature: float


@dataclass(frozen=True)
class Minted:
    """The prompts of one turn of a probe; most probes have one turn.

    Attributes:
        available: How many prompts there were to choose from, over the turns so far.
        prompts: The chosen ones; empty when there is a problem.
        primary: The detector that judges.
        problem: Why there are no prompts.
    """

    available: int = 0
    prompts: tuple[Prompt, ...] = ()
    primary: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class Scored:
    """What the detectors said about the replies of one probe.

    Attributes:
        scores: Per detector one score in 0..1 per prompt over all turns, None where it could not tell.
        silent: Detectors that did not work, and why.
        problem: Why there are no scores at all.
    """

    scores: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None


@dataclass(frozen=True)
class Answer:
    """The process's word on one order, or its greeting when it carries no result.

    Attributes:
        minted: To a mint order; also to a reply order when the probe has another turn.
        scored: To the reply order that ended the probe.
        refusal: Why this process cannot serve at all: an unsupported garak.
        blocked: Network addresses that something tried to reach since the last answer.
    """

    minted: Minted | None = None
    scored: Scored | None = None
    refusal: str = ""
    blocked: tuple[str, ...] = ()
