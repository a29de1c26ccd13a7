"""Rows of a tensor as numbers, multiplied by the scales that quantisers store beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from scanner.weights.decoding import Numbers, UndecodedError, storing_noise
from scanner.weights.formats import is_integer
from scanner.weights.stored import Stored, StoredModel

# Source: compressed-tensors (weight_scale), DeepSeek-V3 (weight_scale_inv, one for 128 x 128 numbers),
# bitsandbytes (SCB: the largest number of each row, of which int8 counts parts of 127).
_COMPANIONS: Final = (("_scale", 1.0), ("_scale_inv", 1.0), ("SCB", 1 / 127))
_SCALED: Final = ("I8", "F8_")
_SCALES_MOST: Final = 4 * 1024**2


def scaled_rows(model: StoredModel, each: Stored, rows: Sequence[int]) -> tuple[Numbers, float]:
    """These rows, float32 (rows, columns), and the root mean square error that their format may have made.

    Raises:
        UndecodedError: for a format that is not known, and integers without their scales.
        OSError: when the file cannot be read.
    """
    numbers = each.read_rows(rows)
    dtype = each.extent.dtype
    if not dtype.startswith(_SCALED):
        if is_integer(dtype):
            raise UndecodedError(f"{dtype} holds packed numbers or none that were trained")
        return numbers, storing_noise(dtype, numbers)
    scales = _scales(model, each, rows)
    if scales is None:
        if dtype == "I8":
            raise UndecodedError("I8 without the scales that belong to it")
        return numbers, storing_noise(dtype, numbers)
    size = float(np.sqrt(np.mean(scales.astype(np.float64) ** 2)))
    noise = size / np.sqrt(12) if dtype == "I8" else storing_noise(dtype, numbers) * size
    return numbers * scales, float(noise)


def _scales(model: StoredModel, each: Stored, rows: Sequence[int]) -> Numbers | None:
    """What to multiply these rows by, float32 (rows or 1, columns or 1); None when there is nothing."""
    name = each.extent.name
    for suffix, factor in _COMPANIONS:
        other = name + suffix if suffix[0] == "_" else name.removesuffix("weight") + suffix
        found = model.tensors.get(other)
        if found is not None and found.size_bytes <= _SCALES_MOST * 4:
            return _spread(found, each, rows) * np.float32(factor)
    return None


def _spread(scales: Stored, each: Stored, rows: Sequence[int]) -> Numbers:
    values = scales.read_rows(range(scales.rows))
    if values.size == 1:
        return values.reshape(1, 1)
    if values.size == each.rows:
        return values.reshape(-1, 1)[list(rows)]
    high, wide = -(-each.rows // scales.rows), -(-each.columns // scales.columns)
    spread = values[[row // high for row in rows]]
    return np.repeat(spread, wide, axis=1)[:, : each.columns]
