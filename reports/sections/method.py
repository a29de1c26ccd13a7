"""Scope and method: what was asked of whom, by which engine, versions, packs and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies.assessment import PackResult
from reports.contents import CheckSummary, Contents
from reports.numbers import duration_text
from reports.sections.sources import SourceView, source_view
from reports.sections.verdict import Count, Fact
from reports.wording import day, moment, outcome_tag, pack_state, plain, reviewed_text, stamp, titled
from scanner.conversation import EngineDescription
from scanner.findings import Outcome
from scanner.scan import Budget


@dataclass(frozen=True)
class PackFacts:
    """Which pack judged: version, digest, sources, who reviewed it, and when it must be read again."""

    title: str
    id: str
    version: str
    digest: str
    state: str
    cite: str
    reviewed: str
    review_due: str
    banner: str
    sources: tuple[SourceView, ...]


@dataclass(frozen=True)
class CheckView:
    """One check that ran."""

    id: str
    started: str
    duration: str
    counts: tuple[Count, ...]
    measurements: int


@dataclass(frozen=True)
class MethodView:
    """The section on scope and method.

    Attributes:
        request: What was asked for.
        engine: What answered the questions; says so when nothing was asked.
        engine_notes: What an auditor should know about the engine.
        versions: Of everything that decides results.
        organisation: The answers that entered the assessment.
        packs: What judged.
        banners: What is stale or not in force, one sentence each.
        checks: What ran.
    """

    request: tuple[Fact, ...]
    engine: tuple[Fact, ...]
    engine_notes: tuple[str, ...]
    versions: tuple[Fact, ...]
    organisation: tuple[Fact, ...]
    packs: tuple[PackFacts, ...]
    banners: tuple[str, ...]
    checks: tuple[CheckView, ...]


def method_view(contents: Contents) -> MethodView:
    """The section of these contents."""
    packs = tuple(_pack(pack) for pack in contents.assessment.packs)
    engine = contents.scan.engine
    return MethodView(
        request=tuple(_request(contents)),
        engine=tuple(_engine(engine)) if engine else (),
        engine_notes=engine.notes if engine else ("The model was not questioned in this scan.",),
        versions=tuple(Fact(name, version, is_code=True) for name, version in contents.scan.versions.items()),
        organisation=tuple(Fact(key, value) for key, value in contents.assessment.organisation.items()),
        packs=packs,
        banners=tuple(pack.banner for pack in packs if pack.banner),
        checks=tuple(_check(summary) for summary in contents.checks),
    )


def _request(contents: Contents) -> Iterator[Fact]:
    scan, request = contents.scan, contents.scan.request
    yield Fact("Scan", scan.id, is_code=True)
    yield Fact("Asked for", request.ref.text, is_code=True)
    yield Fact("Profile", request.profile.value)
    yield Fact("Seed", str(request.seed))
    yield Fact("Exactness", "speed before exactness (--fast)" if request.is_fast else "exact where it can be")
    yield Fact("Budget for questioning", _budget(request.budget))
    yield Fact("Facts judged as of", day(request.as_of))
    yield Fact("Law read as of", day(contents.assessment.as_of))
    if contents.assessment.overrides:
        yield Fact("Policy's overrides for this model", ", ".join(contents.assessment.overrides))
    yield Fact("Scan started", moment(scan.started_at))
    yield Fact("Scan finished", moment(scan.finished_at))
    yield Fact("Assessed", moment(contents.assessment.assessed_at))
    yield Fact("Report made", moment(contents.generated_at))
    for key, value in request.settings.items():
        yield Fact(f"Setting {key}", value, is_code=True)


def _budget(budget: Budget) -> str:
    limits = [f"{budget.max_tokens:,} reply tokens"] if budget.max_tokens else []
    limits += [f"{budget.max_minutes:g} minutes"] if budget.max_minutes else []
    return " and ".join(limits) or "no limit"


def _engine(engine: EngineDescription) -> Iterator[Fact]:
    yield Fact("Engine", engine.backend)
    yield Fact("Version", engine.version)
    yield Fact("Device", f"{engine.device} (asked for: {engine.device_asked})")
    yield Fact("Number format", engine.dtype)
    yield Fact("Largest batch", str(engine.batch_size))
    if engine.threads:
        yield Fact("CPU threads", str(engine.threads))
    yield Fact("Order of the questions", engine.order or "as they came")
    yield Fact("Each asked", "once" if engine.repeats == 1 else f"{engine.repeats} times")
    yield Fact(
        "Replies depend on their batch",
        "no, as measured" if engine.is_exact else "possibly; see the notes",
    )
    yield Fact("Prompt format", engine.prompt_format)
    yield Fact("Can", ", ".join(plain(each) for each in engine.capabilities))
    for key, value in engine.settings.items():
        yield Fact(titled(key), value, is_code=True)


def _pack(pack: PackResult) -> PackFacts:
    return PackFacts(
        pack.title, pack.id, pack.version, pack.digest, pack_state(pack.status), pack.cite,
        reviewed_text(pack.reviewed_by), day(pack.review_due), _banner(pack),
        tuple(source_view(source) for source in pack.sources),
    )  # fmt: skip


def _banner(pack: PackResult) -> str:
    if pack.is_stale:
        return (
            f"{pack.title} {pack.version}: the pack was due for review on {day(pack.review_due)}. The law "
            "may have changed since; have it read again before relying on these controls."
        )
    if pack.status not in ("in_force", "voluntary"):
        return f"{pack.title} {pack.version}: {pack_state(pack.status)}. Its controls bind nobody today."
    return ""


def _check(summary: CheckSummary) -> CheckView:
    counts = tuple(
        Count(outcome_tag(outcome), summary.outcomes[outcome.value])
        for outcome in Outcome
        if summary.outcomes[outcome.value]
    )
    return CheckView(
        summary.check_id, stamp(summary.started_at), duration_text(summary.wall_seconds),
        counts, summary.measurements,
    )  # fmt: skip
