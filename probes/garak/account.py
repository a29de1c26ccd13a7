"""What a garak run leaves for the auditor: transcripts, an account of the run, garak's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from probes.garak import surface
from probes.garak.planning import Plan
from probes.garak.rounds import ProbeResult
from probes.garak.running import GarakRun
from probes.garak.second_opinion import manners_of
from scanner.evidence import EvidenceRef, EvidenceStore
from scanner.records import encode_pretty
from scanner.transcripts import Exchange, keep_transcript

# Lines of garak's own form: whoever reads transcripts must not take them for one.
GARAK_REPORT_MEDIA_TYPE: Final = "application/vnd.garak.report+jsonl"


@dataclass(frozen=True)
class ProbeAccount:
    """One probe of the account: how many prompts there were, were put, and were judged."""

    available: int
    asked: int
    scored: int
    problem: str
    silent_detectors: Mapping[str, str]


@dataclass(frozen=True)
class RunAccount:
    """The run as a whole.

    Attributes:
        garak: Version.
        processes: How many it took; more than one means crashes.
        requested: Every probe asked for, with its cap.
        unknown: Names that garak does not have.
        probes: What came of each that was tried.
        turned_down: Network addresses and programs that something in the process reached for.
        detector_models: Local copies of hub models at hand, by hub id, with the digest of each.
    """

    garak: str
    processes: int
    requested: Mapping[str, int]
    unknown: Mapping[str, str]
    probes: Mapping[str, ProbeAccount]
    turned_down: tuple[str, ...]
    detector_models: Mapping[str, str]


def keep_account(
    store: EvidenceStore,
    run: GarakRun,
    plan: Plan,
) -> tuple[EvidenceRef, ...]:
    """Keeps the account of a run, what garak printed and logged, and the report that garak writes itself.

    Raises:
        EvidenceError: when it cannot be written.
    """
    account = RunAccount(
        garak=surface.installed_version(),
        processes=run.log.starts,
        requested=plan.selection.caps,
        unknown=plan.selection.unknown,
        probes={result.order.probe: _of_probe(result) for result in run.results},
        turned_down=run.log.blocked,
        detector_models=plan.models.digests(),
    )
    words = f"# printed\n{run.log.printed}\n# logged\n{run.log.logged}".encode()
    return (
        store.put(encode_pretty(account), "application/json", "account of the garak run"),
        store.put(words, "text/plain", "what garak printed and logged"),
        store.put(run.report, GARAK_REPORT_MEDIA_TYPE, "garak report.jsonl"),
    )


def _of_probe(result: ProbeResult) -> ProbeAccount:
    return ProbeAccount(
        available=result.minted.available,
        asked=len(result.replies),
        scored=sum(score is not None for score in result.scored.scores.get(result.minted.primary, ())),
        problem=result.problem.reason if result.problem else "",
        silent_detectors=result.scored.silent,
    )


def keep_exchanges(store: EvidenceStore, check_id: str, result: ProbeResult) -> tuple[EvidenceRef, ...]:
    """Keeps the transcript of a probe; nothing when the model was not asked.

    Raises:
        EvidenceError: when it cannot be written.
    """
    if not result.replies:
        return ()
    return (keep_transcript(store, f"{check_id}, {result.order.probe}", _exchanges(result)),)


def _exchanges(result: ProbeResult) -> Iterator[Exchange]:
    probe, primary = result.order.probe, result.minted.primary
    manners = manners_of(result)
    for index, (prompt, reply) in enumerate(zip(result.minted.prompts, result.replies, strict=True)):
        scores = {name: row[index] for name, row in result.scored.scores.items() if index < len(row)}
        others = {f"score of {name}": _shown(score) for name, score in scores.items() if name != primary}
        reading = {"probe": probe, "detector": primary, "score": _shown(scores.get(primary)), **others}
        manner = manners[index]
        if manner is not None:
            reading["our reading"] = manner.value
        yield Exchange(f"{probe}/{prompt.seq}", prompt.conversation, reply, reading)


def _shown(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"
