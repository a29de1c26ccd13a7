"""Prompts of garak for the benchmarks: real ones, minted as a scan mints them, the same on every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probes.garak.messages import MintOrder
from probes.garak.profiles import load_profiles
from probes.garak.session import GarakSession
from scanner.check import Profile
from scanner.conversation import Conversation

# Of each probe until there are enough: more than the smallest probes have.
_MOST_PER_PROBE = 64


@dataclass(frozen=True)
class BenchmarkPrompt:
    """One prompt: of which probe, and what is asked."""

    probe: str
    conversation: Conversation


def mixed_prompts(count: int, profile: Profile = Profile.QUICK) -> list[BenchmarkPrompt]:
    """`count` different prompts of a profile's probes, taken in turn until there are enough."""
    data = load_profiles()
    by_probe: dict[str, Sequence[Conversation]] = {}
    with GarakSession() as session:
        for probe in data.requested(profile):
            order = MintOrder(probe, _MOST_PER_PROBE, 0, 64, True, data.unavailable_detectors)
            by_probe[probe] = [prompt.conversation for prompt in session.mint(order).prompts]
    return _in_turn(by_probe, count)


def _in_turn(by_probe: Mapping[str, Sequence[Conversation]], count: int) -> list[BenchmarkPrompt]:
    taken: dict[Conversation, BenchmarkPrompt] = {}
    for number in range(_MOST_PER_PROBE):
        for probe, conversations in by_probe.items():
            if number < len(conversations) and len(taken) < count:
                taken.setdefault(conversations[number], BenchmarkPrompt(probe, conversations[number]))
    return list(taken.values())
