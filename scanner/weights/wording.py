"""What a comparison with the base came to, in sentences."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from scanner.tensorfiles.safetensors_layout import shown
from scanner.weights.comparison import Compared, Comparison, Kind
from scanner.weights.naming import named

_ROLES_NAMED: Final = 6
_LAYER: Final = re.compile(r"^.*#\.|\.(?:weight|bias)$")


def summary(comparison: Comparison) -> str:
    """Everything in one sentence, with counts."""
    return f"of {len(comparison.tensors)} tensors " + "; ".join(_clauses(comparison))


def roles(tensors: Sequence[Compared]) -> str:
    """Where these tensors stand in a layer, most frequent first: "q_proj, v_proj"."""
    counted = Counter(_LAYER.sub("", each.role) or each.role for each in tensors)
    return named([role for role, _ in counted.most_common()], _ROLES_NAMED)


def _change_of(tensors: Sequence[Compared]) -> str:
    """How much these tensors changed: "by 1.2 % of their norm (median)"."""
    middle = statistics.median(each.relation.relative_change for each in tensors)
    return f"by {100 * middle:.2g} % of their norm (median)"


def _clauses(comparison: Comparison) -> Iterator[str]:
    same = comparison.of_kind(Kind.IDENTICAL)
    sampled = sum(each.is_sampled for each in same)
    yield f"{len(same)} are identical" + (f" ({sampled} of them on a sample of rows)" if sampled else "")
    for kind, words in (
        (Kind.ROUNDED, "differ by rounding only"),
        (Kind.QUANTISED, "differ by what quantisation does"),
        (Kind.LOW_RANK, "changed"),
        (Kind.CHANGED, "changed"),
        (Kind.REORDERED, "have the same rows in another order"),
        (Kind.UNRELATED, "have nothing in common"),
        (Kind.RESHAPED, "have another shape"),
        (Kind.NOT_COMPARED, "could not be compared"),
    ):
        if found := comparison.of_kind(kind):
            yield f"{len(found)} {words}{_detail(kind, found)}"
    resized = [each for each in comparison.tensors if each.is_resized]
    if common := [each for each in resized if each.relation.kind is not Kind.RESHAPED]:
        yield f"{len(common)} have other numbers of rows ({shown(common[0].name)}: {common[0].form})"
    if comparison.added:
        yield f"{len(comparison.added)} are not in the base ({named(comparison.added)})"
    if comparison.absent:
        yield f"{len(comparison.absent)} of the base are absent ({named(comparison.absent)})"


def _detail(kind: Kind, found: Sequence[Compared]) -> str:
    where = f" in {roles(found)}"
    if kind is Kind.LOW_RANK:
        rank = max(each.relation.rank for each in found)
        return f" {_change_of(found)} with rank {rank} or less{where}: like a merged adapter"
    if kind is Kind.CHANGED:
        rows = [each for each in found if each.rows_changed]
        few = f", of {shown(rows[0].name)} in {rows[0].rows_changed} rows only" if rows else ""
        return f" {_change_of(found)}{where}{few}"
    if kind in (Kind.RESHAPED, Kind.NOT_COMPARED):
        return f" ({shown(found[0].name)}: {found[0].form})"
    return "" if kind in (Kind.ROUNDED, Kind.QUANTISED) else where
