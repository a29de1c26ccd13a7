"""How the bits of each number format are read without turning them into numbers.

For a float, the bits without the sign grow with the magnitude, and above those of infinity nothing is a
number. So the largest bits, once as signed and once as unsigned integers, tell the largest positive and the
largest negative magnitude, and whether one is NaN or infinite. Blocks of ggml carry their scales as such
floats at fixed places.

>>> float_format("BF16").magnitude(0x3F80)
1.0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class FloatFormat:
    """A floating-point format with the sign in its highest bit.

    Attributes:
        size_bytes: Of one number.
        mantissa_bits: Below the exponent.
        bias: Of the exponent.
        infinity: The bits of +infinity, or the lowest of a NaN where the format has no infinity.
        has_infinity: Whether it has.
    """

    size_bytes: int
    mantissa_bits: int
    bias: int
    infinity: int
    has_infinity: bool = True

    @property
    def sign(self) -> int:
        """The bit of the sign."""
        return 1 << (8 * self.size_bytes - 1)

    def magnitude(self, bits: int) -> float:
        """The magnitude of a finite number with these bits, the sign left out."""
        exponent, mantissa = bits >> self.mantissa_bits, bits & ((1 << self.mantissa_bits) - 1)
        lead = 1 << self.mantissa_bits if exponent else 0
        return float(lead + mantissa) * 2.0 ** (max(exponent, 1) - self.bias - self.mantissa_bits)


# Source: IEEE 754; OCP 8-bit Floating Point Specification 1.0 (E4M3 has no infinity, NaN is 0x7F).
_FLOATS: Final = {
    "F64": FloatFormat(8, 52, 1023, 0x7FF0_0000_0000_0000),
    "F32": FloatFormat(4, 23, 127, 0x7F80_0000),
    "F16": FloatFormat(2, 10, 15, 0x7C00),
    "BF16": FloatFormat(2, 7, 127, 0x7F80),
    "F8_E5M2": FloatFormat(1, 2, 15, 0x7C),
    "F8_E4M3": FloatFormat(1, 3, 7, 0x7F, has_infinity=False),
}
_INTEGERS: Final = {"I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}
SCALE_FORMAT: Final = _FLOATS["F16"]
# Size of a block in bytes, and where its scales of 16-bit floats stand; a block whose scales are all zero is
# zero. Source: ggml-common.h, and gguf-py/gguf/quants.py, which reads the same layouts.
_BLOCKS: Final = {
    "Q4_0": (18, (0,)), "Q4_1": (20, (0, 2)), "Q5_0": (22, (0,)), "Q5_1": (24, (0, 2)), "Q8_0": (34, (0,)),
    "Q2_K": (84, (80, 82)), "Q3_K": (110, (108,)), "Q4_K": (144, (0, 2)), "Q5_K": (176, (0, 2)),
    "Q6_K": (210, (208,)), "IQ4_NL": (18, (0,)), "IQ4_XS": (136, (0,)), "IQ3_XXS": (98, (0,)),
    "IQ3_S": (110, (0,)), "IQ2_XXS": (66, (0,)), "IQ2_XS": (74, (0,)), "IQ2_S": (82, (0,)),
    "IQ1_S": (50, (0,)), "TQ1_0": (54, (52,)), "TQ2_0": (66, (64,)),
}  # fmt: skip


def float_format(dtype: str) -> FloatFormat | None:
    """The format of plain floats of this dtype, None for others."""
    return _FLOATS.get(dtype)


def unit_bytes(dtype: str) -> int:
    """Bytes that belong together: of one number, or of one block; 0 for a format that is not read."""
    found = _FLOATS.get(dtype)
    return found.size_bytes if found else _INTEGERS.get(dtype) or _BLOCKS.get(dtype, (0, ()))[0]


def is_integer(dtype: str) -> bool:
    """Whether numbers of this dtype are plain integers or truth values."""
    return dtype in _INTEGERS


def is_blocks(dtype: str) -> bool:
    """Whether numbers of this dtype come in blocks with a common scale."""
    return dtype in _BLOCKS


def scales_of(dtype: str, data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """The bits of the scales in whole blocks, uint16 (blocks * scales)."""
    import numpy as np

    size, places = _BLOCKS[dtype]
    blocks = data.reshape(-1, size)
    found = np.empty((len(blocks), len(places)), np.uint16)
    for column, place in enumerate(places):
        found[:, column] = blocks[:, place].astype(np.uint16) | (
            blocks[:, place + 1].astype(np.uint16) << np.uint16(8)
        )
    return found.ravel()
