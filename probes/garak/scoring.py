"""What garak's detectors say about finished attempts, inside the garak process; imports garak as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from probes.garak import surface
from probes.garak.messages import Scored, sendable
from probes.garak.surface import GarakAttempt, GarakDetector, GarakProbe

# Stands for the primary detector of probes that have none: garak chooses detectors by what each attempt
# is after, and the highest of their scores counts.
BY_INTENT: Final = "chosen by intent"
# Under which name the account tells that garak's own report lacks a probe.
GARAK_REPORT: Final = "garak's own report"


def is_ruled_out(detector: str, without: Sequence[str]) -> bool:
    """Whether a detector, or its whole module, is among those not to be tried."""
    return detector in without or detector.partition(".")[0] in without


def score_attempts(
    finished: Sequence[GarakAttempt], primary: str, probe: GarakProbe, without: Sequence[str]
) -> Scored:
    """One score per attempt and detector, the primary first; the attempts keep theirs for garak's report."""
    chosen = {id(attempt): _detectors_for(attempt, primary, probe) for attempt in finished}
    scores: dict[str, tuple[float | None, ...]] = {}
    silent: dict[str, str] = {}
    for name in dict.fromkeys(name for names in chosen.values() for name in names):
        if is_ruled_out(name, without):
            silent[name] = "it cannot load offline"
            continue
        try:
            detector = surface.load_detector(name)
            scores[name] = tuple(
                _one_score(detector, attempt) if name in chosen[id(attempt)] else None for attempt in finished
            )
        except Exception as error:  # noqa: BLE001 - third-party detectors: one may break, others judge
            silent[name] = sendable(f"{type(error).__name__}: {error}"[:500])
    _report(finished, scores, silent)
    if primary == BY_INTENT and scores:
        scores = {primary: tuple(map(_highest, zip(*scores.values(), strict=True))), **scores}
    return Scored(scores, silent)


def _detectors_for(attempt: GarakAttempt, primary: str, probe: GarakProbe) -> list[str]:
    if primary == BY_INTENT:
        return surface.detectors_of(attempt)
    return list(dict.fromkeys([primary, *sorted(probe.extended_detectors)]))


def _report(
    finished: Sequence[GarakAttempt], scores: dict[str, tuple[float | None, ...]], silent: dict[str, str]
) -> None:
    for place, attempt in enumerate(finished):
        attempt.detector_results.update({name: [row[place]] for name, row in scores.items()})
    try:
        surface.report(list(finished))
    except Exception as error:  # noqa: BLE001 - garak's own report may fail, the scores stand
        silent[GARAK_REPORT] = sendable(f"{type(error).__name__}: {error}"[:500])


def _highest(scores: Sequence[float | None]) -> float | None:
    return max((score for score in scores if score is not None), default=None)


def _one_score(detector: GarakDetector, attempt: GarakAttempt) -> float | None:
    """The score of the one output; a detector that returns another number of scores told nothing."""
    scores = list(detector.detect(attempt))
    return None if len(scores) != 1 or scores[0] is None else float(scores[0])
