"""Puts a plan to the model: the control questions, then the probes, with garak in its own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from probes.garak.controls import Capability, Family, conversations, judge_controls, load_controls
from probes.garak.planning import Plan
from probes.garak.rounds import ProbeResult, put_probes
from probes.garak.session import GarakSession, SessionLog
from scanner.check import CheckContext
from scanner.conversation import Conversation, Reply, Sampling
from scanner.evidence import EvidenceRef
from scanner.transcripts import keep_transcript


@dataclass(frozen=True)
class ControlRun:
    """What the model can follow, by family of attacks.

    Attributes:
        capabilities: By family.
        evidence: The transcript; none when no probe asked for has a family.
    """

    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    evidence: tuple[EvidenceRef, ...] = ()


@dataclass(frozen=True)
class GarakRun:
    """What came of the probes.

    Attributes:
        results: In the order of the selection.
        log: What garak did on its own account.
        report: The report that garak writes itself.
    """

    results: tuple[ProbeResult, ...]
    log: SessionLog
    report: bytes


def ask_controls(context: CheckContext, purpose: str, families: Mapping[str, Family]) -> ControlRun:
    """Asks the harmless questions of these families.

    Raises:
        BudgetSpentError: when no more may be asked.
        CheckTimeoutError: when the time is up.
    """
    if not families:
        return ControlRun()
    sampling = Sampling(load_controls().reply_tokens)
    replies = context.ask(conversations(families), sampling, purpose=purpose)
    capabilities, exchanges = judge_controls(families, replies)
    transcript = keep_transcript(context.evidence, f"{purpose}, control questions", exchanges)
    return ControlRun(capabilities, (transcript,))


def put_plan(context: CheckContext, purpose: str, plan: Plan) -> GarakRun:
    """Puts every probe of the plan; what breaks one of them is part of its result.

    Raises:
        UnsupportedGarakError: when the process finds that garak is not the supported one.
    """

    def ask(asked: Sequence[Conversation], sampling: Sampling) -> list[Reply]:
        return context.ask(asked, sampling, purpose=purpose)

    total = sum(order.cap for order in plan.orders)
    with (
        context.progress.task("garak", total, "prompts") as task,
        GarakSession(deadline=context.deadline, models=plan.models.settings) as session,
    ):
        found = put_probes(plan.orders, session, ask, seed=context.seed, advance=task.advance)
        by_probe = {result.order.probe: result for result in found}
        report = session.report()
        results = tuple(by_probe[probe] for probe in plan.selection.caps if probe in by_probe)
        return GarakRun(results, session.log(), report)
