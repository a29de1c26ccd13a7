"""Looks at samples of every tensor of a file for what was hidden in its numbers."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from scanner.tensorfiles.extent import TensorExtent
from scanner.tensorfiles.safetensors_layout import shown
from scanner.weights.formats import float_format
from scanner.weights.lowbits import (
    WINDOW_VALUES,
    Sort,
    mixture,
    odd_ones,
    sorts_of,
    usual_sort,
)
from scanner.weights.naming import role_of
from scanner.weights.payload import TEXT, recognised, streams

_WORDS: Final = {"F32": "<u4", "F16": "<u2", "BF16": "<u2"}
_BYTES: Final = frozenset({"U8", "I8"})
# More in small tensors, where a payload takes few windows.
_WINDOWS, _WINDOWS_IF_SMALL, _SMALL_VALUES = 24, 64, 2**20
_HEAD_BYTES: Final = 4096
# As many as spell 128 bytes with their lowest bits alone.
_SPELT_VALUES: Final = 1024
# Rows of a vocabulary that were never trained, or were added later, are of another sort and honest.
_UNEVEN: Final = re.compile(r"embed|wte|wpe|token|vocab|lm_head|output\.weight|position", re.IGNORECASE)


@dataclass(frozen=True)
class Hidden:
    """Something in the numbers of a tensor that training does not leave there.

    Attributes:
        name: Of the tensor, safe to print.
        what: A clause: "its lowest 8 bits begin with an ELF program".
        is_recognised: Whether a file or text was recognised, not only a stretch that is unlike the rest.
    """

    name: str
    what: str
    is_recognised: bool


def hidden_in(
    path: Path, extents: Sequence[TensorExtent], seed: int, between_tensors: Callable[[], None]
) -> Iterator[Hidden]:
    """What is hidden in the tensors of the file at `path`, as far as samples show it.

    Args:
        path: On disk.
        extents: Its tensors.
        seed: Of the places that are looked at.
        between_tensors: Called before each, to end the work.

    Raises:
        OSError: when it cannot be read.
    """
    by_role: dict[str, dict[str, Sort | None]] = defaultdict(dict)
    with path.open("rb", buffering=0) as stream:
        for extent in extents:
            between_tensors()
            kind = recognised(_bytes_at(stream, extent.begin, min(extent.end - extent.begin, _HEAD_BYTES)))
            if kind:
                # Some repositories keep a tokenizer's file in a tensor of bytes.
                is_odd = extent.dtype not in _BYTES or kind != TEXT
                yield Hidden(shown(extent.name), f"its bytes hold {kind}", is_recognised=is_odd)
                continue
            number = float_format(extent.dtype)
            windows = _windows(stream, extent, random.Random(f"{seed}\0{extent.name}"))
            if windows is None or number is None:
                continue
            if found := _recognised_in(windows[0, :_SPELT_VALUES]):
                yield Hidden(shown(extent.name), found, is_recognised=True)
                continue
            sorts = sorts_of(windows, number.mantissa_bits)
            mixed = None if _UNEVEN.search(extent.name) else mixture(sorts)
            if mixed:
                count = sum(sort is mixed[1] for sort in sorts)
                places = f"in {count} of {len(sorts)} places its low bits are {mixed[1].value}"
                what = f"{places}, elsewhere {mixed[0].value}"
                yield Hidden(shown(extent.name), what, is_recognised=False)
            else:
                by_role[f"{extent.dtype} {role_of(extent.name)}"][extent.name] = usual_sort(sorts)
    yield from _unlike_siblings(by_role)


def _unlike_siblings(by_role: dict[str, dict[str, Sort | None]]) -> Iterator[Hidden]:
    for tensors in by_role.values():
        names, usual = odd_ones(tensors)
        for name in names:
            sort = tensors[name]
            if sort is not None and usual is not None:
                what = (
                    f"its low bits are {sort.value}, those of the same tensor in other layers {usual.value}"
                )
                yield Hidden(shown(name), what, is_recognised=False)


def _recognised_in(words: npt.NDArray[np.unsignedinteger]) -> str:
    for which, data in streams(words):
        if kind := recognised(data):
            return f"{which} of its numbers hold {kind}"
    return ""


def _windows(
    stream: BinaryIO, extent: TensorExtent, choice: random.Random
) -> npt.NDArray[np.unsignedinteger] | None:
    """Bits of numbers, (stretches, numbers), the first stretch and some at random; None of small tensors."""
    kind = _WORDS.get(extent.dtype)
    if kind is None:
        return None
    size = np.dtype(kind).itemsize
    count = (extent.end - extent.begin) // size
    if count < WINDOW_VALUES:
        return None
    # One in each of equal parts: a payload of a few parts cannot lie between all of them.
    parts = min(_WINDOWS_IF_SMALL if count <= _SMALL_VALUES else _WINDOWS, count // WINDOW_VALUES)
    room = count // parts - WINDOW_VALUES
    places = [0] + [part * (count // parts) + choice.randint(0, room) for part in range(1, parts)]
    data = [_bytes_at(stream, extent.begin + place * size, WINDOW_VALUES * size) for place in places]
    return np.frombuffer(b"".join(data), kind).reshape(len(places), WINDOW_VALUES)


def _bytes_at(stream: BinaryIO, begin: int, count: int) -> bytes:
    stream.seek(begin)
    data = stream.read(count)
    if len(data) != count:
        raise OSError("a file ends before its tensors do")
    return data
