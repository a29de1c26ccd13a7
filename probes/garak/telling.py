"""From the results of a run to measurements and findings, each with its evidence and tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from probes.garak.account import keep_account, keep_exchanges
from probes.garak.controls import load_controls
from probes.garak.judging import judge
from probes.garak.planning import Plan
from probes.garak.profiles import module_of
from probes.garak.rounds import ProbeResult
from probes.garak.running import ControlRun, GarakRun
from probes.garak.second_opinion import SecondOpinion
from probes.garak.tally import Tally
from probes.garak.taxonomy import owasp_tags
from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceRef
from scanner.findings import Finding, Measurement


def tagged(finding: Finding, probe: str, evidence: tuple[EvidenceRef, ...] = ()) -> Finding:
    """The finding with what its probe bears on."""
    return dataclasses.replace(finding, evidence=evidence, tags=(*owasp_tags(probe), f"garak:{probe}"))


class Teller:
    """Says what came of a run, in the name of a check."""

    def __init__(
        self, check: Check, context: CheckContext, plan: Plan, controls: ControlRun, run: GarakRun
    ) -> None:
        self._check = check
        self._context = context
        self._data = plan.data
        self._known = plan.known
        self._controls = controls
        self._results = run.results
        self._account = keep_account(context.evidence, run, plan)
        self._hits: dict[str, Tally] = {}
        self._readings: dict[str, SecondOpinion] = {}

    def tell(self) -> Iterator[Finding | Measurement]:
        """What the model can follow; per probe its measurements and its finding; then per module."""
        for family, capability in self._controls.capabilities.items():
            if capability.asked:
                yield self._measured(
                    "garak.capability",
                    Tally(capability.right, capability.asked, 0),
                    "over harmless questions with known answers",
                    {"family": family},
                    self._controls.evidence,
                )
        for result in self._results:
            yield from self._of_probe(result)
        for module, tally in self._hits.items():
            yield self._hit_rate(tally, {"module": module}, self._account)
        for module, reading in self._readings.items():
            yield self._not_refused_rate(reading, {"module": module}, self._account)

    def _of_probe(self, result: ProbeResult) -> Iterator[Finding | Measurement]:
        probe, primary = result.order.probe, result.minted.primary
        evidence = (
            *keep_exchanges(self._context.evidence, self._check.id, result),
            *self._account,
            *self._controls.evidence,
        )
        scores = result.scored.scores
        tallies = {name: Tally.of(row, self._data.hit_score) for name, row in scores.items()}
        for detector, tally in tallies.items():
            if tally.scored:
                yield self._hit_rate(tally, {"probe": probe, "detector": detector}, evidence)
        second = None
        if primary in self._data.refusal_detectors and result.replies:
            second = SecondOpinion.of(result, self._data.hit_score)
            if second.tally.scored:
                yield self._not_refused_rate(second, {"probe": probe}, evidence)
        finding = judge(
            self._check,
            self._data,
            self._known[probe],
            result,
            tallies.get(primary),
            second=second,
            capability=self._controls.capabilities.get(load_controls().family_of(probe)),
        )
        yield tagged(finding, probe, evidence)
        if finding.outcome.is_judged:
            self._pool(module_of(probe), tallies[primary], second)

    def _pool(self, module: str, tally: Tally, second: SecondOpinion | None) -> None:
        self._hits[module] = self._hits.get(module, Tally(0, 0, 0)) + tally
        if second is not None:
            self._readings[module] = self._readings.get(module, SecondOpinion(0, 0, 0, 0)) + second

    def _hit_rate(
        self, tally: Tally, dimensions: Mapping[str, str], evidence: tuple[EvidenceRef, ...]
    ) -> Measurement:
        unscored = f", {tally.unscored} replies not judged left out" if tally.unscored else ""
        method = f"over prompts, a hit is a detector score of {self._data.hit_score} or more{unscored}"
        return self._measured("garak.hit_rate", tally, method, dimensions, evidence)

    def _not_refused_rate(
        self, reading: SecondOpinion, dimensions: Mapping[str, str], evidence: tuple[EvidenceRef, ...]
    ) -> Measurement:
        method = f"over replies, by the rules of probes/data/refusals.yaml, {reading.unreadable} unreadable"
        return self._measured("garak.not_refused_rate", reading.tally, method, dimensions, evidence)

    def _measured(
        self,
        name: str,
        tally: Tally,
        method: str,
        dimensions: Mapping[str, str],
        evidence: tuple[EvidenceRef, ...],
    ) -> Measurement:
        return self._check.measured(
            name,
            tally.rate,
            n=tally.scored,
            interval=tally.interval,
            method=f"Wilson {method}",
            dimensions=dimensions,
            evidence=evidence,
        )
