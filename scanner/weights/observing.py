"""Looks at the numbers of tensors while their bytes pass by to be hashed.

One reduction over the bits of a block tells whether any number reaches 2 in magnitude, which few trained ones
do; two more are made of the first block of a tensor and of those that do.

>>> from scanner.tensorfiles.extent import TensorExtent
>>> extent, observer = TensorExtent("w", "F32", (2,), 0, 8), ValueObserver()
>>> observer.begin(extent)
>>> observer.take(memoryview(bytes.fromhex("0000803f 0000c07f")))
>>> observer.end()
>>> observer.values_of(extent).has_nan, observer.values_of(extent).largest
(True, inf)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from scanner.tensorfiles.extent import TensorExtent
from scanner.weights.formats import SCALE_FORMAT, FloatFormat, float_format, is_blocks, scales_of, unit_bytes


@dataclass(frozen=True, slots=True)
class TensorValues:
    """What the numbers of one tensor are.

    Attributes:
        is_read: Whether the number format is one that can be looked at.
        largest: The largest magnitude, of blocks that of their scales; exact from 2 on, else that of the
            first stretch; infinite when one is not finite; 0 for integers.
        has_nan: Whether one is not a number.
        has_infinity: Whether one is infinite.
        is_constant: Whether all numbers are the same; of blocks, only whether all are zero.
        is_zero: Whether they are all zero.
    """

    is_read: bool
    largest: float = 0.0
    has_nan: bool = False
    has_infinity: bool = False
    is_constant: bool = False
    is_zero: bool = False


UNREAD: Final = TensorValues(is_read=False)
EMPTY: Final = TensorValues(is_read=True)


class ValueObserver:
    """Takes the bytes of one tensor after the other; a `scanner.tensorfiles.digests.PieceReader`."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int, str], TensorValues] = {}
        self._reader: _Floats | _Integers | None = None
        self._unit = 0
        self._rest = b""
        self._key = (0, 0, "")
        self._copy = np.empty(0, np.uint8)

    def begin(self, extent: TensorExtent) -> None:
        """The bytes that follow are of this tensor."""
        self._unit, self._rest, self._key = unit_bytes(extent.dtype), b"", _key(extent)
        self._reader = _reader_of(extent.dtype, self._unit)

    def take(self, piece: memoryview) -> None:
        """Takes the bytes that follow those of the last call."""
        if self._reader is None:
            return
        if self._rest:  # a number or block that began in the last piece
            missing = self._unit - len(self._rest)
            self._rest += bytes(piece[:missing])
            piece = piece[missing:]
            if len(self._rest) < self._unit:
                return
            self._reader.take(np.frombuffer(self._rest, np.uint8))
        whole = len(piece) - len(piece) % self._unit
        if whole:
            self._reader.take(self._aligned(np.frombuffer(piece[:whole], np.uint8), self._reader.alignment))
        self._rest = bytes(piece[whole:])

    def _aligned(self, data: npt.NDArray[np.uint8], alignment: int) -> npt.NDArray[np.uint8]:
        """The same bytes where numpy reads them as numbers at once: elsewhere that costs tenfold."""
        if data.__array_interface__["data"][0] % alignment == 0:
            return data
        if self._copy.size < data.size:
            self._copy = np.empty(data.size, np.uint8)
        copy = self._copy[: data.size]
        copy[:] = data
        return copy

    def end(self) -> None:
        """The tensor's bytes are all there."""
        if self._reader is not None:
            self._seen[self._key] = self._reader.values()

    def values_of(self, extent: TensorExtent) -> TensorValues:
        """What was seen of this tensor, or of another one at the same place and of the same format."""
        return self._seen.get(_key(extent), EMPTY if extent.begin == extent.end else UNREAD)


def _key(extent: TensorExtent) -> tuple[int, int, str]:
    return extent.begin, extent.end, extent.dtype


def _reader_of(dtype: str, unit: int) -> _Floats | _Integers | None:
    if not unit:
        return None
    if is_blocks(dtype):
        return _Blocks(dtype)
    found = float_format(dtype)
    return _Floats(found) if found else _Integers(unit)


class _Integers:
    """Numbers of which only is asked whether they are all the same."""

    def __init__(self, size_bytes: int) -> None:
        self._kind = np.dtype(f"<u{size_bytes}")
        self.alignment = self._kind.alignment
        self._first: int | None = None
        self._is_constant = True

    def take(self, data: npt.NDArray[np.uint8]) -> None:
        """Whole numbers as bytes, at least one."""
        self._look(data.view(self._kind))

    def _look(self, numbers: npt.NDArray[np.unsignedinteger]) -> None:
        if not self._is_constant:
            return
        if self._first is None:
            self._first = int(numbers[0])
        # The last and the middle one tell almost always that there is nothing to compare.
        ends = numbers[-1] == self._first and numbers[len(numbers) // 2] == self._first
        self._is_constant = bool(ends and (numbers == self._first).all())

    def values(self) -> TensorValues:
        """What was seen."""
        is_constant = self._is_constant and self._first is not None
        return TensorValues(True, is_constant=is_constant, is_zero=is_constant and self._first == 0)


class _Floats(_Integers):
    """Floats: how large, and whether they are numbers at all."""

    def __init__(self, number: FloatFormat) -> None:
        super().__init__(number.size_bytes)
        self._format = number
        self._signed = np.dtype(f"<i{number.size_bytes}")
        self._bits = 0
        self._largest_signed = 0
        self._largest_unsigned = 0

    def take(self, data: npt.NDArray[np.uint8]) -> None:
        """Whole numbers as bytes, at least one."""
        self._measure(data.view(self._kind))

    def _measure(self, numbers: npt.NDArray[np.unsignedinteger]) -> None:
        bits = int(np.bitwise_or.reduce(numbers))
        # In all these formats the highest bit of the exponent is set from 2 on.
        if self._first is None or bits & (self._format.sign >> 1):
            signed = numbers.view(self._signed)
            # Negative ones are the larger as unsigned integers, and below zero as signed ones.
            self._largest_signed = max(self._largest_signed, int(np.maximum.reduce(signed)))
            self._largest_unsigned = max(self._largest_unsigned, int(np.maximum.reduce(numbers)))
        self._bits |= bits
        self._look(numbers)

    def values(self) -> TensorValues:
        """What was seen."""
        positive, negative = self._largest_signed, max(self._largest_unsigned - self._format.sign, 0)
        largest, infinity = max(positive, negative), self._format.infinity
        plain = super().values()
        is_finite = largest < infinity
        return TensorValues(
            True,
            largest=self._format.magnitude(largest) if is_finite else math.inf,
            has_nan=largest > infinity or (largest == infinity and not self._format.has_infinity),
            has_infinity=self._format.has_infinity and infinity in (positive, negative),
            is_constant=plain.is_constant,
            is_zero=not self._bits & ~self._format.sign and self._first is not None,
        )


class _Blocks(_Floats):
    """Blocks of ggml, of which the scales are looked at."""

    def __init__(self, dtype: str) -> None:
        super().__init__(SCALE_FORMAT)
        self._dtype = dtype
        self.alignment = 1  # their scales are gathered anyway

    def take(self, data: npt.NDArray[np.uint8]) -> None:
        """Whole blocks, at least one."""
        self._measure(scales_of(self._dtype, data))

    def values(self) -> TensorValues:
        """What was seen; equal scales do not make equal numbers, unless they are zero."""
        seen = super().values()
        return TensorValues(
            True,
            seen.largest,
            seen.has_nan,
            seen.has_infinity,
            is_constant=seen.is_zero,
            is_zero=seen.is_zero,
        )
