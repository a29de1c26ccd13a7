"""What a tensor's place in a file is, and when the places of a whole file can be believed.

>>> one, two = TensorExtent("a", "U8", (2,), 8, 10), TensorExtent("b", "U8", (2,), 9, 11)
>>> require_apart([one, two])
Traceback (most recent call last):
scanner.tensorfiles.extent.UnmappedError: 'b' overlaps 'a' in part
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from scanner.errors import ScanError
from scanner.tensorfiles.safetensors_layout import shown

# A trillion parameters in one file would be some 140 000 tensors. Their names take memory, not their values.
TENSORS_LIMIT: Final = 200_000


class UnmappedError(ScanError):
    """The tensors of a file cannot be told apart; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class TensorExtent:
    """One tensor and where its values lie, contiguous and little-endian.

    Attributes:
        name: As the container writes it.
        dtype: As safetensors spells it ("BF16"), or the ggml type of quantised blocks ("Q4_K").
        shape: Elements per dimension, outermost first; () for a single number.
        begin: First byte, counted from the beginning of the file.
        end: Byte after the last.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def require_apart(extents: Iterable[TensorExtent]) -> None:
    """Makes sure that no two tensors overlap, except where they are the very same bytes (tied weights).

    Raises:
        UnmappedError: when two do.
    """
    before: TensorExtent | None = None
    for extent in sorted(extents, key=lambda each: (each.begin, each.end)):
        if extent.begin == extent.end:
            continue
        is_tied = before is not None and (before.begin, before.end) == (extent.begin, extent.end)
        if before is not None and extent.begin < before.end and not is_tied:
            raise UnmappedError(f"'{shown(extent.name)}' overlaps '{shown(before.name)}' in part")
        before = extent
