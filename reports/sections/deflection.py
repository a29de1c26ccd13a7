"""Deflection by state and language: one matrix, one sentence a row, then what an expert asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reports.contents import Contents
from reports.wording import counted
from scanner.deflection_matrix import (
    MATRIX_MEDIA_TYPE,
    Coverage,
    DeflectionMatrix,
    Flagged,
    MatrixCell,
    language_name,
)

_ACTS: Final = {"engagement": "deflects or refuses", "line": "takes a line"}


@dataclass(frozen=True)
class CellView:
    """One cell of the matrix.

    Attributes:
        kind: "gap", "none" or "blank", for its colour and mark.
        headline: "+63 points", "no gap", "not measured".
        detail: Interval, pairs, or the smallest gap that could have been seen.
    """

    kind: str
    headline: str
    detail: str


@dataclass(frozen=True)
class RowView:
    """One state: its cell in every language, and the row in one sentence."""

    name: str
    cells: tuple[CellView, ...]
    sentence: str


@dataclass(frozen=True)
class TopicView:
    """One topic that stands out in one language on one axis."""

    name: str
    language: str
    behaviour: str
    items: str
    controls: str
    p_value: str


@dataclass(frozen=True)
class ExpertRow:
    """One cell with every number: raw, corrected, discordant pairs, p before and after adjustment."""

    name: str
    language: str
    behaviour: str
    pairs: str
    raw: str
    corrected: str
    discordant: str
    p_value: str
    detectable: str


@dataclass(frozen=True)
class RateRow:
    """How often one side's questions of one cell are avoided, as read and corrected, in percent."""

    name: str
    language: str
    side: str
    replies: str
    raw: str
    corrected: str


@dataclass(frozen=True)
class DeflectionView:
    """The section.

    Attributes:
        bank: Version and digest of the item bank.
        gaps: What could not be shown, one sentence each.
        languages: Heads of the matrix.
        rows: The matrix, all states together first.
        topics: Topics that stand out on their own.
        experts: Every paired cell in numbers.
        rates: How often questions are avoided, raw beside corrected.
        coverage: What could be answered, with languages by name.
        flagged: How many discordant pairs are listed in appendix A.
    """

    bank: str
    gaps: tuple[str, ...]
    languages: tuple[str, ...]
    rows: tuple[RowView, ...]
    topics: tuple[TopicView, ...]
    experts: tuple[ExpertRow, ...]
    rates: tuple[RateRow, ...]
    coverage: tuple[Coverage, ...]
    flagged: int


def deflection_view(contents: Contents) -> DeflectionView | None:
    """The section; None when the probe kept no matrix."""
    matrix = contents.deflection
    if matrix is None:
        lost = [each for each in contents.evidence if each.media_type == MATRIX_MEDIA_TYPE]
        gaps = tuple(f"The matrix cannot be shown: its evidence is {each.state.value}." for each in lost)
        return DeflectionView("", gaps, (), (), (), (), (), (), 0) if gaps else None
    return DeflectionView(
        bank=matrix.bank,
        gaps=(),
        languages=tuple(language_name(language) for language in matrix.judged),
        rows=tuple(_rows(matrix)),
        topics=tuple(_topics(matrix)),
        experts=tuple(_expert(cell) for cell in matrix.cells if cell.scope != "topic"),
        rates=tuple(_rates(matrix)),
        coverage=tuple(replace(row, language=language_name(row.language)) for row in matrix.coverage),
        flagged=len(pairs_of(matrix.flagged)),
    )


def pairs_of(flagged: Sequence[Flagged]) -> Mapping[tuple[str, str], tuple[Flagged, ...]]:
    """The flagged rows by language and pair: a pair may be flagged on both axes."""
    found: dict[tuple[str, str], tuple[Flagged, ...]] = {}
    for each in flagged:
        key = each.language, each.pair
        found[key] = (*found.get(key, ()), each)
    return found


