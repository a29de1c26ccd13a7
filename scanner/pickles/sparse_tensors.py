"""Holds the indices of sparse tensors in an archive of torch against the size they say they have.

`torch.load` does not compare them: indices outside of the size make the first use of the tensor write beyond
its memory, also after `weights_only=True`.

Source: torch 2.13, torch/_utils.py (`_rebuild_sparse_tensor`, `_validate_loaded_sparse_tensors`), and
`torch.sparse`, "Sparse CSR Tensor", invariants.

>>> import io
>>> fault_of_sparse_tensors(io.BytesIO(b"N."), lambda key, limit: b"")
Traceback (most recent call last):
scanner.pickles.sparse_tensors.NotComparableError: it hands on the function that makes them
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeGuard

from scanner.errors import ScanError
from scanner.pickles.instructions import run
from scanner.pickles.machine import Machine
from scanner.pickles.stand_ins import Made, Stored
from scanner.pickles.stream import BrokenPickleError, ByteStream, GlobalUse, PickleReading

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Indices = numpy.typing.NDArray[numpy.signedinteger[Any]]

UNCOMPARED: Final = "holds sparse tensors whose indices were not held against their size"
MAKER: Final = "torch._utils._rebuild_sparse_tensor"
# How a tensor with attributes of its own is pickled: the function and its arguments stand behind this one.
_BY_TYPE: Final = "torch._tensor._rebuild_from_type_v2"
_PATIENCE: Final = 6_000_000
_INDICES_LIMIT_BYTES: Final = 128 * 1024**2
_TENSORS_LIMIT: Final = 1000
_DIMENSIONS_LIMIT: Final = 64
_WIDTHS: Final = {"LongStorage": "<i8", "IntStorage": "<i4"}
_ROWS_FIRST: Final = ("torch.sparse_csr", "torch.sparse_bsr")
_COMPRESSED: Final = (*_ROWS_FIRST, "torch.sparse_csc", "torch.sparse_bsc")
_OUTSIDE: Final = "its indices lie outside of its size, so that using it writes beyond its memory"
# Reads what lies beside the pickle under a key, of more than so many bytes the first.
ReadsStored = Callable[[str, int], bytes]


class NotComparableError(ScanError):
    """Indices cannot be held against a size; the message is the reason, a clause."""


@dataclass
class _Collecting(Machine):
    """A machine that keeps what sparse tensors are made of."""

    made: list[tuple[object, ...]] = field(default_factory=list)

    def kept_of(self, maker: GlobalUse, args: tuple[object, ...]) -> tuple[object, ...]:
        """The arguments of this maker."""
        if maker.path == MAKER:
            self.made.append(args)
        elif maker.path == _BY_TYPE and len(args) > 2 and _is_maker(args[0]):
            self.made.append(args[2] if isinstance(args[2], tuple) else ())
        return super().kept_of(maker, args)


def makes_sparse_tensors(reading: PickleReading) -> bool:
    """Whether a pickle names what makes them."""
    return any(use.path == MAKER for use in reading.globals)


def fault_of_sparse_tensors(pickle: BinaryIO, stored: ReadsStored) -> str:
    """What is wrong with the sparse tensors of a pickle, a clause; "" for nothing.

    Raises:
        NotComparableError: when they are not as torch writes them, or too many.
    """
    machine = _Collecting(ByteStream(pickle), keeps_tables=True, patience=_PATIENCE)
    try:
        run(machine)
    except BrokenPickleError as error:
        raise NotComparableError(f"its pickle is more than can be read ({error})") from error
    if not machine.made:
        raise NotComparableError("it hands on the function that makes them")
    if len(machine.made) > _TENSORS_LIMIT:
        raise NotComparableError(f"it has more than {_TENSORS_LIMIT}")
    return _OUTSIDE if any(_reaches_out(args, stored) for args in machine.made) else ""


def _is_maker(value: object) -> bool:
    return isinstance(value, GlobalUse) and value.path == MAKER


def _reaches_out(args: tuple[object, ...], stored: ReadsStored) -> bool:
    layout, parts = args if len(args) == 2 else (None, None)
    name = layout.args[0] if isinstance(layout, Made) and len(layout.args) == 1 else None
    if isinstance(parts, tuple) and name == "torch.sparse_coo" and len(parts) in (3, 4):
        return _coordinates_reach_out(_indices(parts[0], stored), _shape(parts[1]), _sizes(parts[2]))
    if isinstance(parts, tuple) and name in _COMPRESSED and len(parts) == 4:
        return _compressed_reach_out(
            str(name),
            (_indices(parts[0], stored), _indices(parts[1], stored)),
            _shape(parts[2]),
            _sizes(parts[3]),
        )
    raise NotComparableError("they have a layout that is not described as usual")


def _coordinates_reach_out(indices: Indices, shape: tuple[int, ...], size: tuple[int, ...]) -> bool:
    """COO: one row of indices for each of the first dimensions, one column for each value."""
    if indices.ndim != 2 or len(indices) > len(size) or shape != (indices.shape[1], *size[len(indices) :]):
        return True
    return indices.size > 0 and any(
        row.min() < 0 or row.max() >= length for row, length in zip(indices, size, strict=False)
    )


def _compressed_reach_out(
    layout: str, indices: tuple[Indices, Indices], shape: tuple[int, ...], size: tuple[int, ...]
) -> bool:
    """CSR, CSC, BSR, BSC: where each row (or column) begins, and the columns (or rows) of its values."""
    begins, plain = indices
    batch = begins.ndim - 1
    is_blocked = layout.startswith("torch.sparse_bs")
    block = shape[batch + 1 : batch + 3] if is_blocked else (1, 1)
    lengths = size[batch : batch + 2]
    if batch < 0 or len(lengths) != 2 or len(block) != 2 or 0 in block:
        return True
    rows, columns = (length // width for length, width in zip(lengths, block, strict=True))
    count, limit = (rows, columns) if layout in _ROWS_FIRST else (columns, rows)
    is_fitting = begins.shape == (*size[:batch], count + 1) and plain.shape[:-1] == begins.shape[:-1]
    if not is_fitting or plain.ndim != begins.ndim or shape[: batch + 1] != plain.shape:
        return True
    if begins.size and ((begins[..., 0] != 0).any() or (begins[..., -1] != plain.shape[-1]).any()):
        return True
    is_ordered = not (begins[..., 1:] < begins[..., :-1]).any()
    return not is_ordered or (plain.size > 0 and bool(plain.min() < 0 or plain.max() >= limit))


def _sizes(value: object) -> tuple[int, ...]:
    """The numbers of a `torch.Size`, or of a tuple."""
    if isinstance(value, Made) and value.maker is not None and value.maker.path == "torch.Size":
        value = value.args[0] if len(value.args) == 1 else None
    if not _are_sizes(value):
        raise NotComparableError("they have a size that is none")
    return value


def _are_sizes(value: object) -> TypeGuard[tuple[int, ...]]:
    return (
        isinstance(value, tuple)
        and len(value) <= _DIMENSIONS_LIMIT
        and all(type(item) is int and 0 <= item < 2**63 for item in value)
    )


def _shape(tensor: object) -> tuple[int, ...]:
    """The shape of a plain tensor: storage, offset, shape, stride, ..."""
    is_plain = isinstance(tensor, Made) and tensor.maker is not None and (
        tensor.maker.path in ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3")
    )  # fmt: skip
    if not isinstance(tensor, Made) or not is_plain or len(tensor.args) < 4:
        raise NotComparableError("they are made of something else than plain tensors")
    return _sizes(tensor.args[2])


def _indices(tensor: object, stored: ReadsStored) -> Indices:
    """The numbers of a plain tensor of integers."""
    import numpy

    shape = _shape(tensor)
    storage, offset, _, stride = tensor.args[:4] if isinstance(tensor, Made) else (None,) * 4
    key = storage.key if isinstance(storage, Stored) and isinstance(storage.key, tuple) else ()
    kind = key[1].name if len(key) > 2 and isinstance(key[1], GlobalUse) else ""
    if kind not in _WIDTHS or not isinstance(key[2], str):
        raise NotComparableError("they have indices that are no whole numbers")
    strides, begin = _sizes(stride), _sizes((offset,))[0]
    data = stored(key[2], _INDICES_LIMIT_BYTES)
    width = numpy.dtype(_WIDTHS[kind]).itemsize
    numbers = numpy.frombuffer(data, _WIDTHS[kind], len(data) // width)
    if len(strides) != len(shape) or math.prod(shape) > len(numbers):
        raise NotComparableError("their indices are longer than what is stored or read")
    if 0 in shape:
        return numpy.zeros(shape, _WIDTHS[kind])
    last = begin + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
    if last >= len(numbers):
        raise NotComparableError("their indices are longer than what is stored or read")
    return numpy.lib.stride_tricks.as_strided(
        numbers[begin:], shape, tuple(step * width for step in strides), writeable=False
    )
