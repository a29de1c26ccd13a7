"""training-compute: estimates the compute that went into training, and holds it against the AI Act's figures.

What it looks for: training compute = 6 * N * D, with N the parameters that work on one token (counted from
tensor shapes; for mixtures of experts total - routed * (1 - used/experts)) and D the training tokens, from
the card's own words and a table of known families. The result is a range: its low end leaves out an input
embedding that is only looked up, its high end adds attention scores (6 * layers * width * tokens of context,
at most 8192 of them) and the sum of all token figures that were stated.

Why it matters: above an indicative 1e23 FLOP a model that generates language, images or video counts as
general-purpose, and Chapter V binds its provider; above 1e25 systemic risk is presumed. It tells the
adopter which documentation must exist upstream, and how far a modification of its own is from one third.

How it can be wrong: it is an estimate, never a verdict. Post-training, synthetic data, distillation and
restarts are not in D unless stated; a figure on the card may be another model's (false positive) or only
the last training step's (false negative), which is why nothing passes on it when a base model of unknown
training is declared. Families are matched by name, and names are claims. Whether the model is general
and generative is not judged here.

What it needs: weight file heads, config.json, README.md; no network. Data: scanner/data/training_tokens.csv.

Source: Regulation (EU) 2024/1689, Art. 51(2); Commission GPAI Guidelines C(2025) 7719 (1e23, cumulative
compute, one third); Kaplan et al., arXiv 2001.08361 (6ND); Hoffmann et al., arXiv 2203.15556.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scanner.check import Check, CheckContext, MeasureSpec
from scanner.errors import NotAvailableError
from scanner.evidence import EvidenceRef
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.manifest import Snapshot
from scanner.model_files import (
    GgufError,
    GgufHeader,
    ModelCard,
    ModelFileError,
    gguf_header_of,
    model_card,
    read_config,
)
from scanner.origins.architecture import ModelSize, model_size
from scanner.origins.lineage import declared_bases, header_bases, names_of
from scanner.origins.training_tokens import FamilyMatch, StatedTokens, stated_tokens, token_table
from scanner.records import encode_pretty

INDICATIVE_FLOP: Final = 1e23  # GPAI Guidelines, section 2.1
SYSTEMIC_FLOP: Final = 1e25  # Art. 51(2)
# Most pre-training is done on sequences of 4096 or 8192 tokens; longer ones are a small last part.
_TRAINING_CONTEXT: Final = 8192


@dataclass(frozen=True)
class _Tokens:
    """D: its best value, its range, where it comes from, and whether a base's share may be missing."""

    value: float
    low: float
    high: float
    source: str
    places: tuple[Location, ...]
    is_partial: bool


@dataclass(frozen=True)
class _Sources:
    """The files that N and D are read from; parts that could not be read are None, with the reason."""

    config: dict[str, object]
    header: GgufHeader | None
    card: ModelCard | None
    faults: tuple[str, ...]


