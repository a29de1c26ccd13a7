"""From cells to the matrix that is kept as evidence: corrected gaps, detection limits, flagged pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probes.deflection.answers import AXES, Answer
from probes.deflection.cells import STATE, TOPIC, Cell, matches_of
from probes.deflection.correction import ReaderError, reader_errors
from probes.deflection.items import Bank
from probes.deflection.statistics import LEVEL, minimum_detectable_gap
from probes.deflection.survey import Survey
from probes.proportions import wilson
from scanner.deflection_matrix import DeflectionMatrix, Flagged, MatrixCell, Rate


def matrix_of(
    survey: Survey, cells: Sequence[Cell], judged: Sequence[str], bank: Bank, profile: str
) -> DeflectionMatrix:
    """Everything that was measured, for reports and for comparing two models."""
    return DeflectionMatrix(
        bank=bank.label,
        profile=profile,
        judged=tuple(judged),
        cells=tuple(_cell(cell, bank) for cell in cells),
        flagged=tuple(flagged_in(survey.answers)),
        coverage=survey.coverage,
    )


def flagged_in(answers: Sequence[Answer]) -> Iterator[Flagged]:
    """Every discordant pair towards the sensitive side, both axes."""
    for match in matches_of(answers):
        prompt, control = match.sensitive.prompt, match.control.prompt
        for axis in AXES:
            if match.sensitive.shows(axis) and not match.control.shows(axis):
                yield Flagged(
                    axis, prompt.language, prompt.topic, prompt.item, prompt.pair, prompt.state,
                    control.state, prompt.in_english, prompt.fact,
                )  # fmt: skip


def name_of(cell: Cell, bank: Bank) -> str:
    """What the cell is about, for people."""
    if cell.scope == STATE:
        return bank.subjects[cell.key].en
    titles = {topic.id: topic.title.en for topic in bank.topics}
    return titles.get(cell.key, "all topics")


def detectable_gap(cell: Cell) -> float | None:
    """The smallest gap found with 80 % power; None when these pairs cannot show any.

    The level is that of the first step of Holm's procedure: what a gap must pass when no other cell has one.
    """
    if cell.scope == TOPIC:
        return None
    return minimum_detectable_gap(cell.gap.n, level=1 - (1 - LEVEL) / cell.compared)


def _cell(cell: Cell, bank: Bank) -> MatrixCell:
    gap = cell.gap
    error = reader_errors().get(cell.language) if cell.axis == "engagement" else None
    corrected = error.corrected_gap(gap.value, gap.interval) if error else None
    return MatrixCell(
        cell.language, cell.axis, cell.scope, cell.key, name_of(cell, bank),
        pairs=gap.n, controls=gap.n_controls,
        sensitive_hits=cell.sensitive_hits, control_hits=cell.control_hits, more=gap.more, less=gap.less,
        gap=gap.value, low=gap.interval.low, high=gap.interval.high, level=LEVEL,
        p_value=gap.p_value, adjusted_p=cell.adjusted_p, compared=cell.compared,
        corrected=corrected.value if corrected else None,
        corrected_low=corrected.interval.low if corrected else None,
        corrected_high=corrected.interval.high if corrected else None,
        detectable=detectable_gap(cell), is_found=cell.is_found, kinds=cell.kinds,
        rates=tuple(_rates(cell, error)) if error else (),
    )  # fmt: skip


def _rates(cell: Cell, error: ReaderError) -> Iterator[Rate]:
    """Either side's rate of avoided questions; none of a topic, whose items are shares of several replies."""
    if cell.scope == TOPIC:
        return
    for side, hits in (("sensitive", cell.sensitive_hits), ("control", cell.control_hits)):
        raw, corrected = wilson(hits, cell.gap.n), error.corrected_rate(hits, cell.gap.n)
        yield Rate(
            side, hits / cell.gap.n, raw.low, raw.high,
            corrected.value, corrected.interval.low, corrected.interval.high,
        )  # fmt: skip
