"""Turns the bytes of stored tensors into numbers, and says how far storing may have moved them.

>>> import numpy as np
>>> decoded("BF16", np.array([0x3F80, 0xC000], "<u2").view(np.uint8))
array([ 1., -2.], dtype=float32)
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.errors import ScanError
from scanner.weights.formats import FloatFormat, float_format

Numbers = npt.NDArray[np.float32]

_NUMPY: Final = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I8": "i1", "U8": "u1", "I16": "<i2", "I32": "<i4",
    "I64": "<i8",
}  # fmt: skip
# Root mean square error of storing normally distributed weights, as a share of theirs: measured with
# gguf.quants for the first five and for TQ and MXFP4, the rest from rate and layout of the format.
_BLOCK_NOISE: Final = {
    "Q4_0": 0.086, "Q4_1": 0.078, "Q5_0": 0.043, "Q5_1": 0.038, "Q8_0": 0.0054, "Q8_1": 0.0055,
    "Q2_K": 0.32, "Q3_K": 0.16, "Q4_K": 0.08, "Q5_K": 0.04, "Q6_K": 0.02, "Q8_K": 0.0055,
    "IQ4_NL": 0.08, "IQ4_XS": 0.08, "IQ3_S": 0.18, "IQ3_XXS": 0.2, "IQ2_S": 0.3, "IQ2_XS": 0.33,
    "IQ2_XXS": 0.36, "IQ1_S": 0.5, "IQ1_M": 0.5, "TQ1_0": 0.81, "TQ2_0": 0.81, "MXFP4": 0.115,
}  # fmt: skip


class UndecodedError(ScanError):
    """The numbers of this format cannot be read; the message is a clause."""


def decoded(dtype: str, data: npt.NDArray[np.uint8]) -> Numbers:
    """The numbers of whole rows, float32 (count).

    Raises:
        UndecodedError: for a format that is not known.
    """
    if dtype == "BF16":
        return (data.view("<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    if dtype in _NUMPY:
        return data.view(_NUMPY[dtype]).astype(np.float32)
    if dtype.startswith("F8_") and (found := float_format(dtype)):
        return _table(found)[data]
    return _of_blocks(dtype, data)


def is_quantised(dtype: str) -> bool:
    """Whether a format holds fewer bits than weights are trained in."""
    return dtype in _BLOCK_NOISE or dtype.startswith(("F8_", "I8", "U8"))


def storing_noise(dtype: str, values: Numbers) -> float:
    """Root mean square error of storing such numbers in this format; NaN where nobody knows."""
    if found := float_format(dtype):
        if found.size_bytes == 8:
            return 0.0
        exponents = np.frexp(np.abs(values.astype(np.float64)))[1] - 1
        steps = 2.0 ** (np.maximum(exponents, 1 - found.bias) - found.mantissa_bits)
        return float(np.sqrt(np.mean(steps**2) / 12))
    share = _BLOCK_NOISE.get(dtype, float("nan"))
    return share * float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


def _table(found: FloatFormat) -> Numbers:
    """The 256 numbers of an 8-bit format."""
    sign, infinity = found.sign, found.infinity
    return np.array(
        [
            (-1.0 if bits & sign else 1.0)
            * (found.magnitude(bits & (sign - 1)) if bits & (sign - 1) < infinity else np.nan)
            for bits in range(256)
        ],
        np.float32,
    )


def _of_blocks(dtype: str, data: npt.NDArray[np.uint8]) -> Numbers:
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    try:
        found = dequantize(data, GGMLQuantizationType[dtype])
    except (KeyError, NotImplementedError) as error:
        raise UndecodedError(f"numbers of the format {dtype} are not read") from error
    return np.asarray(found, np.float32).ravel()