class TrainingCompute(Check):
    """Estimates training compute as 6ND with a range."""

    id = "training-compute"
    title = "The estimated training compute reaches a figure of the AI Act"
    severity = Severity.LOW
    measures = (MeasureSpec("compute.training_flop", "FLOP", "Estimated training compute, 6ND with a range"),)

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields what could not be read, then one measurement and one finding, or why there is none."""
        sources = _read(context.snapshot)
        for fault in sources.faults:
            yield self.errored(fault, subject=fault.partition(":")[0])
        size = model_size(context.snapshot, sources.config, sources.header)
        tokens = _training_tokens(context.snapshot, sources)
        if tokens is None:
            raise NotAvailableError(
                "the number of training tokens is neither stated in a model card nor known for a family of "
                f"this name. {_crossing(size)}"
            )
        value = 6.0 * size.active * tokens.value
        low = min(value, 6.0 * size.active_low * tokens.low)
        attention = size.attention * min(size.context, _TRAINING_CONTEXT)
        high = 6.0 * (size.active + attention) * tokens.high
        kept = (_keep(context, size, tokens, (low, value, high)),)
        if not tokens.is_partial:  # a part has no upper end, and policies read the upper end
            yield self.measured(
                "compute.training_flop",
                value,
                n=1,
                interval=Interval(low, high),
                method=f"6 * N * D, N = {size.active:.4g} active of {size.total:.4g} parameters "
                f"({size.source}), "
                f"D = {tokens.value:.3g} tokens ({tokens.source}); low end without looked-up embeddings, "
                f"high end with attention scores over {min(size.context, _TRAINING_CONTEXT)} tokens",
                evidence=kept,
            )
        yield self._conclusion(low, value, high, size, tokens, kept)

    def _conclusion(
        self,
        low: float,
        value: float,
        high: float,
        size: ModelSize,
        tokens: _Tokens,
        kept: tuple[EvidenceRef, ...],
    ) -> Finding:
        estimate = (
            f"estimated training compute {value:.2g} FLOP, range {low:.2g} to {high:.2g} "
            f"({size.active:.3g} active parameters, {tokens.value:.3g} tokens; {tokens.source})"
        )
        if high >= SYSTEMIC_FLOP:
            return self.failed(
                f"{estimate}: {_reach(low, value, SYSTEMIC_FLOP)} 1e25 FLOP, "
                "above which systemic risk is presumed (Art. 51(2))",
                severity=Severity.HIGH,
                confidence=_sureness(low, SYSTEMIC_FLOP),
                rule="compute",
                locations=tokens.places,
                evidence=kept,
                remediation="Ask the provider for its own figure, its notification and its Art. 55 measures.",
            )
        if high >= INDICATIVE_FLOP:
            return self.failed(
                f"{estimate}: {_reach(low, value, INDICATIVE_FLOP)} the indicative figure of 1e23 FLOP for "
                "general-purpose models; Chapter V duties of the provider may apply if it generates "
                "language, images or video",
                severity=Severity.LOW if value >= INDICATIVE_FLOP else Severity.INFO,
                confidence=_sureness(low, INDICATIVE_FLOP),
                rule="compute",
                locations=tokens.places,
                evidence=kept,
                remediation="Ask the provider for the Annex XII information, or record why none is owed.",
            )
        if tokens.is_partial:
            return self.not_run(
                f"{estimate}, but a base model is declared whose own training tokens are not known: compute "
                f"counts cumulatively, so this may be only a part. {_crossing(size)}",
                rule="compute",
            )
        return self.passed(
            f"{estimate}: below the indicative figure of 1e23 FLOP for general-purpose models",
            rule="compute",
            locations=tokens.places,
            evidence=kept,
        )


def _read(snapshot: Snapshot) -> _Sources:
    config: dict[str, object] = {}
    header, card, faults = None, None, []
    try:
        config = read_config(snapshot) or {}
    except ModelFileError as error:
        faults.append(str(error))
    entry = next(snapshot.with_suffix(".gguf"), None)
    try:
        header = gguf_header_of(snapshot, entry) if entry else None
    except (GgufError, OSError) as error:
        faults.append(f"{entry.path if entry else ''}: {error}")
    try:
        card = model_card(snapshot)
    except ModelFileError as error:
        faults.append(str(error))
    return _Sources(config, header, card, tuple(faults))


def _training_tokens(snapshot: Snapshot, sources: _Sources) -> _Tokens | None:
    """D from every figure that is at hand; the largest one counts, since compute is cumulative."""
    card, header = sources.card, sources.header
    stated = stated_tokens(card.text) if card else []
    bases = (declared_bases(card) if card else ()) + (header_bases(header) if header else ())
    match = token_table().find((*names_of(snapshot, sources.config, header), *bases))
    if match is None and not stated:
        return None
    known = [match.row] if match else []
    values = [item.tokens for item in stated] + [row.tokens for row in known]
    lows = [item.low for item in stated] + [row.tokens_low for row in known]
    highs = [item.high for item in stated] + [row.tokens_high for row in known]
    return _Tokens(
        value=max(values),
        low=min(lows),
        high=max(*highs, _sum_of_distinct(values)),
        source="; ".join(_sources_of_tokens(match, stated)),
        places=tuple(Location(card.path, item.line) for item in stated[:1]) if card else (),
        is_partial=bool(bases) and match is None,
    )


def _sources_of_tokens(match: FamilyMatch | None, stated: list[StatedTokens]) -> Iterator[str]:
    if match:
        row = match.row
        yield f"family {row.family} by the name '{match.name}', a claim: {row.source}, checked {row.checked}"
    for item in stated[:3]:
        yield f'card line {item.line}: "{item.sentence}"'


def _sum_of_distinct(values: list[float]) -> float:
    """The sum of the figures, those within a tenth of each other taken for the same one rounded."""
    total, last = 0.0, 0.0
    for value in sorted(values):
        if value > 1.1 * last:
            total, last = total + value, value
    return total


def _keep(
    context: CheckContext, size: ModelSize, tokens: _Tokens, flop: tuple[float, float, float]
) -> EvidenceRef:
    inputs = {
        "parameters": size,
        "tokens": tokens,
        "flop": dict(zip(("low", "value", "high"), flop, strict=True)),
    }
    return context.evidence.put(encode_pretty(inputs), "application/json", "inputs of the compute estimate")


def _crossing(size: ModelSize) -> str:
    """How many tokens would reach the two figures."""
    first, second = (figure / (6.0 * size.active) for figure in (INDICATIVE_FLOP, SYSTEMIC_FLOP))
    return (
        f"With {size.active:.3g} active parameters ({size.source}) 1e23 FLOP is reached at {first:.2g} "
        f"tokens and 1e25 at {second:.2g}; the provider can say how many there were"
    )


def _reach(low: float, value: float, figure: float) -> str:
    if low >= figure:
        return "the whole range is above"
    return "the estimate is above" if value >= figure else "the upper end of the range reaches"


def _sureness(low: float, figure: float) -> Confidence:
    return Confidence.MEDIUM if low >= figure else Confidence.LOW


CHECK = TrainingCompute()
