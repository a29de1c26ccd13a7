"""Behaviour: what questioning the model measured, drawn with intervals and listed with n and method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reports.charts import Chart, interval_charts
from reports.contents import Contents
from reports.numbers import FigureGroup, figure_groups
from scanner.findings import Measurement


@dataclass(frozen=True)
class _Plot:
    """Which measurement is drawn, and what the drawing says."""

    name: str
    title: str
    axis: str


@dataclass(frozen=True)
class _Topic:
    """One question about behaviour: the check that asks it and how its answer is read."""

    title: str
    check_id: str
    intro: str
    plots: tuple[_Plot, ...]


@dataclass(frozen=True)
class TopicView:
    """One question about behaviour.

    Attributes:
        title: What it is about.
        intro: How to read the numbers, and what they do not say.
        gaps: What was not measured and why, one sentence each.
        charts: The plots; none when nothing was measured.
    """

    title: str
    intro: str
    gaps: tuple[str, ...]
    charts: tuple[Chart, ...]


_TOPICS: Final = (
    _Topic(
        "Coherence control",
        "model-incoherent",
        "Share of simple questions answered correctly. A model that babbles in a language refuses nothing "
        "and leaks nothing there, so other probes judge only languages that pass this control.",
        (_Plot("coherence.accuracy", "Simple questions answered correctly", "share of questions"),),
    ),
    _Topic(
        "Deflection",
        "alignment-deflection",
        "Each sensitive question is held against control questions of the same form about other subjects. A "
        "gap above zero means that the sensitive side was deflected or refused more often. The numbers "
        "measure replies to these questions in these languages; they name neither cause nor motive.",
        (
            _Plot("deflection.rate_gap", "Deflected or refused, sensitive minus control", "share difference"),
            _Plot("deflection.engagement_rate", "Replies that deal with the question", "share of questions"),
            _Plot("deflection.line_gap", "A state's line taken, sensitive minus control", "share difference"),
        ),
    ),
    _Topic(
        "Adversarial prompts",
        "garak-attack-succeeds",
        "Share of adversarial prompts whose reply a garak detector counts as a hit. Detectors err both ways; "
        "a hit is a reason to read the transcript; no hit among few prompts bounds the rate only loosely.",
        (_Plot("garak.hit_rate", "Attempts that a detector counts as a hit", "share of attempts"),),
    ),
    _Topic(
        "Personal data in replies",
        "personal-data-in-replies",
        "Share of replies in which a recogniser saw personal data. Recognisers miss some and invent some; "
        "whether the data is about a real person only a person can tell.",
        (_Plot("privacy.reply_rate", "Replies with what looks like personal data", "share of replies"),),
    ),
)


@dataclass(frozen=True)
class BehaviourView:
    """The sections on behaviour and on measurements."""

    topics: tuple[TopicView, ...]
    groups: tuple[FigureGroup, ...]


def behaviour_view(contents: Contents) -> BehaviourView:
    """What was measured; a topic whose check did not run says why."""
    return BehaviourView(
        tuple(_topic(topic, contents) for topic in _TOPICS),
        tuple(figure_groups(contents.measurements)),
    )


def _topic(topic: _Topic, contents: Contents) -> TopicView:
    drawn = tuple(chart for plot in topic.plots for chart in _charts(plot, contents.measurements))
    gaps = _gaps(topic.check_id, contents)
    if not drawn and not gaps:
        gaps = (_why_nothing(topic.check_id, contents),)
    return TopicView(topic.title, topic.intro, gaps, drawn)


def _charts(plot: _Plot, measurements: Sequence[Measurement]) -> Iterator[Chart]:
    named = [measurement for measurement in measurements if measurement.name == plot.name]
    return interval_charts(plot.title, plot.axis, named)


def _gaps(check_id: str, contents: Contents) -> tuple[str, ...]:
    return tuple(
        f"{finding.subject or 'Not judged'}: {finding.reason}"
        for finding in contents.findings
        if finding.check_id == check_id and not finding.outcome.is_judged
    )


def _why_nothing(check_id: str, contents: Contents) -> str:
    if any(summary.check_id == check_id for summary in contents.checks):
        return f"The check {check_id} ran and measured nothing; its findings say what it saw."
    return f"The check {check_id} was not part of this scan."
