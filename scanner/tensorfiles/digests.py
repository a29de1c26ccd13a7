"""Digests of single tensors, made while the bytes of their file pass by for another reason.

>>> from scanner.tensorfiles.extent import TensorExtent
>>> hasher = TensorHasher([TensorExtent("w", "U8", (2,), 1, 3)])
>>> hasher.update(memoryview(b"-a"))
>>> hasher.update(memoryview(b"b-"))
>>> hasher.digests()[0].digest == blake3(b"ab").hexdigest()
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3

from scanner.tensorfiles.extent import TensorExtent


@dataclass(frozen=True, slots=True)
class TensorDigest:
    """One tensor and what its values are.

    Attributes:
        name: As the container writes it.
        dtype: As of `TensorExtent`.
        shape: Elements per dimension, outermost first.
        digest: BLAKE3 of the values as contiguous little-endian bytes, 64 hex digits.
        size_bytes: Of the values.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: str
    size_bytes: int

    @property
    def content(self) -> tuple[str, tuple[int, ...], str]:
        """Number format, shape and values: all but the name."""
        return self.dtype, self.shape, self.digest


class PieceReader(Protocol):
    """What looks at the bytes of tensors beside their digests, while they are in the processor's cache."""

    def begin(self, extent: TensorExtent) -> None:
        """The bytes that follow are of this tensor."""
        ...

    def take(self, piece: memoryview) -> None:
        """The next bytes of it."""
        ...

    def end(self) -> None:
        """There are no more."""
        ...


class TensorHasher:
    """Takes a file block by block and digests every tensor in it; tensors that share bytes are digested once.

    The places must not overlap in part, as `require_apart` makes sure. `beside` gets the same bytes.
    """

    def __init__(self, extents: Sequence[TensorExtent], beside: PieceReader | None = None) -> None:
        self._extents = extents
        self._beside = beside
        first = {(each.begin, each.end): each for each in reversed(extents) if each.begin < each.end}
        self._ranges = sorted(first)
        self._first = [first[place] for place in self._ranges]
        self._done: list[str] = []
        self._current = blake3()
        self._at = 0

    def update(self, block: memoryview) -> None:
        """Takes the bytes that follow those of the last call."""
        start, end = self._at, self._at + len(block)
        self._at = end
        while len(self._done) < len(self._ranges):
            begin, stop = self._ranges[len(self._done)]
            if begin >= end:
                return
            piece = block[max(begin - start, 0) : stop - start]
            self._current.update(piece)
            if self._beside is not None:
                self._show(self._beside, piece, begins=begin >= start, ends=stop <= end)
            if stop > end:
                return
            self._done.append(self._current.hexdigest())
            self._current = blake3()

    def _show(self, beside: PieceReader, piece: memoryview, *, begins: bool, ends: bool) -> None:
        if begins:
            beside.begin(self._first[len(self._done)])
        beside.take(piece)
        if ends:
            beside.end()

    def digests(self) -> tuple[TensorDigest, ...]:
        """Every tensor, in the order they were given; only after the whole file has passed by."""
        by_place = dict(zip(self._ranges, self._done, strict=True))
        nothing = blake3().hexdigest()
        return tuple(
            TensorDigest(
                each.name,
                each.dtype,
                each.shape,
                by_place.get((each.begin, each.end), nothing),
                each.end - each.begin,
            )
            for each in self._extents
        )
