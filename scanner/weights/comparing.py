"""Compares the tensors of a model with those of its base: bytes first, then numbers on a sample of rows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from scanner.parts import PartlyReadError
from scanner.weights.comparison import Compared, Comparison, Kind, Relation
from scanner.weights.decoding import Numbers, UndecodedError, is_quantised
from scanner.weights.pairing import Pair, Pairing, llama_rows, paired
from scanner.weights.relation import relation_of
from scanner.weights.scaled import scaled_rows
from scanner.weights.stored import Stored, StoredModel

# Enough to see a rank of 48, and quick to take apart.
_SAMPLE_ROWS: Final = 192
_SAMPLE_COLUMNS: Final = 1024
_SAMPLE_NUMBERS: Final = 4 * 1024**2
_LONGEST_ROW: Final = 16 * 1024**2
_FIRST_ROWS: Final = 16
# A vocabulary of 262 144 rows of 16 bits; above this reordered rows are not looked for.
_REORDER_LIMIT_BYTES: Final = 2 * 1024**3
_NORM_OFFSET: Final = 1.0


def compare_models(
    base: StoredModel,
    new: StoredModel,
    *,
    seed: int,
    whole_until: float,
    between_tensors: Callable[[], None],
) -> Comparison:
    """What every tensor of `new` has to do with that of `base`.

    Args:
        base: The declared base.
        new: The model under test.
        seed: Of the rows that are sampled.
        whole_until: `time.monotonic()` value after which tensors that agree on the sample are not read to
            their end.
        between_tensors: Called before each, to end the work.
    """
    pairing: Pairing = paired(base, new)
    compared = []
    for pair in pairing.pairs:
        between_tensors()
        comparer = _Comparer(base, new, pair, random.Random(f"{seed}\0{pair.name}"))
        try:
            compared.append(comparer.compared(read_whole=time.monotonic() < whole_until))
        except (UndecodedError, PartlyReadError, OSError) as error:
            relation = Relation(Kind.NOT_COMPARED, cosine=0.0)
            compared.append(Compared(pair.name, relation, pair.new.is_matrix, str(error)))
    return Comparison(tuple(compared), pairing.added, pairing.absent)


class _Comparer:
    """Compares one pair."""

    def __init__(self, base: StoredModel, new: StoredModel, pair: Pair, choice: random.Random) -> None:
        self._base, self._new, self._pair, self._choice = base, new, pair, choice
        self._is_crossed = base.is_gguf != new.is_gguf

    def compared(self, *, read_whole: bool) -> Compared:
        """What the two have to do with each other.

        Raises:
            UndecodedError: when one of them cannot be read as numbers.
            OSError: when a file cannot be read.
        """
        old, new = self._pair.base, self._pair.new
        rows, form = min(old.rows, new.rows), ""
        if not _same_shape(old, new):
            form = f"{_shape(old)} in the base, {_shape(new)} here"
            if old.columns != new.columns or not (old.is_matrix and new.is_matrix):
                return self._said(Relation(Kind.RESHAPED, cosine=0.0), form)
        if rows == 0 or new.columns == 0:
            return self._said(Relation(Kind.IDENTICAL), form)
        if old.columns > _LONGEST_ROW:
            raise UndecodedError(f"a row of it holds {old.columns} numbers")
        is_same_format = old.extent.dtype == new.extent.dtype
        if not is_same_format:
            form = f"{form}; " * bool(form) + f"{old.extent.dtype} in the base, {new.extent.dtype} here"
        elif not self._is_crossed or old.extent.dtype != "F32":
            first = self._rows(rows, _FIRST_ROWS)
            if np.array_equal(old.raw_rows(first), new.raw_rows(first)):
                return self._same_so_far(rows, form, read_whole=read_whole)
        return self._said(self._related(self._rows(rows, _SAMPLE_ROWS)), form)

    def _same_so_far(self, rows: int, form: str, *, read_whole: bool) -> Compared:
        if not read_whole:
            return replace(self._said(Relation(Kind.IDENTICAL), form), is_sampled=True)
        changed = _changed_rows(self._pair.base, self._pair.new, rows)
        if not changed:
            return self._said(Relation(Kind.IDENTICAL), form)
        relation = self._related(changed[:_SAMPLE_ROWS])
        return replace(self._said(relation, form), rows_changed=len(changed))

    def _said(self, relation: Relation, form: str) -> Compared:
        is_resized = not _same_shape(self._pair.base, self._pair.new)
        return Compared(self._pair.name, relation, self._pair.new.is_matrix, form, is_resized=is_resized)

    def _rows(self, count: int, most: int) -> list[int]:
        most = max(1, min(most, _SAMPLE_NUMBERS // max(self._pair.new.columns, 1)))
        return sorted(self._choice.sample(range(count), min(count, most)))

    def _related(self, rows: Sequence[int]) -> Relation:
        """The likeliest relation: where llama.cpp may have reordered rows, both orders are tried."""
        found = self._on_sample(rows, rows)
        width = self._pair.new.rows // self._pair.heads if self._pair.heads else 0
        if self._is_crossed and width and width % 2 == 0:
            other = llama_rows(rows, width)
            orders = (other, rows) if self._new.is_gguf else (rows, other)
            found = max(found, self._on_sample(*orders), key=lambda each: each.cosine)
        if found.kind is Kind.UNRELATED and self._is_reordered():
            return replace(found, kind=Kind.REORDERED)
        return found

    def _on_sample(self, base_rows: Sequence[int], new_rows: Sequence[int]) -> Relation:
        old_type, new_type = self._pair.base.extent.dtype, self._pair.new.extent.dtype
        old, old_noise = scaled_rows(self._base, self._pair.base, base_rows)
        new, new_noise = scaled_rows(self._new, self._pair.new, new_rows)
        if self._is_crossed and not self._pair.new.is_matrix:
            old, new = _without_offset(old, new)
        # Also of one format: both may have been rounded from numbers of a finer one.
        noise = float(np.hypot(old_noise, new_noise))
        columns = self._columns(new.shape[1])
        return relation_of(
            old[:, columns],
            new[:, columns],
            noise if np.isfinite(noise) else 0.0,
            quantised=old_type != new_type and (is_quantised(old_type) or is_quantised(new_type)),
        )

    def _columns(self, count: int) -> list[int]:
        return sorted(self._choice.sample(range(count), min(count, _SAMPLE_COLUMNS))) if count else []

    def _is_reordered(self) -> bool:
        old, new = self._pair.base, self._pair.new
        if old.extent.dtype != new.extent.dtype or not _same_shape(old, new):
            return False
        if old.size_bytes > _REORDER_LIMIT_BYTES:
            return False
        return _row_digests(old) == _row_digests(new)


def _same_shape(old: Stored, new: Stored) -> bool:
    return (old.rows, old.columns) == (new.rows, new.columns)


def _shape(each: Stored) -> str:
    return " x ".join(str(size) for size in each.extent.shape[:8]) or "one number"


def _changed_rows(old: Stored, new: Stored, rows: int) -> list[int]:
    """The rows, of the first so many, whose bytes differ."""
    row_bytes = new.size_bytes // new.rows
    end, at = rows * row_bytes, 0
    changed: set[int] = set()
    for before, after in zip(old.blocks(), new.blocks(), strict=False):
        if at >= end:
            break
        if before != after:
            size = min(len(before), len(after), end - at)
            differs = np.frombuffer(before, np.uint8)[:size] != np.frombuffer(after, np.uint8)[:size]
            changed.update(np.unique((np.flatnonzero(differs) + at) // row_bytes).tolist())
        at += len(after)
    return sorted(changed)


def _row_digests(each: Stored) -> set[int]:
    row_bytes = each.size_bytes // each.rows
    step = max(1, 4 * 1024**2 // max(row_bytes, 1))
    found: set[int] = set()
    for begin in range(0, each.rows, step):
        block = each.raw_rows(range(begin, min(begin + step, each.rows)))
        found.update(hash(row.tobytes()) for row in block)
    return found


def _without_offset(old: Numbers, new: Numbers) -> tuple[Numbers, Numbers]:
    """Both, where one of them has a one added to each number, as llama.cpp does to the norms of Gemma."""
    offset = float(np.mean(new - old))
    if abs(abs(offset) - _NORM_OFFSET) < 0.01:
        return old + np.float32(np.sign(offset) * _NORM_OFFSET), new
    return old, new