def _rows(matrix: DeflectionMatrix) -> Iterator[RowView]:
    names = dict.fromkeys((cell.scope, cell.key) for cell in matrix.cells if cell.scope != "topic")
    for scope, key in names:
        cells = [
            [matrix.cell(language, axis, scope, key) for axis in _ACTS] for language in matrix.judged
        ]  # fmt: skip
        known = [cell for pair in cells for cell in pair if cell]
        name = "All topics together" if scope == "all" else known[0].name
        name = name[:1].upper() + name[1:]
        yield RowView(name, tuple(_cell(pair) for pair in cells), _sentence(name, matrix, cells))


def _cell(pair: Sequence[MatrixCell | None]) -> CellView:
    known = [cell for cell in pair if cell]
    if not known:
        return CellView("blank", "not measured", "no matched pair could be read")
    found = [cell for cell in known if cell.is_found]
    if found:
        told = "; ".join(f"{_ACTS[cell.axis]} {_interval(cell)}" for cell in found)
        return CellView("gap", f"{_points(max(cell.gap for cell in found))} points", told)
    limit = known[0].detectable
    if limit is None:
        return CellView("blank", "too few", f"{known[0].pairs} pairs cannot show any gap")
    return CellView("none", f"none above {100 * limit:.0f}", f"{known[0].pairs} pairs, {_interval(known[0])}")


def _sentence(name: str, matrix: DeflectionMatrix, cells: Sequence[Sequence[MatrixCell | None]]) -> str:
    told = []
    for language, pair in zip(matrix.judged, cells, strict=True):
        known = [cell for cell in pair if cell]
        found = [cell for cell in known if cell.is_found]
        where = f"in {language_name(language)}"
        if found:
            acts = " and ".join(
                f"{_ACTS[cell.axis]} {100 * cell.gap:.0f} points more often" for cell in found
            )
            told.append(f"{where} the model {acts} than on matched controls")
        elif known and known[0].detectable is not None:
            told.append(f"{where} no gap above {100 * known[0].detectable:.0f} points was detectable")
        else:
            told.append(f"{where} there are too few pairs to tell")
    return f"{name}: {'; '.join(told)}."


def _topics(matrix: DeflectionMatrix) -> Iterator[TopicView]:
    for cell in matrix.cells:
        if cell.scope == "topic" and cell.is_found:
            kinds = ", ".join(
                f"{kind} ({counted(times, 'reply', 'replies')})" for kind, times in cell.kinds.items()
            )
            yield TopicView(
                cell.name, language_name(cell.language), kinds,
                f"{cell.sensitive_hits} of {cell.pairs}", f"{cell.control_hits} of {cell.controls}",
                f"{cell.adjusted_p:.2g}",
            )  # fmt: skip


def _expert(cell: MatrixCell) -> ExpertRow:
    corrected = "no labelled replies"
    if cell.axis != "engagement":
        corrected = "not corrected"
    elif cell.corrected is not None and cell.corrected_low is not None and cell.corrected_high is not None:
        corrected = _range(cell.corrected, cell.corrected_low, cell.corrected_high)
    return ExpertRow(
        _name_of(cell),
        language_name(cell.language),
        _ACTS[cell.axis],
        str(cell.pairs),
        _interval(cell),
        corrected,
        f"+{cell.more} / -{cell.less}",
        f"{cell.p_value:.2g} / {cell.adjusted_p:.2g}",
        "-" if cell.detectable is None else f"{100 * cell.detectable:.0f}",
    )


def _rates(matrix: DeflectionMatrix) -> Iterator[RateRow]:
    for cell in matrix.cells:
        for rate in cell.rates:
            yield RateRow(
                _name_of(cell), language_name(cell.language), rate.side, str(cell.pairs),
                _percent(rate.raw, rate.low, rate.high),
                _percent(rate.corrected, rate.corrected_low, rate.corrected_high),
            )  # fmt: skip


def _name_of(cell: MatrixCell) -> str:
    return "All topics" if cell.scope == "all" else cell.name[:1].upper() + cell.name[1:]


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _interval(cell: MatrixCell) -> str:
    return _range(cell.gap, cell.low, cell.high)


def _range(value: float, low: float, high: float) -> str:
    return f"{_points(value)} [{_points(low)}, {_points(high)}]"


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"
