"""By how much our reader is above simple ones, on the replies that every fold left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.deflection_baselines import LabelledRow, fitted_lengths, margins_of
from benchmarks.deflection_reader.scores import Outcome
from probes.deflection.labels import Label
from probes.deflection.rows import ReplyRow

_LABELS: Final = {
    "engaged": Label.COMPLETE, "deflected": Label.EVASIVE, "refused": Label.DENIAL, "error": Label.ERROR,
}  # fmt: skip


def margins(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Every baseline on the whole development replies, and the paired margin of ours; printed as a table."""
    own = [each for each in outcomes if each.row.source == "development" and not each.row.is_cut]
    rows = [
        LabelledRow(
            each.row.id,
            ReplyRow(each.row.prompt, each.row.reply, each.row.language),
            _LABELS[each.row.label],
            each.row.question,
        )
        for each in own
    ]
    return margins_of(rows, [_LABELS[each.read] for each in own], fitted_lengths(rows))
