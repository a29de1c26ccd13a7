"""differs-from-base: holds the weights and the chat template against those of the model they were made from.

What it looks for: for every tensor whether it is identical to the base's, rounded or quantised from it,
changed in few directions (as a merged adapter is), changed throughout, in another order, or unrelated; and
what the chat template has that the base's has not. Told as one sentence with counts, and as measurements.

Why it matters: who was made from whom decides which terms, which bans and whose safety training apply. A
declared base that has nothing in common with the weights is a false claim; a "quantisation" that changed the
weights beyond what quantisation does was trained, or tampered with; an edit of one layer is how single facts,
and backdoors, are put into a model.

How it can be wrong: changes are judged on a sample of rows, so that the kind of a change, not its being
there, can be mistaken. Below the error of a quantisation nothing can be seen. Heads that were trained anew
for another task are unrelated to the base's and honest. Packed integers (GPTQ, AWQ) and fused matrices are
not compared. Somebody who has the base can make weights that look like any relation to it.

What it needs: the weights of both. The base is what `--base` names, else a declared one that was fetched
earlier.

Source: Hu et al., LoRA, arXiv:2106.09685; Meng et al., ROME, arXiv:2202.05262; Marchenko and Pastur 1967;
docs/weights.md for what was measured; OWASP LLM03:2025, LLM04:2025; MITRE ATLAS AML.T0018.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Interval, Location, Measurement, Severity
from scanner.measures import MeasureSpec
from scanner.origins.reading import OriginReading, read_origins
from scanner.parts import PartlyReadError
from scanner.templates.against_base import (
    TemplateChange,
    adds_hidden_text,
    adds_text_on_terms,
    template_changes,
)
from scanner.weights.base import MODELS_SETTING, SNAPSHOT_SETTING, Base, find_base
from scanner.weights.comparison import Compared, Comparison, Kind
from scanner.weights.naming import named
from scanner.weights.wording import roles, summary

_TAGS: Final = ("OWASP-LLM03:2025", "OWASP-LLM04:2025", "AML.T0018")
# So much of the time may go into reading tensors to their end; the rest is for the others.
_WHOLE_SHARE: Final = 0.6
_MATRICES_LEAST: Final = 8
_FEW_SHARE: Final = 0.05
_FEW: Final = 2
_MEANT_AS_QUANTISED: Final = "quantized"
_MOST_LOCATIONS: Final = 10
_SENTENCES: Final = 5
_METHOD: Final = "bytes of all, numbers of a seeded sample of rows"


class DiffersFromBase(Check):
    """Compares a model with its base, tensor by tensor."""

    id = "differs-from-base"
    title = "The model differs from its base in a way that was not declared"
    severity = Severity.MEDIUM
    settings = (SNAPSHOT_SETTING, MODELS_SETTING)
    timeout_seconds = 600.0
    measures = (
        MeasureSpec("base.identical_share", "share", "Tensors that are identical to the base's"),
        MeasureSpec("base.changed_share", "share", "Tensors that changed beyond rounding and quantisation"),
        MeasureSpec("base.unrelated_share", "share", "Matrices that have nothing in common with the base's"),
        MeasureSpec("base.median_change", "share", "Change of the matrices that changed, of their norm"),
    )

    def run(self, context: CheckContext) -> Iterator[Finding | Measurement]:
        """Yields the relation to the base as measurements and findings, and the template's."""
        reading = read_origins(context.snapshot, context.check_deadline)
        if reading.adapter:
            yield self.not_run("an adapter holds no weights of its base", rule="nothing-to-compare")
            return
        base = find_base(context.settings, reading)
        try:
            yield from self._weights(context, base, reading)
        except PartlyReadError as error:
            reason = f"the weights were not read ({error})"
            yield self.not_run(reason, subject="weights", rule="not-fetched")
        except OSError as error:
            yield self.errored(f"a weight file cannot be read: {error}", subject="weights", rule="unreadable")
        yield from self._templates(context, base)

    def _weights(
        self, context: CheckContext, base: Base, reading: OriginReading
    ) -> Iterator[Finding | Measurement]:
        from scanner.weights.comparing import compare_models
        from scanner.weights.stored import stored_model

        old = stored_model(base.snapshot, context.check_deadline)
        new = stored_model(context.snapshot, context.check_deadline)
        for path, reason in (*old.unread, *new.unread):
            yield self.not_run(f"{path}: {reason}", subject=path, rule="not-told-apart")
        for path in new.other_copies:
            reason = (
                f"{path}: another copy of the weights; {new.paths[0] if new.paths else 'none'} was compared"
            )
            yield self.not_run(reason, subject=path, rule="other-copy")
        if not old.tensors or not new.tensors:
            lacking = "the model" if not new.tensors else f"the base {base.name}"
            reason = f"{lacking} has no weight files whose tensors can be told apart"
            yield self.not_run(reason, subject="weights", rule="nothing-to-compare")
            return
        began = time.monotonic()
        comparison = compare_models(
            old,
            new,
            seed=context.seed,
            whole_until=began + _WHOLE_SHARE * (context.deadline - began),
            between_tensors=context.check_deadline,
        )
        yield from self._measured(comparison)
        yield from self._judged(base, new.paths, comparison, _is_meant_as_quantised(reading))

    def _measured(self, comparison: Comparison) -> Iterator[Measurement]:
        tensors = [each for each in comparison.tensors if each.relation.kind is not Kind.NOT_COMPARED]
        matrices = _matrices(comparison)
        changed = comparison.of_kind(Kind.LOW_RANK, Kind.CHANGED, Kind.UNRELATED)
        for name, part, whole in (
            ("base.identical_share", comparison.of_kind(Kind.IDENTICAL), tensors),
            ("base.changed_share", changed, tensors),
            ("base.unrelated_share", _unrelated(comparison), matrices),
        ):
            if whole:
                yield self._share(name, len(part) / len(whole), len(whole))
        changes = [
            each.relation.relative_change
            for each in comparison.of_kind(Kind.LOW_RANK, Kind.CHANGED)
            if each.is_matrix
        ]
        if changes:
            low, high = min(changes), max(changes)
            middle = statistics.median(changes)
            yield self.measured(
                "base.median_change", middle, n=len(changes), interval=Interval(low, high),
                method=f"median over matrices, least and most as bounds; {_METHOD}",
            )  # fmt: skip

    def _share(self, name: str, value: float, n: int) -> Measurement:
        return self.measured(name, value, n=n, interval=Interval(value, value), method=_METHOD)

    def _judged(
        self, base: Base, paths: Sequence[str], comparison: Comparison, is_meant_as_quantised: bool
    ) -> Iterator[Finding]:
        told = f"against {base.name} ({base.found}), {summary(comparison)}"
        matrices, unrelated = _matrices(comparison), _unrelated(comparison)
        changed = [each for each in comparison.of_kind(Kind.LOW_RANK, Kind.CHANGED) if each.is_matrix]
        if not matrices:
            reason = f"no matrix has the same name and shape in {base.name}: {summary(comparison)}"
            yield self.not_run(reason, subject="weights", rule="nothing-to-compare")
        elif len(unrelated) * 2 > len(matrices):
            claim = "the declared base is not borne out" if base.is_declared else "they were not made from it"
            yield self._found("BASE-UNRELATED", f"the weights have nothing in common: {claim}; {told}")
        elif is_meant_as_quantised and (changed or unrelated):
            text = f"declared as quantised, and changed beyond what that does; {told}"
            yield self._found("BASE-BEYOND-QUANTISATION", text)
        elif unrelated:
            names = named([each.name for each in unrelated])
            text = f"{len(unrelated)} matrices were replaced ({names}); {told}"
            yield self._found("BASE-REPLACED", text, Severity.LOW)
        elif _are_few(changed, matrices, comparison):
            text = (
                f"only {len(changed)} of {len(matrices)} matrices changed ({roles(changed)}), as when single "
                f"facts are edited; {told}"
            )
            yield self._found("BASE-FEW-CHANGED", text, Severity.LOW)
        else:
            yield self.passed(told, rule="compared", locations=tuple(map(Location, paths[:_MOST_LOCATIONS])))

    def _found(self, rule: str, message: str, severity: Severity | None = None) -> Finding:
        return self.failed(
            message,
            severity=severity,
            confidence=Confidence.MEDIUM,
            rule=rule,
            subject="weights",
            remediation="Ask the publisher what was done to the weights, and question the model about it.",
            tags=_TAGS,
        )

    def _templates(self, context: CheckContext, base: Base) -> Iterator[Finding]:
        found = template_changes(context.snapshot, base.snapshot)
        for reason in found.unread:
            yield self.not_run(reason, subject="chat template", rule="template-unread")
        for change in found.changes:
            if change.sentences:
                yield self._template(base, change)
        same = [change for change in found.changes if not change.sentences]
        if same:
            yield self.passed(
                f"{len(same)} of {len(found.changes)} chat templates do what those of {base.name} do",
                rule="same-template",
                subject="chat template",
                locations=tuple(Location(each.template.path, detail=each.template.key) for each in same),
            )

    def _template(self, base: Base, change: TemplateChange) -> Finding:
        sentences = sorted(change.sentences, key=lambda each: (not adds_hidden_text(each), each))
        severity = Severity.INFO
        if any(map(adds_text_on_terms, sentences)):
            severity = Severity.MEDIUM if adds_hidden_text(sentences[0]) else Severity.LOW
        more = len(sentences) - _SENTENCES
        told = "; ".join(sentences[:_SENTENCES]) + (f"; and {more} more differences" if more > 0 else "")
        return self.failed(
            f"{change.template.path}: against the template of {base.name}, it {told}",
            severity=severity,
            confidence=Confidence.MEDIUM,
            rule="BASE-TEMPLATE",
            subject="chat template",
            locations=(Location(change.template.path, detail=change.template.key),),
            remediation="Read what was added, or use the template of the base.",
            tags=("OWASP-LLM01:2025", "OWASP-LLM03:2025", "AML.T0051.001"),
        )


def _matrices(comparison: Comparison) -> list[Compared]:
    left_out = (Kind.NOT_COMPARED, Kind.RESHAPED)
    return [each for each in comparison.tensors if each.is_matrix and each.relation.kind not in left_out]


def _unrelated(comparison: Comparison) -> list[Compared]:
    return [each for each in comparison.of_kind(Kind.UNRELATED) if each.is_matrix]


def _are_few(changed: list[Compared], matrices: list[Compared], comparison: Comparison) -> bool:
    """Whether so few matrices changed, and all others not at all, that somebody chose them."""
    if not changed or len(matrices) < _MATRICES_LEAST:
        return False
    are_others_same = len(changed) + len(comparison.of_kind(Kind.IDENTICAL)) == len(comparison.tensors)
    return are_others_same and len(changed) <= max(_FEW, _FEW_SHARE * len(matrices))


def _is_meant_as_quantised(reading: OriginReading) -> bool:
    """Whether the card calls the model a quantisation of its base."""
    return (
        reading.card is not None
        and reading.card.front_matter.get("base_model_relation") == _MEANT_AS_QUANTISED
    )


CHECK = DiffersFromBase()
