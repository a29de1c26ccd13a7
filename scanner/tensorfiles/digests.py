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


class TensorWalk:
    """Takes a file block by block and hands its readers the bytes of every tensor, each stretch of them once.

    The places must not overlap in part, as `require_apart` makes sure. Of tensors that share bytes the first
    is handed over.
    """

    def __init__(self, extents: Sequence[TensorExtent], readers: Sequence[PieceReader]) -> None:
        first = {(each.begin, each.end): each for each in reversed(extents) if each.begin < each.end}
        self._extents = [first[place] for place in sorted(first)]
        self._readers = readers
        self._next = 0
        self._at = 0

    def update(self, block: memoryview) -> None:
        """Takes the bytes that follow those of the last call."""
        start, end = self._at, self._at + len(block)
        self._at = end
        while self._next < len(self._extents):
            extent = self._extents[self._next]
            if extent.begin >= end:
                return
            piece = block[max(extent.begin - start, 0) : extent.end - start]
            for reader in self._readers:
                if extent.begin >= start:
                    reader.begin(extent)
                reader.take(piece)
                if extent.end <= end:
                    reader.end()
            if extent.end > end:
                return
            self._next += 1

    @property
    def is_before_end(self) -> bool:
        """Whether bytes of tensors are still to come."""
        return self._next < len(self._extents)


class _Digester:
    """Digests one tensor after the other, by place."""

    def __init__(self) -> None:
        self.done: dict[tuple[int, int], str] = {}
        self._place = (0, 0)
        self._current = blake3()

    def begin(self, extent: TensorExtent) -> None:
        self._place, self._current = (extent.begin, extent.end), blake3()

    def take(self, piece: memoryview) -> None:
        self._current.update(piece)

    def end(self) -> None:
        self.done[self._place] = self._current.hexdigest()


class TensorHasher(TensorWalk):
    """Digests every tensor of a file; `beside` gets the same bytes."""

    def __init__(self, extents: Sequence[TensorExtent], beside: PieceReader | None = None) -> None:
        self._digester = _Digester()
        super().__init__(extents, [self._digester, *([beside] if beside is not None else [])])
        self._asked = extents

    def digests(self) -> tuple[TensorDigest, ...]:
        """Every tensor, in the order they were given; only after the whole file has passed by."""
        by_place = self._digester.done
        nothing = blake3().hexdigest()
        return tuple(
            TensorDigest(
                each.name,
                each.dtype,
                each.shape,
                by_place.get((each.begin, each.end), nothing),
                each.end - each.begin,
            )
            for each in self._asked
        )
