"""Holds measurements against the thresholds of the policy file: the interval decides, not the value alone.

A value within its limit whose interval reaches beyond it does not show that the model keeps the limit, and
one beyond it whose interval reaches back does not show that the model breaks it: a person decides then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.assessment import VerdictReason, VerdictValue
from policies.requirements import Threshold
from policies.scope import Scope
from policies.statuses import capitalised
from scanner.findings import Measurement
from scanner.scan import Scan

RULE: Final = "threshold"


def beyond_limits(scan: Scan, thresholds: Mapping[str, Threshold], scope: Scope) -> Iterator[VerdictReason]:
    """A reason per threshold that is not kept, not clearly kept, or about something that was not measured."""
    for name, threshold in thresholds.items():
        found = [each for each in scan.measurements if each.name == name and _counts(each, scope)]
        if not found:
            text = f"the policy limits {name}, and this scan did not measure it for {scope.in_words}"
            yield VerdictReason(VerdictValue.INCOMPLETE, RULE, capitalised(text))
        for measurement in found:
            value = _verdict(measurement, threshold)
            if value is not VerdictValue.PASS:
                yield VerdictReason(value, RULE, capitalised(_in_words(measurement, threshold, value)))


def _counts(measurement: Measurement, scope: Scope) -> bool:
    return not scope.is_beside(measurement.dimensions.get("language", "")) and scope.counts(measurement)


def _verdict(measurement: Measurement, threshold: Threshold) -> VerdictValue:
    low, high = measurement.interval.low, measurement.interval.high
    least = float("-inf") if threshold.at_least is None else threshold.at_least
    most = float("inf") if threshold.at_most is None else threshold.at_most
    if least <= low and high <= most:
        return VerdictValue.PASS
    return VerdictValue.BLOCK if low > most or high < least else VerdictValue.REVIEW


def _in_words(measurement: Measurement, threshold: Threshold, value: VerdictValue) -> str:
    where = "".join(f", {key} {each}" for key, each in sorted(measurement.dimensions.items()))
    said = "is beyond" if value is VerdictValue.BLOCK else "is not clearly within"
    interval = measurement.interval
    return (
        f"{measurement.name}{where}: {measurement.value:.4g} {measurement.unit} "
        f"[{interval.low:.4g}, {interval.high:.4g}], n={measurement.n}, {said} the policy's limit "
        f"({_limit(threshold)})"
    )


def _limit(threshold: Threshold) -> str:
    ends = (("at least", threshold.at_least), ("at most", threshold.at_most))
    return ", ".join(f"{word} {end:g}" for word, end in ends if end is not None)
